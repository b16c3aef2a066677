import type { FinalNorm } from "../../model/index.ts";
import { U32 } from "../roundoff.ts";

/** A component or head that wrote something, and a later one that took some of it back. */
export interface Erasure {
  /** The label of what wrote first. */
  readonly writer: string;
  /** The label of what wrote against it later. */
  readonly eraser: string;
  /** −(e·c)/‖c‖², with c what the writer wrote and e the eraser: 1 where all of c is taken back. */
  readonly share: number;
  /** Of the two writes, from −1. */
  readonly cosine: number;
  /** Their rows, in units of the logit, which may cancel, and the sum. */
  readonly scores: { readonly writer: number; readonly eraser: number; readonly net: number };
  /**
   * [component] (x_k·c)/‖c‖², with x_k the residual stream after each of `components`: how much of the write is in it.
   * From its writer on 1 more than before, less where it is erased.
   */
  readonly remaining: Float64Array;
}

/** A write as the final norm sees it. */
export interface SeenWrite {
  /** [dModel] */
  readonly write: Float64Array;
  readonly square: number;
  /** Whether there is more of it than what rounding left. */
  readonly counts: boolean;
}

/** What may write and erase. */
export interface Candidate {
  readonly label: string;
  /** Which of the writers to the residual stream it is, or is a part of: it erases those of earlier ones alone. */
  readonly stage: number;
  readonly write: SeenWrite;
  /** Its row, in units of the logit. */
  readonly score: number;
}

export function seenWrite({ centred }: FinalNorm, written: Float32Array | Float64Array): SeenWrite {
  const write = Float64Array.from(written);
  const mean = centred ? write.reduce((sum, value) => sum + value, 0) / write.length : 0;
  const whole = product(write, write);
  const seen = write.map((value) => value - mean);
  const square = product(seen, seen);
  // its elements were rounded to float32, by 2⁻²⁴ of each: shares of that would be of noise
  return { write: seen, square, counts: square > (4 * U32) ** 2 * whole };
}

/**
 * The pairs of which the later takes back at least that share of the earlier, the greatest share first.
 *
 * @param components what is added to the residual stream, in order: see `Erasure.remaining`
 */
export function erasurePairs(
  candidates: readonly Candidate[],
  components: readonly SeenWrite[],
  threshold: number,
): Erasure[] {
  const found = candidates.flatMap((writer): Erasure[] => {
    const { write, square, counts } = writer.write;
    if (!counts) return [];
    const erasers = candidates.flatMap((eraser) => {
      if (eraser.stage <= writer.stage || !eraser.write.counts) return [];
      const along = product(eraser.write.write, write);
      const share = -along / square;
      return share >= threshold ? [{ eraser, along, share }] : [];
    });
    if (erasers.length === 0) return [];
    let running = 0;
    const remaining = Float64Array.from(
      components,
      (component) => (running += product(component.write, write) / square),
    );
    return erasers.map(({ eraser, along, share }) => ({
      writer: writer.label,
      eraser: eraser.label,
      share,
      cosine: along / Math.sqrt(square * eraser.write.square),
      scores: { writer: writer.score, eraser: eraser.score, net: writer.score + eraser.score },
      remaining,
    }));
  });
  return found.sort((a, b) => b.share - a.share);
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
