import { CheckError } from "../../errors.ts";
import type { FinalNorm } from "../../model/index.ts";
import type { Accuracy } from "../../tensor/index.ts";
import type { Entropies } from "../answers/entropies.ts";
import type { ForwardLogit } from "../answers/forwardLogit.ts";
import type { Reading } from "../answers/readings.ts";
import { TINY, U32, U64 } from "../roundoff.ts";
import { average, dot } from "../vectors.ts";

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
  /**
   * The forward pass's output y, as captured after the final norm, read along what was asked for:
   *
   * - of a token y·W_U[:, answer] + b_U[answer], as the unembedding computes it, rounded to float32;
   * - of two tokens the same of one column, W_U[:, answer] − W_U[:, wrong] rounded once. So it may differ from subtracting two
   *   float32 logits of `run` by their rounding, about the seventh digit of the larger;
   * - of sets, several tokens and log-probabilities the weighted sum of float32 logits, in float64;
   * - of a direction the dot product of y and that, in float64: no logit of the model.
   *
   * With a cache that holds all logits these are taken, and subtracted, as they are.
   */
  readonly logit: number;
  /** What float32 lost in the final norm and the unembedding. */
  readonly error: number;
  /** How large `error` may be. */
  readonly bound: number;
  /** How large `rounding` may be. */
  readonly roundingBound: number;
  /**
   * The entropies of what the run itself weighs, where it weighs tokens: none is negative. With them
   *
   *   value = logit + entropy.answer − entropy.wrong − entropy.model
   */
  readonly entropy?: Entropies;
  /**
   * Beside `entropy`: the log-probability that was asked for, or log-sum-exp over a softmax set, less that of a wrong one. Logits
   * all too great by as much would pass the check of a log-probability, which does not depend on that.
   */
  readonly value?: number;
}

/** The check of what the run weighs. */
export function withEntropy(check: Check, entropy: Entropies | undefined): Check {
  if (entropy === undefined) return check;
  const { answer = 0, wrong = 0, model = 0 } = entropy;
  return { ...check, entropy, value: check.logit + answer - wrong - model };
}

/** What the check compares, at one prompt and position. */
export interface CheckInput {
  readonly sum: number;
  /** What the sum is of, each in units of the logit. */
  readonly rows: Float64Array;
  /** What of the sum nothing wrote: the `beta` row of raw weights, else 0. */
  readonly unwritten: number;
  readonly bias: number;
  readonly forward: ForwardLogit;
  /** What was added to the residual stream, in order, each [dModel]. */
  readonly writes: readonly Float32Array[];
  /** The final residual [dModel], the scale that divides it, and the norm's output [dModel], as captured. */
  readonly x: Float32Array;
  readonly scale: number;
  readonly output: Float32Array;
  /** What the products of split sublayers may have lost, along the direction, before division by the scale. */
  readonly splitError: number;
}

/**
 * The check of one attribution.
 *
 * roundingBound: each addition to the residual stream rounds once, so an element's error after the k-th is
 * e ← e (1 + u) + u |x_k| with x_k the partial sum (a running error bound, Higham §3.3); weighted by |u_i|/scale.
 *
 * bound: an element of the norm's output has the error of its mean, division and affine part; weighted by |w_i|.
 * What the logits themselves may be off by comes with the reading.
 *
 * Both have a term for this function's own float64 arithmetic.
 *
 * @see Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., §3.1 and §3.3
 */
export function checkSum(reading: Reading, norm: FinalNorm, accuracy: Accuracy, input: CheckInput): Check {
  const { sum, unwritten, bias, forward, scale } = input;
  const own = float64Error(reading, norm, input);
  const rounding = dot(reading.u, input.x) / scale + unwritten - sum;
  const { logit } = forward;
  return {
    sum,
    rounding,
    bias,
    logit,
    error: sum + rounding + bias - logit,
    bound: normError(reading, norm, accuracy, input) + forward.error + own,
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
  magnitude += Math.abs(input.bias) + input.forward.magnitude;
  const underflow = size * size * (writes.length + 16) * (1 + 1 / scale) * Number.MIN_VALUE;
  return 2 * (size + writes.length + rows.length + 16) * U64 * magnitude + underflow;
}
