import { type Erasure, type ErasureResult, erasuresForm, expectResult } from "../dla/index.ts";
import { type Column, columnLines } from "./columns.ts";
import { attributionLines, field } from "./header.ts";
import { HANG, layOut } from "./layout.ts";
import { checkLine } from "./ledger.ts";
import { decimalsFor, percent, plural, signed } from "./numbers.ts";
import { expectLook } from "./options.ts";
import { type Paint, paint } from "./paint.ts";
import { siteLines } from "./sites.ts";
import type { TableOptions } from "./table.ts";
import { visible } from "./text.ts";
import { tableNames } from "./top.ts";

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
  expectLook("toErasuresTable", options, tableNames);
  const { top = TOP, color = false } = options;
  const width = Math.max(options.width ?? 80, 40);
  const on = paint(color);
  const lines = siteLines(result, result.attributions, width, on, (one) => [
    ...attributionLines(result, one, on),
    "",
    field("by", `${on.bold("erasures")}${on.dim(` · ${meaning[result.unit]}`)}`, on),
    ...pairLines(one.pairs, result.threshold, top, width, on),
    checkLine([one], on),
  ]);
  const notes = [
    "share: what the eraser took back of what was written; left: how much of it the " +
      "final residual has; then their rows of the attribution, and the sum of the two",
  ];
  return layOut([...lines, "", ...notes.map((note) => HANG + on.dim(note))], width);
}

function pairLines(
  pairs: readonly Erasure[],
  threshold: number,
  top: number,
  width: number,
  on: Paint,
): string[] {
  if (pairs.length === 0) return [on.dim(`none, of a share of ${percent(threshold)} or more`)];
  const shown = pairs.slice(0, top);
  const score = (title: string, of: (scores: Erasure["scores"]) => number): Column => ({
    title,
    cells: shown.map(({ scores }) => signed(of(scores), decimals)),
    align: "right",
    paint: (text, row) => on.sign(of(shown[row].scores), text),
  });
  const cell = (align: "left" | "right", title: string, of: (pair: Erasure) => string): Column => ({
    ...{ title, align, cells: shown.map(of) },
  });
  const decimals = decimalsFor(shown.flatMap(({ scores }) => [scores.writer, scores.eraser, scores.net]));
  const table = [
    cell("left", "writer", ({ writer }) => visible(writer)),
    cell("left", "eraser", ({ eraser }) => visible(eraser)),
    cell("right", "share", ({ share }) => percent(share)),
    cell("right", "cosine", ({ cosine }) => cosine.toFixed(2)),
    cell("right", "left", ({ remaining }) => percent(remaining.at(-1)!)),
    score("its row", ({ writer }) => writer),
    score("eraser's", ({ eraser }) => eraser),
    score("net", ({ net }) => net),
  ];
  const others = pairs.length - shown.length;
  return [...columnLines(table, 2, width, on), ...(others > 0 ? [on.dim(plural(others, "other"))] : [])];
}
