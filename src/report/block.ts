import {
  type Attribution,
  type AttributionResult,
  isCumulative,
  scoreName,
  type Unit,
} from "../dla/index.ts";
import { type BarScale, barScale } from "./bars.ts";
import { type HeadGrid, headGrid, renderGrid } from "./grid.ts";
import { field } from "./header.ts";
import { held } from "./layout.ts";
import { checkLine, ledgerLines } from "./ledger.ts";
import { type Line, listLayout, renderList } from "./list.ts";
import { decimalsFor, greatest, plural, signed } from "./numbers.ts";
import type { Paint } from "./paint.ts";
import { columns, visible } from "./text.ts";

/** One table: the rows of an attribution, or the mean rows of several. */
export interface Block {
  readonly scores: Float64Array;
  readonly standardErrors: Float64Array | null;
  readonly leftOut?: Float64Array | undefined;
  /** True for one attribution less another. */
  readonly isCompared?: boolean;
  /** What the ledger and the check line are of. */
  readonly attributions: readonly Attribution[];
}

/** What the tables of one result share, so that they can be compared. */
export interface Style {
  readonly paint: Paint;
  readonly width: number;
  readonly top: number | undefined;
  readonly decimals: number;
  /** The width of the standard errors of a mean. */
  readonly errorWidth: number;
  /** Of the changes where rows are left out. */
  readonly leftOutWidth: number;
  readonly bars: BarScale | null;
}

/** Decimals and scales that fit all attributions of a result. */
export function styleOf(
  result: AttributionResult,
  width: number,
  top: number | undefined,
  paint: Paint,
): Style {
  const { attributions, labels } = result;
  const scores = attributions.flatMap((attribution) => [...attribution.scores.data]);
  const ledgers = attributions.flatMap((attribution) => ledgerLines(result, [attribution]));
  const values = [...scores, ...ledgers.map(({ score }) => score)];
  const decimals = decimalsFor(values);
  const limit = top ?? topOf[result.unit];
  const others = attributions.flatMap((attribution) => othersOf(result, attribution.scores.data, limit));
  const names = attributions.some(({ sources }) => sources)
    ? attributions.flatMap((attribution) =>
        ordered(attribution.scores.data)
          .slice(0, limit)
          .map((i) => nameOf(result, [attribution], i)),
      )
    : labels.map(visible);
  const labelWidth = [...names, ...[...ledgers, ...others].map(({ label }) => label)].map(columns);
  const shown = [...values, ...others.map(({ score }) => score)];
  const scoreWidth = greatest(shown.map((value) => signed(value, decimals).length));
  const errorWidth = attributions.length > 1 ? scoreWidth + 2 : 0;
  const leftOut = attributions.flatMap((attribution) => [...(attribution.leaveOneOut?.data ?? [])]);
  const leftOutWidth = greatest(leftOut.map((value) => signed(value, decimals).length + 3));
  const cells = width - greatest(labelWidth) - scoreWidth - errorWidth - leftOutWidth - 5;
  return {
    paint,
    width,
    top: limit,
    decimals,
    errorWidth,
    leftOutWidth,
    bars: barScale(scores, cells),
  };
}

/** The name of a row, on one line but where another name begins. */
function nameOf(result: AttributionResult, attributions: readonly Attribution[], row: number): string {
  const arrow = " ← ";
  return visible(scoreName(result, attributions, row))
    .split(arrow)
    .map(held)
    .join(arrow);
}

/** How many rows are listed where nobody says: of tens of thousands few. */
const topOf: Readonly<Partial<Record<Unit, number>>> = { neuron: 20, full: 20, source: 20, path: 20 };

/** The unit, the rows as a list or grid, the ledger under them, and the check. */
export function renderBlock(result: AttributionResult, block: Block, style: Style): string[] {
  const { paint, decimals, bars } = style;
  const isGrid = result.unit === "head" && style.top === undefined && block.leftOut === undefined;
  const grid = isGrid ? headGrid(result.labels) : undefined;
  const lineOf = (i: number): Line => ({
    label: nameOf(result, block.attributions, i),
    score: block.scores[i],
    standardError: block.standardErrors?.[i],
    leftOut: block.leftOut?.[i],
  });
  const listed = grid
    ? grid.others.map((i) => ({ ...lineOf(i), hasBar: false }))
    : keepTop(result, block.scores, lineOf, style);
  const unsummed = isCumulative(result.unit) ? block.scores.length - listed.length : 0;
  const ledger = ledgerLines(result, block.attributions);
  const all = [...listed, ...ledger];
  const leftOutWidth = block.leftOut ? style.leftOutWidth : 0;
  const besideWidth = leftOutWidth + (block.standardErrors ? style.errorWidth : 0);
  const layout = listLayout(all, { decimals, bars, width: style.width, leftOutWidth, besideWidth });
  const rule = paint.dim("─".repeat(layout.labelWidth + 2 + layout.scoreWidth));
  const heads = grid ? [...gridLines(result, grid, block, style), ""] : [];
  const leftOutMeaning = block.isCompared
    ? "the change in A if it were left out, less that in B"
    : "the change if it were left out";
  return [
    field("by", `${paint.bold(result.unit)}${paint.dim(` · ${meaning[result.unit]}`)}`, paint),
    ...(block.leftOut ? [field("", paint.dim(`(…) ${leftOutMeaning}, LayerNorm computed anew`), paint)] : []),
    ...heads,
    ...renderList(listed, layout, paint),
    ...(unsummed > 0 ? [paint.dim(plural(unsummed, "other"))] : []),
    rule,
    ...renderList(ledger, layout, paint),
    checkLine(block.attributions, paint),
  ];
}

const meaning: Readonly<Record<Unit, string>> = {
  component: "what the embeddings and each sublayer wrote",
  layer: "residual so far, the final norm's scale (not the logit lens)",
  head: "what each head wrote; remainder: embeddings, MLPs and biases",
  neuron: "what each neuron of the MLPs wrote; remainder: embeddings, attention and biases",
  source: "what each head wrote of each position it read; remainder: embeddings, MLPs and biases",
  path: "what each head wrote of what each writer had written where it read",
  full: "what each head and neuron, the embeddings and the biases wrote",
};

function gridLines(result: AttributionResult, grid: HeadGrid, block: Block, style: Style): string[] {
  const heads = grid.layers.flat();
  const max = greatest(result.attributions.flatMap(({ scores }) => heads.map((row) => scores.data[row])));
  const lines = renderGrid(grid, block.scores, { ...style, max });
  if (!block.standardErrors) return lines;
  const errors = renderGrid(grid, block.standardErrors, { ...style, max: 0, withSign: false });
  return [...lines, "", style.paint.dim("standard errors"), ...errors];
}

/** The rows of greatest magnitude where `top` is given, and one for the others: so the column still adds up. */
function keepTop(
  result: AttributionResult,
  scores: Float64Array,
  lineOf: (row: number) => Line,
  { top }: Style,
): readonly Line[] {
  if (top === undefined) return Array.from(scores.keys(), lineOf);
  return [...written(result, scores).slice(0, top).map(lineOf), ...othersOf(result, scores, top)];
}

/** The line of the rows that are not among the first `top`, where there are any and they have a sum. */
function othersOf(result: AttributionResult, scores: Float64Array, top: number | undefined): Line[] {
  if (top === undefined || isCumulative(result.unit)) return [];
  const others = written(result, scores).slice(top);
  if (others.length === 0) return [];
  const score = others.reduce((sum, row) => sum + scores[row], 0);
  return [{ label: plural(others.length, "other"), score, hasBar: false, note: "their sum" }];
}

/** The rows, those of greatest magnitude first; of several axes without zeros, since in most corners nothing is written. */
function written({ axes }: AttributionResult, scores: Float64Array): number[] {
  return ordered(scores).filter((row) => !axes[1] || scores[row] !== 0);
}

/** The rows, those of greatest magnitude first. */
function ordered(scores: Float64Array): number[] {
  return Array.from(scores.keys()).sort((a, b) => Math.abs(scores[b]) - Math.abs(scores[a]));
}
