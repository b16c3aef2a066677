import { expectResult, type LogitLens, type LogitLensResult, lensForm } from "../dla/index.ts";
import { attributionLines, field } from "./header.ts";
import { checkLine } from "./ledger.ts";
import { signed } from "./numbers.ts";
import { expectLook } from "./options.ts";
import { type Paint, paint } from "./paint.ts";
import { siteLines } from "./sites.ts";
import { columns, padColumns, quoteToken } from "./text.ts";

/** How the lens's table is to look. */
export interface LensTableOptions {
  /** ANSI colours; default false. */
  readonly color?: boolean | undefined;
  /** Columns of the terminal; default 80. */
  readonly width?: number | undefined;
}

/**
 * A logit lens as text: for each row of the residual stream the answer's logit, rank and probability, the entropy, and the most
 * probable tokens, as many as the line has room for.
 */
export function toLensTable(result: LogitLensResult, options: LensTableOptions = {}): string {
  expectResult("toLensTable", result, "lens", lensForm);
  expectLook("toLensTable", options);
  const on = paint(options.color ?? false);
  const width = Math.max(options.width ?? 80, 40);
  const lines = siteLines(result, result.lenses, width, on, (lens) => {
    const [position, logit] = attributionLines(result, lens, on);
    return [position, ...(lens.answer ? [logit] : []), "", ...rowLines(result, lens, width, on)];
  });
  return `${lines.join("\n")}\n`;
}

const meaning = {
  recomputed: "LayerNorm computed anew for each row",
  frozen: "each row at the final norm's scale",
} as const;

function rowLines(result: LogitLensResult, lens: LogitLens, width: number, on: Paint): string[] {
  const { logits, differences, ranks, probabilities, entropies } = lens;
  const table: (readonly [string, readonly string[]])[] = [
    ["", result.labels],
    ...(differences ? [["logit diff", Array.from(differences, (x) => signed(x, 4))] as const] : []),
    ...(logits && !differences ? [["logit", Array.from(logits, (x) => signed(x, 4))] as const] : []),
    ...(ranks ? [["rank", Array.from(ranks, String)] as const] : []),
    ...(probabilities ? [["probability", Array.from(probabilities, percent)] as const] : []),
    ["entropy", Array.from(entropies, (x) => x.toFixed(3))],
  ];
  const widths = table.map(([name, cells]) => Math.max(columns(name), ...cells.map(columns)));
  const start = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? padColumns(cell, widths[i]) : cell.padStart(widths[i]))).join("  ");
  const room = width - widths.reduce((sum, one) => sum + one + 2, 0);
  const rows = result.labels.map((_, row) => {
    const cells = start(table.map(([, column]) => column[row]));
    return `${cells}  ${on.dim(tokensWithin(lens.top[row], room))}`.trimEnd();
  });
  return [
    field(
      "by",
      `${on.bold("logit lens")}${on.dim(` · what each row predicts, ${meaning[result.scale]}`)}`,
      on,
    ),
    on.dim(`${start(table.map(([name]) => name))}  most probable`),
    ...rows,
    checkLine([lens], on),
  ];
}

/** As many of the tokens as fit, one at the least. */
function tokensWithin(top: LogitLens["top"][number], room: number): string {
  let line = "";
  for (const token of top) {
    const next = `${line === "" ? "" : "  "}${quoteToken(token)} ${percent(token.probability)}`;
    if (line !== "" && columns(line) + columns(next) > room) break;
    line += next;
  }
  return line;
}

function percent(probability: number): string {
  return probability >= 0.0005 ? `${(100 * probability).toFixed(1)}%` : probability.toExponential(0);
}
