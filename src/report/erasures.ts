import { type Erasure, type ErasureResult, erasuresForm, expectResult } from "../dla/index.ts";
import { attributionLines, field } from "./header.ts";
import { checkLine } from "./ledger.ts";
import { decimalsFor, plural, signed } from "./numbers.ts";
import { expectLook } from "./options.ts";
import { type Paint, paint } from "./paint.ts";
import { siteLines } from "./sites.ts";
import type { TableOptions } from "./table.ts";
import { columns, padColumns, visible } from "./text.ts";

/** How many pairs are listed where nobody says: heads have hundreds. */
const TOP = 20;

const meaning = {
  component: "a later component against an earlier one",
  head: "a later head or MLP against an earlier one",
} as const;

/**
 * Erasures as text: for each prompt and position a line for each pair, the greatest share first, as many as `top`, by
 * default 20.
 *
 * @throws ValueError unless `top` is a positive integer
 */
export function toErasuresTable(result: ErasureResult, options: TableOptions = {}): string {
  expectResult("toErasuresTable", result, "erasures", erasuresForm);
  expectLook("toErasuresTable", options);
  const { top = TOP, color = false } = options;
  const width = Math.max(options.width ?? 80, 40);
  const on = paint(color);
  const lines = siteLines(result, result.attributions, width, on, (one) => [
    ...attributionLines(result, one, on),
    "",
    field("by", `${on.bold("erasures")}${on.dim(` · ${meaning[result.unit]}`)}`, on),
    ...pairLines(one.pairs, result.threshold, top, on),
    checkLine([one], on),
  ]);
  const notes = [
    "share: what the eraser took back of what was written; left: how much of it the",
    "final residual has; then their rows of the attribution, and the sum of the two",
  ];
  return `${[...lines, "", ...notes.map(on.dim)].join("\n")}\n`;
}

function pairLines(pairs: readonly Erasure[], threshold: number, top: number, on: Paint): string[] {
  if (pairs.length === 0) return [on.dim(`none, of a share of ${percent(threshold)} or more`)];
  const shown = pairs.slice(0, top);
  const rows = shown.map(({ scores }) => [scores.writer, scores.eraser, scores.net]);
  const decimals = decimalsFor(rows.flat());
  const table = [
    ["writer", "eraser", "share", "cosine", "left", "its row", "eraser's", "net"],
    ...shown.map(({ writer, eraser, share, cosine, remaining }, i) => [
      ...[visible(writer), visible(eraser), percent(share), cosine.toFixed(2)],
      ...[percent(remaining.at(-1)!), ...rows[i].map((row) => signed(row, decimals))],
    ]),
  ];
  const widths = table[0].map((_, k) => Math.max(...table.map((cells) => columns(cells[k]))));
  const [head, ...lines] = table.map((cells, i) => {
    const padded = cells.map((cell, k) => {
      if (k < 2) return padColumns(cell, widths[k]);
      const aligned = cell.padStart(widths[k]);
      return i > 0 && k > 4 ? on.sign(rows[i - 1][k - 5], aligned) : aligned;
    });
    return padded.join("  ");
  });
  const others = pairs.length - shown.length;
  return [on.dim(head), ...lines, ...(others > 0 ? [on.dim(plural(others, "other"))] : [])];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
