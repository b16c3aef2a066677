import type { FinalNorm } from "../../model/index.ts";
import { momentsOf } from "../normScale.ts";

/** Any array of float32 or float64. */
export type Numbers = Float32Array | Float64Array;

/** The final residual stream x at a site, and the direction u read there: [dModel]. */
export interface Stream {
  readonly u: Float64Array;
  readonly x: Float32Array;
  /** P x: what the norm sees. */
  readonly seen: Float64Array;
  /** σ(x)² */
  readonly variance: number;
  /** u·x / σ(x) */
  readonly logit: number;
}

/** @param u centred where the norm centres */
export function streamAt(norm: FinalNorm, u: Float64Array, x: Float32Array): Stream {
  const { mean, variance } = momentsOf(norm, x);
  const seen = Float64Array.from(x, (value) => value - mean);
  return { u, x, seen, variance, logit: readWithout(norm, u, x, new Float32Array(x.length)) };
}

/** u·(x − c)/σ(x − c) − u·x/σ(x): the change of the logit without c, the norm computed anew. */
export function changeWithout(norm: FinalNorm, { u, x, logit }: Stream, c: Numbers): number {
  return readWithout(norm, u, x, c) - logit;
}

/** What is known of a write c without making it. */
export interface WriteProducts {
  /** u·c */
  readonly read: number;
  /** Px·c */
  readonly along: number;
  /** ‖Pc‖² */
  readonly seenSquare: number;
  /** ‖c‖² */
  readonly square: number;
}

/**
 * The same of products alone, as exact for the smallest write: the difference of the logits is taken before it is rounded.
 *
 *   −(u·c + L·d/(σ₋ + σ))/σ₋,   σ₋² = σ² + d,   d = (‖Pc‖² − 2 Px·c)/dModel
 *
 * @returns null where σ² + d cancels, so that the norm has to be computed: little is left of x, or c is far larger
 */
export function changeOfProducts(
  { x, variance, logit }: Stream,
  { read, along, seenSquare, square }: WriteProducts,
): number | null {
  const change = (seenSquare - 2 * along) / x.length;
  const left = variance + change;
  if (!(left > (variance + square / x.length) / 16)) return null;
  const scale = Math.sqrt(left);
  return 0 - (read + (logit * change) / (scale + Math.sqrt(variance))) / scale; // 0 of nothing, not -0
}

/** u·(x − c) / σ(x − c): the residual stream read without c. An empty one reads as 0, whatever eps. */
function readWithout(norm: FinalNorm, u: Float64Array, x: Float32Array, c: Numbers): number {
  const size = x.length;
  let mean = 0;
  if (norm.centred) {
    for (let i = 0; i < size; i++) mean += x[i] - c[i];
    mean /= size;
  }
  let squares = 0;
  let product = 0;
  for (let i = 0; i < size; i++) {
    const deviation = x[i] - c[i] - mean;
    squares += deviation * deviation;
    product += u[i] * deviation;
  }
  return squares === 0 ? 0 : product / Math.sqrt(squares / size + norm.eps);
}
