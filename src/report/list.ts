import { type BarScale, bar } from "./bars.ts";
import { HANG } from "./layout.ts";
import { signed } from "./numbers.ts";
import type { Paint } from "./paint.ts";
import { columns, padColumns } from "./text.ts";

/** A line of a list: a label and its score, with the score's standard error or a note. */
export interface Line {
  readonly label: string;
  readonly score: number;
  readonly standardError?: number | undefined;
  readonly note?: string | undefined;
  /** The change if what the line is of were left out. */
  readonly leftOut?: number | undefined;
  /** Whether the score gets a bar; default true. */
  readonly hasBar?: boolean;
}

/** How wide the columns are, and what the bars are drawn to; shared by lists that are to be compared. */
export interface ListLayout {
  readonly labelWidth: number;
  readonly decimals: number;
  readonly scoreWidth: number;
  /** With its parentheses and the space before them; 0 where there are none. */
  readonly leftOutWidth: number;
  /** Null where there is no room for them. */
  readonly bars: BarScale | null;
}

/**
 * The widths that hold these labels and scores; a label that leaves too little of the width gets a line to itself.
 *
 * @param besideWidth of what stands between score and bar
 */
export function listLayout(
  lines: readonly Line[],
  {
    decimals,
    bars,
    width,
    leftOutWidth,
    besideWidth,
  }: Omit<ListLayout, "labelWidth" | "scoreWidth"> & {
    readonly width: number;
    readonly besideWidth: number;
  },
): ListLayout {
  const widest = (of: (line: Line) => string) =>
    lines.reduce((most, line) => Math.max(most, columns(of(line))), 0);
  const scoreWidth = widest(({ score }) => signed(score, decimals));
  const room = Math.max(0, width - 2 - scoreWidth - besideWidth);
  return {
    labelWidth: Math.min(
      room,
      widest(({ label }) => label),
    ),
    decimals,
    scoreWidth,
    leftOutWidth,
    bars,
  };
}

/** Label, score aligned on the point, and a bar from a common axis: to the left below zero, to the right above. */
export function renderList(lines: readonly Line[], layout: ListLayout, paint: Paint): string[] {
  return lines.flatMap(({ label, score, standardError, note, leftOut, hasBar = true }) => {
    const number = paint.sign(score, signed(score, layout.decimals).padStart(layout.scoreWidth));
    const error =
      standardError === undefined ? "" : paint.dim(` ± ${standardError.toFixed(layout.decimals)}`);
    const out = leftOut === undefined ? "" : ` (${signed(leftOut, layout.decimals)})`;
    const isOver = columns(label) > layout.labelWidth;
    const above = isOver ? [label] : [];
    const start = `${padColumns(isOver ? "" : label, layout.labelWidth)}  ${number}${error}${paint.dim(out.padStart(hasBar ? layout.leftOutWidth : 0))}`;
    if (!hasBar) return [...above, note ? `${start}  ${HANG}${paint.dim(note)}` : start];
    if (layout.bars === null) return [...above, start];
    const { left, right } = bar(score, layout.bars);
    return [...above, `${start}  ${paint.sign(score, left)}${paint.dim("│")}${paint.sign(score, right)}`];
  });
}
