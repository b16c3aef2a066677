import type { Attributable } from "./attributable.ts";
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

/**
 * Vectors of the final norm's output against every column of W_U, in float64, column by column:
 *
 *   score[t] = y·W_U[:, t] − mean over t
 */
export function readVocabulary(
  model: Attributable,
  vectors: readonly Float64Array[],
  top: number,
): VocabularyReading[] {
  const { dVocab } = model.config;
  const running = vectors.map(() => ({ sum: 0, promoted: keepGreatest(top), suppressed: keepGreatest(top) }));
  for (let token = 0; token < dVocab; token++) {
    const { column } = model.unembedding.token(token);
    for (const [v, y] of vectors.entries()) {
      let score = 0;
      for (let i = 0; i < y.length; i++) score += y[i] * column[i];
      running[v].sum += score;
      running[v].promoted.offer(token, score);
      running[v].suppressed.offer(token, -score);
    }
  }
  return running.map(({ sum, promoted, suppressed }) => {
    const mean = sum / dVocab;
    const list = (kept: Greatest, sign: number) =>
      kept.list().map(({ id, value }) => ({ id, score: sign * value - mean }));
    return { promoted: list(promoted, 1), suppressed: list(suppressed, -1), mean };
  });
}
