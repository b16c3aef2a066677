import { ValueError } from "../errors.ts";
import { throughNorm, tokenColumn, tokenColumns, type UnembeddingColumn } from "../model/index.ts";
import type { Attributable } from "./attributable.ts";
import type { Site } from "./site.ts";

/** What is read of the residual stream: a token's logit, a difference or another weighted sum of logits, or a direction. */
export interface Reading {
  /** [dModel], on the norm's output. */
  readonly w: Float64Array;
  /** [dModel], on the residual stream: see `throughNorm`. */
  readonly u: Float64Array;
  /** w·beta of the final norm. */
  readonly beta: number;
  /** The b_U term: what the logit has beside w·y, y the norm's output. */
  readonly bias: number;
  /** What the forward pass itself gives at a site, to compare with. */
  readonly forward: (site: Site) => ForwardLogit;
}

/** The forward pass's own float32 logit, or difference or weighted sum of some, and how sure it is. */
export interface ForwardLogit {
  readonly logit: number;
  /** Σ|weight · logit| of what it is summed from. */
  readonly magnitude: number;
  /** How far it may lie from w·y + bias, y the norm's output as captured. */
  readonly error: number;
}

/** Unit roundoff of float32, with room for the second order: (1 + 2⁻²⁴)² and the like. */
export const U32: number = 2 ** -24 * (1 + 2 ** -20);
/** Half the smallest float32, all that rounding can lose below the normal range. */
export const TINY: number = 2 ** -150;
export const U64: number = 2 ** -53;

/**
 * The logit of a token, or the difference of two. Captured logits are compared as they are; else the forward pass computes
 * the one that is read.
 */
export function readTokens(
  model: Attributable,
  answer: number,
  wrong: number | null,
  hasLogits: boolean,
): Reading {
  const { unembedding } = model;
  const difference = tokenColumn(unembedding, answer, wrong ?? undefined);
  const w = Float64Array.from(difference.column);
  if (!hasLogits) {
    return readingOf(model, w, difference.bias, (_site, output) => {
      const logit = unembedding.read(output, difference);
      return { logit, magnitude: Math.abs(logit), error: logitError(model, output, difference, logit) };
    });
  }
  const ids = wrong === null ? [answer] : [answer, wrong];
  const columns = ids.map((id) => unembedding.token(id));
  const [own, other] = columns;
  return readingOf(model, w, other ? own.bias - other.bias : own.bias, (site, output) => {
    const captured = site.read(unembedding.hook);
    const logits = ids.map((id) => captured[id]);
    const error = columns.reduce((sum, column, t) => sum + logitError(model, output, column, logits[t]), 0);
    return {
      logit: other ? logits[0] - logits[1] : logits[0],
      magnitude: logits.reduce((sum, logit) => sum + Math.abs(logit), 0),
      error: other ? error + differenceError(w, columns, output) : error,
    };
  });
}

/** A token and how much its logit counts. */
export interface Term {
  readonly id: number;
  readonly weight: number;
}

/** Σ weight · logit, in float64 of the forward pass's logits. */
export function readWeighted(model: Attributable, terms: readonly Term[]): Reading {
  const columns = tokenColumns(
    model.unembedding,
    terms.map(({ id }) => id),
  );
  const w = new Float64Array(model.config.dModel);
  let bias = 0;
  for (const [t, { weight }] of terms.entries()) {
    bias += weight * columns[t].bias;
    for (let i = 0; i < w.length; i++) w[i] += weight * columns[t].column[i];
  }
  return readingOf(model, w, bias, (site, output) => {
    const sum = startSum();
    for (const [t, { id, weight }] of terms.entries()) {
      addLogit(sum, model, output, columns[t], weight, logitAt(model, site, output, id, columns[t]));
    }
    return finishSum(sum, terms.length);
  });
}

/** A weighted sum of logits while it is made. */
export interface RunningSum {
  logit: number;
  magnitude: number;
  error: number;
  /** Σ|weight| (|column|·|y| + |b_U|), what w and its bias were summed from. */
  summed: number;
}

export function startSum(): RunningSum {
  return { logit: 0, magnitude: 0, error: 0, summed: 0 };
}

export function addLogit(
  sum: RunningSum,
  model: Attributable,
  output: Float32Array,
  column: UnembeddingColumn,
  weight: number,
  logit: number,
): void {
  const size = Math.abs(weight);
  sum.logit += weight * logit;
  sum.magnitude += size * Math.abs(logit);
  sum.error += size * logitError(model, output, column, logit);
  let terms = Math.abs(column.bias);
  for (let i = 0; i < output.length; i++) terms += Math.abs(column.column[i] * output[i]);
  sum.summed += size * terms;
}

/** With what float64 may lose in sums of n terms: of the logits, and of the columns and biases that w and bias are. */
export function finishSum({ logit, magnitude, error, summed }: RunningSum, n: number): ForwardLogit {
  return { logit, magnitude, error: error + 2 * (n + 2) * U64 * (summed + magnitude) };
}

/** The forward pass's logit of a token: as captured, or by its column. */
export function logitAt(
  model: Attributable,
  site: Site,
  output: Float32Array,
  id: number,
  column: UnembeddingColumn,
): number {
  const { unembedding } = model;
  return site.has(unembedding.hook) ? site.read(unembedding.hook)[id] : unembedding.read(output, column);
}

/** A direction on the norm's output: its dot product with that. @throws ValueError unless [dModel], finite */
export function readDirection(where: string, model: Attributable, direction: Float64Array): Reading {
  const { dModel } = model.config;
  if (
    !(direction instanceof Float64Array) ||
    direction.length !== dModel ||
    !direction.every(Number.isFinite)
  ) {
    const got = direction instanceof Float64Array ? `${direction.length} numbers` : typeof direction;
    throw new ValueError(
      `${where}: got a direction of ${got}, expected a Float64Array of dModel=${dModel} finite numbers.`,
    );
  }
  const w = direction.slice();
  return readingOf(model, w, 0, (_site, output) => {
    let logit = 0;
    for (let i = 0; i < w.length; i++) logit += w[i] * output[i];
    return { logit, magnitude: Math.abs(logit), error: 0 };
  });
}

export function readingOf(
  model: Attributable,
  w: Float64Array,
  bias: number,
  forward: (site: Site, output: Float32Array) => ForwardLogit,
): Reading {
  const { finalNorm } = model;
  const beta = finalNorm.beta ? w.reduce((sum, value, i) => sum + value * finalNorm.beta![i], 0) : 0;
  return {
    ...{ w, u: throughNorm(finalNorm, w), beta, bias },
    forward: (site) => forward(site, site.read(finalNorm.outputHook)),
  };
}

/** A logit is a dot product of length dModel, rounded once. */
function logitError(
  { accuracy }: Attributable,
  output: Float32Array,
  { column, bias }: UnembeddingColumn,
  logit: number,
): number {
  return U32 * Math.abs(logit) + accuracy.dotError(output, column, bias) + TINY;
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
