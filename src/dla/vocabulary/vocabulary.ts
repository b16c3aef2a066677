import { tokenColumns, type UnembeddingColumn } from "../../model/index.ts";
import type { Attributable } from "../attributable.ts";
import type { Site } from "../site.ts";
import { joined } from "../vectors.ts";
import { type Greatest, keepGreatest } from "./greatest.ts";

/** A token's id and what a vector adds to its logit, less what it adds to every token's on average. */
export interface TokenScore {
  readonly id: number;
  readonly score: number;
}

/** A vector read through the whole vocabulary. */
export interface VocabularyReading {
  /** Greatest first. */
  readonly promoted: readonly TokenScore[];
  /** Least first. */
  readonly suppressed: readonly TokenScore[];
  /** What it adds to every token's logit on average. */
  readonly mean: number;
}

/** Vectors that are searched for at one time: their products with all tokens are in memory. */
const VECTORS_AT_ONCE = 16;

/**
 * Vectors of the final norm's output against every column of W_U, in float64, column by column:
 *
 *   score[t] = y·W_U[:, t] − mean over t
 *
 * A model that surveys its vocabulary has only those columns read that may be among the greatest or the least: all whose float32
 * product is not further from these than both may be off.
 */
export function readVocabulary(
  model: Attributable,
  vectors: readonly Float64Array[],
  top: number,
): VocabularyReading[] {
  const survey = model.unembedding.survey?.();
  if (survey === undefined) return readAll(model, vectors, top, eachColumn(model));
  const meansOf = (some: readonly Float64Array[]) => some.map((y) => product(y, survey.mean));
  if (4 * top >= model.config.dVocab)
    return readAll(model, vectors, top, eachColumn(model), meansOf(vectors));
  const readings: VocabularyReading[] = [];
  for (let first = 0; first < vectors.length; first += VECTORS_AT_ONCE) {
    const some = vectors.slice(first, first + VECTORS_AT_ONCE);
    const { products, error } = survey.products(some);
    const likely = new Set<number>();
    for (const [v, all] of products.entries()) addLikely(likely, all, top, error[v]);
    const ids = [...likely].sort((a, b) => a - b);
    readings.push(...readAll(model, some, top, columnsOf(model, ids), meansOf(some)));
  }
  return readings;
}

/** Those that may be among the `top` greatest or least, where a difference of two products may be off by `error`. */
function addLikely(likely: Set<number>, products: Float32Array, top: number, error: number): void {
  const greatest = keepGreatest(top);
  const least = keepGreatest(top);
  for (let id = 0; id < products.length; id++) {
    greatest.offer(id, products[id]);
    least.offer(id, -products[id]);
  }
  const high = greatest.list()[top - 1].value - error;
  const low = error - least.list()[top - 1].value;
  for (let id = 0; id < products.length; id++)
    if (!(products[id] < high && products[id] > low)) likely.add(id); // also where nothing is known: NaN
}

function readAll(
  model: Attributable,
  vectors: readonly Float64Array[],
  top: number,
  columns: Iterable<UnembeddingColumn & { readonly id: number }>,
  means?: readonly number[],
): VocabularyReading[] {
  const running = vectors.map(() => ({ sum: 0, promoted: keepGreatest(top), suppressed: keepGreatest(top) }));
  for (const { id: token, column } of columns) {
    for (const [v, y] of vectors.entries()) {
      const score = product(y, column);
      running[v].sum += score;
      running[v].promoted.offer(token, score);
      running[v].suppressed.offer(token, -score);
    }
  }
  return running.map(({ sum, promoted, suppressed }, v) => {
    const mean = means?.[v] ?? sum / model.config.dVocab;
    const list = (kept: Greatest, sign: number) =>
      kept.list().map(({ id, value }) => ({ id, score: sign * value - mean }));
    return { promoted: list(promoted, 1), suppressed: list(suppressed, -1), mean };
  });
}

function product(y: Float64Array, column: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += y[i] * column[i];
  return sum;
}

/** Tokens that are read at one time. */
const TOKENS_AT_ONCE = 128;

/** All ids, some at a time. */
function* chunksOf(dVocab: number): Generator<number[]> {
  for (let first = 0; first < dVocab; first += TOKENS_AT_ONCE) {
    const count = Math.min(TOKENS_AT_ONCE, dVocab - first);
    yield Array.from({ length: count }, (_, i) => first + i);
  }
}

/** The columns of W_U, with their entries of b_U, in the order of the ids. */
export function* eachColumn(model: Attributable): Generator<UnembeddingColumn & { readonly id: number }> {
  for (const ids of chunksOf(model.config.dVocab)) yield* columnsOf(model, ids);
}

/** The same of some tokens, some at a time. */
function* columnsOf(
  { unembedding }: Attributable,
  tokens: readonly number[],
): Generator<UnembeddingColumn & { readonly id: number }> {
  for (let first = 0; first < tokens.length; first += TOKENS_AT_ONCE) {
    const ids = tokens.slice(first, first + TOKENS_AT_ONCE);
    for (const [i, { column, bias }] of tokenColumns(unembedding, ids).entries())
      yield { id: ids[i], column, bias };
  }
}

/**
 * The forward pass's logits of rows of the norm's output, some tokens at a time.
 *
 * @param x [rows, dModel]
 * @returns [rows, tokens] of the tokens `first`, `first` + 1, …
 */
export function* logitChunks(
  { unembedding, config }: Attributable,
  x: Float32Array,
): Generator<{ readonly first: number; readonly logits: Float32Array }> {
  for (const ids of chunksOf(config.dVocab)) yield { first: ids[0], logits: unembedding.logits(x, ids) };
}

/** The logits of all tokens at each site, [dVocab]: as captured, or as the forward pass has them. */
export function vocabularyLogits(model: Attributable, sites: readonly Site[]): Float32Array[] {
  const { unembedding, finalNorm, config } = model;
  if (sites.every((site) => site.has(unembedding.hook)))
    return sites.map((site) => site.read(unembedding.hook));
  const rows = sites.map(() => new Float32Array(config.dVocab));
  const outputs = sites.map((site) => site.read(finalNorm.outputHook));
  for (const { first, logits } of logitChunks(model, joined(Float32Array, outputs))) {
    const count = logits.length / rows.length;
    for (const [r, row] of rows.entries()) row.set(logits.subarray(r * count, (r + 1) * count), first);
  }
  return rows;
}
