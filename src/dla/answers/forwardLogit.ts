import type { UnembeddingColumn } from "../../model/index.ts";
import type { Attributable } from "../attributable.ts";
import { TINY, U32, U64 } from "../roundoff.ts";
import type { Site } from "../site.ts";
import type { WeightedColumns } from "./weightedColumns.ts";

/** The forward pass's own float32 logit, or a difference or weighted sum of some, and how sure it is. */
export interface ForwardLogit {
  readonly logit: number;
  /** Σ|weight · logit| of what it is summed from. */
  readonly magnitude: number;
  /** How far it may lie from w·y + bias, y the norm's output as captured. */
  readonly error: number;
}

/** The forward pass's logits of some tokens at a site, [ids]: as captured, or of the norm's output. */
export function logitsAt(
  { unembedding, finalNorm }: Attributable,
  site: Site,
  ids: readonly number[],
): Float32Array {
  if (!site.has(unembedding.hook)) return unembedding.logits(site.read(finalNorm.outputHook), ids);
  const captured = site.read(unembedding.hook);
  return Float32Array.from(ids, (id) => captured[id]);
}

/**
 * How far a logit may lie from y·column + bias: it is a dot product of length dModel, rounded once.
 *
 * @param output y, [dModel]
 */
export function logitError(
  { accuracy }: Attributable,
  output: Float32Array,
  { column, bias }: UnembeddingColumn,
  logit: number,
): number {
  return U32 * Math.abs(logit) + accuracy.dotError(output, column, bias) + TINY;
}

/** A weighted sum of logits while it is made. */
export interface RunningSum extends ForwardLogit {
  logit: number;
  magnitude: number;
  error: number;
}

export function startSum(): RunningSum {
  return { logit: 0, magnitude: 0, error: 0 };
}

/** @param output y, [dModel] */
export function addLogit(
  sum: RunningSum,
  model: Attributable,
  output: Float32Array,
  token: UnembeddingColumn,
  weight: number,
  logit: number,
): void {
  const size = Math.abs(weight);
  sum.logit += weight * logit;
  sum.magnitude += size * Math.abs(logit);
  sum.error += size * logitError(model, output, token, logit);
}

/**
 * With what float64 may lose in sums of n terms: of the logits, and of the columns and biases that w and bias are.
 *
 * @param output y, [dModel]
 */
export function finishSum(
  { logit, magnitude, error }: RunningSum,
  { sizes, biasSize }: WeightedColumns,
  output: Float32Array,
  n: number,
): ForwardLogit {
  let summed = biasSize + magnitude;
  for (let i = 0; i < output.length; i++) summed += sizes[i] * Math.abs(output[i]);
  return { logit, magnitude, error: error + 2 * (n + 2) * U64 * summed };
}
