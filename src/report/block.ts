import { type Attribution, type AttributionResult, isCumulative, type Unit } from "../dla/index.ts";
import { type BarScale, barScale } from "./bars.ts";
import { type HeadGrid, headGrid, renderGrid } from "./grid.ts";
import { field } from "./header.ts";
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
  /** What the ledger and the check line are of. */
  readonly attributions: readonly Attribution[];
}

/** What the tables of one result share, so that they can be compared. */
export interface Style {
  readonly paint: Paint;
  readonly width: number;
  readonly top: number | undefined;
  readonly decimals: number;
  /** Of the changes where rows are left out. */
  readonly leftOutWidth: number;
  readonly bars: BarScale;
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
  const labelWidth = [...labels.map(visible), ...ledgers.map(({ label }) => label)].map(columns);
  const scoreWidth = greatest(values.map((value) => signed(value, decimals).length));
  const errorWidth = attributions.length > 1 ? scoreWidth + 2 : 0;
  const leftOut = attributions.flatMap((attribution) => [...(attribution.leaveOneOut?.data ?? [])]);
  const leftOutWidth = greatest(leftOut.map((value) => signed(value, decimals).length + 3));
  const cells = Math.max(10, width - greatest(labelWidth) - scoreWidth - errorWidth - leftOutWidth - 5);
  return {
    paint,
    width,
    top: top ?? topOf[result.unit],
    decimals,
    leftOutWidth,
    bars: barScale(scores, cells),
  };
}

/** How many rows are listed where nobody says: of tens of thousands few. */
const topOf: Readonly<Partial<Record<Unit, number>>> = { neuron: 20, full: 20 };

/** The unit, the rows as a list or grid, the ledger under them, and the check. */
export function renderBlock(result: AttributionResult, block: Block, style: Style): string[] {
  const { paint, decimals, bars } = style;
  const isGrid = result.unit === "head" && style.top === undefined && block.leftOut === undefined;
  const grid = isGrid ? headGrid(result.labels) : undefined;
  const rows = result.labels.map((label, i) => ({
    label: visible(label),
    score: block.scores[i],
    standardError: block.standardErrors?.[i],
    leftOut: block.leftOut?.[i],
  }));
  const listed = grid
    ? grid.others.map((i) => ({ ...rows[i], hasBar: false }))
    : keepTop(result, rows, style);
  const unsummed = isCumulative(result.unit) ? rows.length - listed.length : 0;
  const ledger = ledgerLines(result, block.attributions);
  const all = [...listed, ...ledger];
  const layout = listLayout(
    all.map(({ label }) => label),
    all.map(({ score }) => score),
    decimals,
    bars,
    block.leftOut && style.leftOutWidth,
  );
  const rule = paint.dim("─".repeat(layout.labelWidth + 2 + layout.scoreWidth));
  const heads = grid ? [...gridLines(result, grid, block, style), ""] : [];
  return [
    field("by", `${paint.bold(result.unit)}${paint.dim(` · ${meaning[result.unit]}`)}`, paint),
    ...(block.leftOut
      ? [field("", paint.dim("(…) the change if it were left out, LayerNorm computed anew"), paint)]
      : []),
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
  layer: "running residual at the final norm's scale (not the logit lens)",
  head: "what each head wrote; remainder: embeddings, MLPs and biases",
  neuron: "what each neuron of the MLPs wrote; remainder: embeddings, attention and biases",
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
function keepTop({ unit }: AttributionResult, rows: readonly Line[], { top }: Style): readonly Line[] {
  if (top === undefined) return rows;
  const ordered = [...rows].sort((a, b) => Math.abs(b.score) - Math.abs(a.score));
  const others = ordered.slice(top);
  if (others.length === 0 || isCumulative(unit)) return ordered.slice(0, top);
  const score = others.reduce((sum, row) => sum + row.score, 0);
  const label = plural(others.length, "other");
  return [...ordered.slice(0, top), { label, score, hasBar: false, note: "their sum" }];
}
