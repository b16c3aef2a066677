import type { AblationResult, PositionEffects } from "../dla/index.ts";
import { expectKnown } from "../model/index.ts";
import { type Column, columnLines } from "./columns.ts";
import { attributionLines, field, modelLine } from "./header.ts";
import { HANG, layOut } from "./layout.ts";
import { decimalsFor, signed } from "./numbers.ts";
import { type Paint, paint } from "./paint.ts";
import { promptLines, promptName } from "./prompt.ts";
import type { TableOptions } from "./table.ts";
import { visible } from "./text.ts";
import { expectTop, tableNames } from "./top.ts";

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
  expectKnown("toAblationTable", options, tableNames);
  const { top, color = false } = options;
  expectTop("toAblationTable", top);
  const width = Math.max(options.width ?? 80, 40);
  const on = paint(color);
  const lines = [modelLine(result.model, on)];
  for (const [index, one] of result.attributions.entries()) {
    const { prompts } = result;
    const name = promptName(prompts, one.prompt);
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
    lines.push(...effectLines(result.labels, one, top ?? result.labels.length, width, on));
  }
  lines.push(
    "",
    HANG + on.dim("direct: the row's change, LayerNorm's scale frozen; exact: the scale anew"),
    HANG + on.dim("total: all later layers computed anew; indirect: total − exact"),
  );
  return layOut(lines, width);
}

function effectLines(
  labels: readonly string[],
  one: PositionEffects,
  top: number,
  width: number,
  on: Paint,
): string[] {
  const order = [...labels.keys()];
  if (top < labels.length) order.sort((a, b) => Math.abs(one.total[b]) - Math.abs(one.total[a]));
  const rows = order.slice(0, top);
  const decimals = decimalsFor(effects.flatMap((effect) => rows.map((row) => one[effect][row])));
  const numbers = effects.map(
    (effect): Column => ({
      title: titles[effect],
      cells: rows.map((row) => signed(one[effect][row], decimals)),
      align: "right",
      paint: (text, i) => on.sign(one[effect][rows[i]], text),
    }),
  );
  const names: Column = { title: "", cells: rows.map((row) => visible(labels[row])), align: "left" };
  return columnLines([names, ...numbers], 1, width, on);
}
