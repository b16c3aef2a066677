import { type BarScale, bar } from "./bars.ts";
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
  readonly bars: BarScale;
}

/** The widths that hold all these labels and scores. */
export function listLayout(
  labels: readonly string[],
  scores: readonly number[],
  decimals: number,
  bars: BarScale,
  leftOutWidth = 0,
): ListLayout {
  return {
    labelWidth: Math.max(0, ...labels.map(columns)),
    decimals,
    scoreWidth: scores.reduce((widest, score) => Math.max(widest, signed(score, decimals).length), 0),
    leftOutWidth,
    bars,
  };
}

/** Label, score aligned on the point, and a bar from a common axis: to the left below zero, to the right above. */
export function renderList(lines: readonly Line[], layout: ListLayout, paint: Paint): string[] {
  return lines.map(({ label, score, standardError, note, leftOut, hasBar = true }) => {
    const number = paint.sign(score, signed(score, layout.decimals).padStart(layout.scoreWidth));
    const error =
      standardError === undefined ? "" : paint.dim(` ± ${standardError.toFixed(layout.decimals)}`);
    const out = leftOut === undefined ? "" : ` (${signed(leftOut, layout.decimals)})`;
    const start = `${padColumns(label, layout.labelWidth)}  ${number}${error}${paint.dim(out.padStart(hasBar ? layout.leftOutWidth : 0))}`;
    if (!hasBar) return note ? `${start}  ${paint.dim(note)}` : start;
    const { left, right } = bar(score, layout.bars);
    return `${start}  ${paint.sign(score, left)}${paint.dim("│")}${paint.sign(score, right)}`;
  });
}
