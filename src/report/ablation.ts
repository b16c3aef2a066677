import { type AblationResult, ablationForm, expectResult, type PositionEffects } from "../dla/index.ts";
import { attributionLines, field, modelLine, promptLines } from "./header.ts";
import { decimalsFor, signed } from "./numbers.ts";
import { expectLook } from "./options.ts";
import { type Paint, paint } from "./paint.ts";
import type { TableOptions } from "./table.ts";
import { columns, padColumns } from "./text.ts";

const effects = ["total", "direct", "directExact", "indirect"] as const;
const titles = { total: "total", direct: "direct", directExact: "exact", indirect: "indirect" } as const;
const replaced = { zero: "zero", mean: "the prompts' mean", from: "another prompt's" } as const;
const where = { all: "at every position", attributed: "at this position" } as const;

/**
 * The effects of ablations as text: for each prompt and position a line for each label, and its four effects; with `top` those
 * of the greatest total alone.
 *
 * @throws ValueError unless `top` is a positive integer
 */
export function toAblationTable(result: AblationResult, options: TableOptions = {}): string {
  expectResult("toAblationTable", result, "ablation", ablationForm);
  expectLook("toAblationTable", options);
  const { top, color = false } = options;
  const width = Math.max(options.width ?? 80, 40);
  const on = paint(color);
  const lines = [modelLine(result.model, on)];
  for (const [index, one] of result.attributions.entries()) {
    const { prompts } = result;
    const name = prompts.length > 1 ? `prompt ${one.prompt + 1}` : "prompt";
    const marked = new Set([one.pos]);
    lines.push(...(index > 0 ? [""] : []), ...promptLines(name, prompts[one.prompt], marked, width, on));
    lines.push(...attributionLines(result, one, on), "");
    lines.push(
      field(
        "ablated",
        `${on.bold(result.unit)}${on.dim(` · ${replaced[result.ablate]} ${where[result.at]}`)}`,
        on,
      ),
    );
    lines.push(...effectLines(result.labels, one, top ?? result.labels.length, on));
  }
  lines.push(
    "",
    on.dim("direct: the row's change, LayerNorm's scale frozen; exact: the scale anew"),
    on.dim("total: all later layers computed anew; indirect: total − exact"),
  );
  return `${lines.join("\n")}\n`;
}

function effectLines(labels: readonly string[], one: PositionEffects, top: number, on: Paint): string[] {
  const order = [...labels.keys()];
  if (top < labels.length) order.sort((a, b) => Math.abs(one.total[b]) - Math.abs(one.total[a]));
  const rows = order.slice(0, top);
  const decimals = decimalsFor(effects.flatMap((effect) => rows.map((row) => one[effect][row])));
  const cells = effects.map((effect) => rows.map((row) => signed(one[effect][row], decimals)));
  const labelWidth = Math.max(...rows.map((row) => columns(labels[row])));
  const cellWidth = Math.max("indirect".length, ...cells.flat().map((cell) => cell.length));
  const head = effects.map((effect) => titles[effect].padStart(cellWidth + 2)).join("");
  const shown = rows.map((row, i) => {
    const numbers = effects.map((effect, e) =>
      on.sign(one[effect][row], cells[e][i].padStart(cellWidth + 2)),
    );
    return padColumns(labels[row], labelWidth) + numbers.join("");
  });
  return [on.dim(" ".repeat(labelWidth) + head), ...shown];
}
