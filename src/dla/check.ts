import { CheckError } from "../errors.ts";
import type { FinalNorm, UnembeddingColumn } from "../model/index.ts";
import type { Accuracy } from "../tensor/index.ts";

/**
 * The proof that comes with an attribution. All numbers are in units of the logit.
 *
 *   rounding = u·x/scale (and the beta row) − sum    |rounding| ≤ roundingBound
 *   error    = sum + rounding + bias − logit         |error| ≤ bound
 *
 * so |sum + bias − logit| ≤ bound + roundingBound. Both bounds are derived, not measured: see `checkSum`.
 */
export interface Check {
  /** The float64 sum of the rows; of cumulative rows, the last. */
  readonly sum: number;
  /** What float32 left between the final residual as captured and the sum of the writes, along the direction. */
  readonly rounding: number;
  /** The b_U term; where rows are cumulative on raw weights, LayerNorm's beta too. */
  readonly bias: number;
  /** The forward pass's own float32 logit, or the difference of two. */
  readonly logit: number;
  /** What float32 lost in the final norm and the unembedding. */
  readonly error: number;
  /** How large `error` may be. */
  readonly bound: number;
  /** How large `rounding` may be. */
  readonly roundingBound: number;
}

/** What is read of the residual stream: the logit of a token, of two the difference, or a direction. */
export interface Reading {
  /** [dModel], on the norm's output. */
  readonly w: Float64Array;
  /** [dModel], on the residual stream: see `throughNorm`. */
  readonly u: Float64Array;
  /** w·beta of the final norm. */
  readonly beta: number;
  /** The column of W_U that w is, or the difference of two; null for a direction. */
  readonly column: UnembeddingColumn | null;
  /** Where all logits are captured, the columns of the tokens read: theirs are the logits compared. */
  readonly captured: readonly (UnembeddingColumn & { readonly id: number })[] | null;
}

/** What the check compares, at one prompt and position. */
export interface CheckInput {
  readonly sum: number;
  /** What the sum is of, each in units of the logit. */
  readonly rows: Float64Array;
  /** What of the sum nothing wrote: the `beta` row of raw weights, else 0. */
  readonly unwritten: number;
  readonly bias: number;
  /** The forward pass's: one, or those of two tokens; of a direction, its dot product with the norm's output. */
  readonly logits: readonly number[];
  /** What was added to the residual stream, in order, each [dModel]. */
  readonly writes: readonly Float32Array[];
  /** The final residual [dModel], the scale that divides it, and the norm's output [dModel], as captured. */
  readonly x: Float32Array;
  readonly scale: number;
  readonly output: Float32Array;
  /** What the products of split sublayers may have lost, along the direction, before division by the scale. */
  readonly splitError: number;
}

/** Unit roundoff of float32, with room for the second order: (1 + 2⁻²⁴)² and the like. */
const U32: number = 2 ** -24 * (1 + 2 ** -20);
/** Half the smallest float32, all that rounding can lose below the normal range. */
const TINY: number = 2 ** -150;
const U64: number = 2 ** -53;

/**
 * The check of one attribution.
 *
 * roundingBound: each addition to the residual stream rounds once, so an element's error after the k-th is
 * e ← e (1 + u) + u |x_k| with x_k the partial sum (a running error bound, Higham §3.3); weighted by |u_i|/scale.
 *
 * bound: an element of the norm's output has the error of its mean, division and affine part; weighted by |w_i|.
 * A logit is a dot product of length dModel, rounded once.
 *
 * Both have a term for this function's own float64 arithmetic.
 *
 * @see Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., §3.1 and §3.3
 */
export function checkSum(reading: Reading, norm: FinalNorm, accuracy: Accuracy, input: CheckInput): Check {
  const { sum, unwritten, bias, logits, scale } = input;
  const own = float64Error(reading, norm, input);
  const rounding = dot(reading.u, input.x) / scale + unwritten - sum;
  const logit = logits.length === 2 ? logits[0] - logits[1] : logits[0];
  return {
    sum,
    rounding,
    bias,
    logit,
    error: sum + rounding + bias - logit,
    bound: normError(reading, norm, accuracy, input) + logitError(reading, accuracy, input) + own,
    roundingBound: (additionError(reading.u, input.writes) + input.splitError) / Math.abs(scale) + own,
  };
}

/** Whether both bounds are finite and hold; a NaN holds none. */
export function checkHolds({ rounding, roundingBound, error, bound }: Check): boolean {
  const within = (value: number, limit: number) => Number.isFinite(limit) && Math.abs(value) <= limit;
  return within(rounding, roundingBound) && within(error, bound);
}

/** @throws CheckError unless the check holds */
export function expectCheck(where: string, check: Check): void {
  if (checkHolds(check)) return;
  const { rounding, roundingBound, error, bound } = check;
  throw new CheckError(
    `${where}: got rows that do not add up to the model's logit: rounding ${rounding} (expected at most ${roundingBound}), ` +
      `error ${error} (expected at most ${bound}); sum ${check.sum}, bias ${check.bias}, logit ${check.logit}. ` +
      "Take the cache from a run of this model on this prompt, without changing it and without hooks on the residual stream.",
  );
}

function additionError(u: Float64Array, writes: readonly Float32Array[]): number {
  let total = 0;
  for (let i = 0; i < u.length; i++) {
    let partial = writes[0][i];
    let error = 0;
    for (let k = 1; k < writes.length; k++) {
      partial += writes[k][i];
      error += U32 * (error + Math.abs(partial)) + TINY;
    }
    total += Math.abs(u[i]) * error;
  }
  return total;
}

function normError(reading: Reading, norm: FinalNorm, accuracy: Accuracy, input: CheckInput): number {
  const { x, output } = input;
  const scale = Math.abs(input.scale);
  const mean = norm.centred ? average(x, (value) => value) : 0;
  const meanError = norm.centred ? accuracy.mean(x.length) * average(x, Math.abs) : 0;
  let total = 0;
  for (let i = 0; i < x.length; i++) {
    const gamma = norm.gamma ? Math.abs(norm.gamma[i]) : 1;
    const normalized = Math.abs(x[i] - mean) / scale;
    const division = accuracy.normalization * (1 + U32) * normalized + meanError / scale + TINY;
    const affine = norm.gamma || norm.beta ? U32 * (gamma * normalized + Math.abs(output[i])) + TINY : 0;
    total += Math.abs(reading.w[i]) * (gamma * division + affine);
  }
  return total;
}

function logitError(reading: Reading, accuracy: Accuracy, { output, logits }: CheckInput): number {
  const { column, captured } = reading;
  const products = captured ?? (column ? [column] : []);
  const total = products.reduce(
    (sum, { column, bias }, t) =>
      sum + U32 * Math.abs(logits[t]) + accuracy.dotError(output, column, bias) + TINY,
    0,
  );
  return captured?.length === 2 ? total + differenceError(reading.w, captured, output) : total;
}

/** What columns and their difference are off by, each rounded once, as the output reads it. */
function differenceError(
  w: Float64Array,
  columns: readonly UnembeddingColumn[],
  output: Float32Array,
): number {
  let total = 0;
  for (let i = 0; i < w.length; i++) {
    const size = columns.reduce((sum, { column }) => sum + Math.abs(column[i]), Math.abs(w[i]));
    total += 1.01 * U32 * size * Math.abs(output[i]); // they are folded in float64
  }
  return total;
}

/** What float64 may lose in the rows, the direction and this check: n operations on terms of these magnitudes. */
function float64Error(reading: Reading, norm: FinalNorm, input: CheckInput): number {
  const { w } = reading;
  const { x, writes, output, rows } = input;
  const scale = Math.abs(input.scale);
  const size = w.length;
  const weight = (i: number) => Math.abs(w[i]) * (norm.gamma ? Math.abs(norm.gamma[i]) : 1);
  let meanWeight = 0;
  for (let i = 0; i < size; i++) meanWeight += weight(i) / size;
  const meanX = average(x, Math.abs);
  let magnitude = 0;
  for (let i = 0; i < size; i++) {
    let terms = Math.abs(x[i]) + meanX;
    for (const write of writes) terms += Math.abs(write[i]);
    magnitude += (weight(i) + meanWeight) * (terms / scale) + Math.abs(w[i] * output[i]);
  }
  for (const row of rows) magnitude += Math.abs(row);
  magnitude += Math.abs(input.bias) + input.logits.reduce((total, logit) => total + Math.abs(logit), 0);
  const underflow = size * size * (writes.length + 16) * (1 + 1 / scale) * Number.MIN_VALUE;
  return 2 * (size + writes.length + rows.length + 16) * U64 * magnitude + underflow;
}

function average(x: Float32Array, of: (value: number) => number): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += of(x[i]);
  return sum / x.length;
}

export function dot(u: Float64Array, x: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < u.length; i++) sum += u[i] * x[i];
  return sum;
}
