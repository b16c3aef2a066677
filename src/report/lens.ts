import { expectResult, type LogitLens, type LogitLensResult, lensForm } from "../dla/index.ts";
import type { NamesOf } from "../model/index.ts";
import { type Column, columnLines, widthOfColumn } from "./columns.ts";
import { attributionLines, field } from "./header.ts";
import { layOut } from "./layout.ts";
import { checkLine } from "./ledger.ts";
import { percent, signed } from "./numbers.ts";
import { expectLook } from "./options.ts";
import { type Paint, paint } from "./paint.ts";
import { siteLines } from "./sites.ts";
import { columns, quoteToken, visible } from "./text.ts";

/** How the lens's table is to look. */
export interface LensTableOptions {
  /** ANSI colours; default false. */
  readonly color?: boolean | undefined;
  /** Columns of the terminal; default 80. */
  readonly width?: number | undefined;
}

export const lensTableNames: NamesOf<LensTableOptions> = { color: true, width: true };

/**
 * A logit lens as text: for each row of the residual stream the answer's logit, rank and probability, the entropy, and the most
 * probable tokens, as many as the line has room for.
 *
 * @throws ValueError for an option that there is not
 */
export function toLensTable(result: LogitLensResult, options: LensTableOptions = {}): string {
  expectResult("toLensTable", result, "lens", lensForm);
  expectLook("toLensTable", options, lensTableNames);
  const on = paint(options.color ?? false);
  const width = Math.max(options.width ?? 80, 40);
  const lines = siteLines(result, result.lenses, width, on, (lens) => {
    const [position, logit] = attributionLines(result, lens, on);
    return [position, ...(lens.answer ? [logit] : []), "", ...rowLines(result, lens, width, on)];
  });
  return layOut(lines, width);
}

const meaning = {
  recomputed: "what each row predicts, LayerNorm computed anew",
  frozen: "what each row predicts at the final norm's scale",
} as const;

function rowLines(result: LogitLensResult, lens: LogitLens, width: number, on: Paint): string[] {
  const { logits, differences, ranks, probabilities, entropies } = lens;
  const cells = <T>(values: Iterable<T>, show: (value: T) => string) => Array.from(values, show);
  const four = (x: number) => signed(x, 4);
  const columnOf = (title: string, cells: readonly string[], align: "left" | "right" = "right"): Column => ({
    ...{ title, cells, align },
  });
  const numbers = [
    ...(differences ? [columnOf("logit diff", cells(differences, four))] : []),
    ...(logits && !differences ? [columnOf("logit", cells(logits, four))] : []),
    ...(ranks ? [columnOf("rank", cells(ranks, String))] : []),
    ...(probabilities
      ? [
          columnOf(
            "probability",
            cells(probabilities, (x) => percent(x)),
          ),
        ]
      : []),
    columnOf(
      "entropy",
      cells(entropies, (x) => x.toFixed(3)),
    ),
  ];
  const labels = columnOf("", result.labels.map(visible), "left");
  const taken = (some: readonly Column[]) => some.reduce((sum, column) => sum + widthOfColumn(column) + 2, 0);
  const inline = width - taken([labels, ...numbers]);
  const least = lens.top.reduce((most, top) => Math.max(most, columns(tokensWithin(top, 0))), 0);
  const room = inline < least ? width - taken([labels]) : inline; // or else in lines of their own
  const tokens: Column = {
    ...columnOf(
      "most probable",
      cells(lens.top, (top) => tokensWithin(top, room)),
      "left",
    ),
    paint: on.dim,
  };
  return [
    field("by", `${on.bold("logit lens")}${on.dim(` · ${meaning[result.scale]}`)}`, on),
    ...columnLines([labels, ...numbers, tokens], 1, width, on),
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
