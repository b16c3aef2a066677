import type { Attribution, AttributionResult } from "./result.ts";

/**
 * What one score of some attributions, of one shape, is called: its label, and what divides that: `L1H0 ← " Mary"(2)`, or
 * `L1H0 ← " Mary"(2) ← 0_mlp_out`. Where the attributions read different tokens there, the position alone: `L1H0 ← 2`.
 */
export function scoreName(
  { labels, writers }: Pick<AttributionResult, "labels" | "writers">,
  attributions: readonly Pick<Attribution, "scores" | "sources">[],
  index: number,
): string {
  const [{ scores, sources }] = attributions;
  if (sources === undefined) return labels[index];
  const [, columns, depth = 1] = scores.shape;
  const label = labels[Math.floor(index / (columns * depth))];
  const source = Math.floor(index / depth) % columns;
  const writer = writers?.[index % depth];
  const isBias = source === columns - 1;
  if (isBias) return /^L\d+H\d+$/.test(label) ? `${label} ← bias` : label;
  const isSame = attributions.every((other) => other.sources?.[source] === sources[source]);
  const read = `${label} ← ${isSame ? `"${sources[source]}"(${source})` : source}`;
  return writer === undefined ? read : `${read} ← ${writer}`;
}
