import { describe, tagOf, ValueError } from "../../errors.ts";
import { throughNorm, tokenColumn, tokenColumns, type UnembeddingColumn } from "../../model/index.ts";
import type { Attributable } from "../attributable.ts";
import { U32 } from "../roundoff.ts";
import type { Site } from "../site.ts";
import { addLogit, type ForwardLogit, finishSum, logitError, logitsAt, startSum } from "./forwardLogit.ts";
import { addColumn, startColumns } from "./weightedColumns.ts";

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

/** Tokens and their columns of W_U, which all sites share. */
export interface TokenSet {
  readonly ids: readonly number[];
  readonly columns: readonly UnembeddingColumn[];
}

export function tokenSet({ unembedding }: Attributable, ids: readonly number[]): TokenSet {
  return { ids, columns: tokenColumns(unembedding, ids) };
}

/** A set, and how much the logit of each of its tokens counts. */
export interface WeighedSet {
  readonly set: TokenSet;
  /** [ids] */
  readonly weights: readonly number[];
}

/** Σ weight · logit over the answers, less that over the wrong ones, in float64 of the forward pass's logits. */
export function readWeighted(model: Attributable, answer: WeighedSet, wrong: WeighedSet | null): Reading {
  const sides = [{ ...answer, sign: 1 }, ...(wrong ? [{ ...wrong, sign: -1 }] : [])];
  const columns = startColumns(model.config.dModel);
  for (const { set, weights, sign } of sides) {
    for (const [t, token] of set.columns.entries()) addColumn(columns, token, sign * weights[t]);
  }
  return readingOf(model, columns.w, columns.bias, (site, output) => {
    const sum = startSum();
    for (const { set, weights, sign } of sides) {
      const logits = logitsAt(model, site, set.ids);
      for (const [t, token] of set.columns.entries())
        addLogit(sum, model, output, token, sign * weights[t], logits[t]);
    }
    return finishSum(sum, columns, output, answer.weights.length + (wrong?.weights.length ?? 0));
  });
}

/** A direction on the norm's output: its dot product with that. @throws ValueError unless [dModel], finite */
export function readDirection(
  where: string,
  model: Attributable,
  direction: Float64Array | Float32Array | readonly number[],
): Reading {
  const w = directionOf(where, direction, model.config.dModel);
  return readingOf(model, w, 0, (_site, output) => {
    let logit = 0;
    for (let i = 0; i < w.length; i++) logit += w[i] * output[i];
    return { logit, magnitude: Math.abs(logit), error: 0 };
  });
}

function directionOf(where: string, given: unknown, dModel: number): Float64Array {
  const isNumbers = Array.isArray(given) || /^Float(32|64)Array$/.test(tagOf(given));
  const length = isNumbers ? (given as readonly unknown[]).length : 0;
  const numbers = length === dModel ? Array.from<unknown>(given as readonly unknown[]) : [];
  const odd = numbers.findIndex((number) => !Number.isFinite(number));
  if (numbers.length === dModel && odd === -1) return Float64Array.from(numbers as number[]);
  const got = !isNumbers
    ? describe(given)
    : numbers.length === dModel
      ? `one with ${describe(numbers[odd])} at ${odd}`
      : `one of ${length} numbers`;
  throw new ValueError(
    `${where}: direction: got ${got}, expected dModel=${dModel} finite numbers. Give them in a Float64Array, a Float32Array or a list.`,
  );
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
