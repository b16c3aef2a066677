import type { AttentionSplit } from "../../model/index.ts";
import type { Accuracy } from "../../tensor/index.ts";
import { TINY, U32, U64 } from "../roundoff.ts";

/** How a head's values are read along a direction. */
export interface HeadReading {
  /** [size], on a value: W_O[head]·u */
  readonly a: Float64Array;
  /** [dModel], on the residual stream, before division by the scale. */
  readonly g: Float64Array;
  /** |g|, for bounds. */
  readonly size: Float64Array;
  /** |W_V[head] a| [dModel], on the norm's output. */
  readonly reads: Float64Array;
  /** |W_V[head]| |a| [dModel] */
  readonly terms: Float64Array;
}

/** What float32 may have lost at one position before the values. */
export interface StreamErrors {
  /** [dModel], of the norm's output. */
  readonly errors: Float64Array;
  /** [dModel], how large that output and beta are. */
  readonly outputs: Float64Array;
  /** [dModel], Σ|write| / scale */
  readonly written: Float64Array;
}

/**
 * Each addition to the residual stream rounds once (see `checkSum`), then the norm's mean, division and affine part.
 *
 * @returns what tells it of the writes at a position, [dModel] each, and the norm's scale there; the next call overwrites it
 */
export function streamErrors(
  accuracy: Accuracy,
  { norm }: AttentionSplit,
  dModel: number,
): (writes: readonly Float32Array[], signedScale: number) => StreamErrors {
  const [x, lost, written, outputs, errors] = Array.from({ length: 5 }, () => new Float64Array(dModel));
  return (writes, signedScale) => {
    const scale = Math.abs(signedScale);
    for (const of of [x, lost, written]) of.fill(0);
    for (const [k, write] of writes.entries()) {
      const first = k === 0;
      for (let i = 0; i < dModel; i++) {
        x[i] += write[i];
        written[i] += Math.abs(write[i]);
        if (!first) lost[i] += U32 * (lost[i] + Math.abs(x[i])) + TINY;
      }
    }
    const mean = norm.centred ? average(x) : 0;
    const meanLost = norm.centred
      ? averageSize(lost) + accuracy.mean(dModel) * (averageSize(x) + averageSize(lost))
      : 0;
    for (let i = 0; i < dModel; i++) {
      const gamma = norm.gamma ? Math.abs(norm.gamma[i]) : 1;
      const beta = norm.beta ? Math.abs(norm.beta[i]) : 0;
      const before = (lost[i] + meanLost) / scale;
      const normalized = Math.abs(x[i] - mean) / scale + before;
      written[i] /= scale;
      outputs[i] = gamma * normalized + beta;
      const affine = norm.gamma || norm.beta ? 2 * U32 * outputs[i] + TINY : 0;
      errors[i] = gamma * (before + accuracy.normalization * (1 + U32) * normalized + TINY) + affine;
    }
    return { errors, outputs, written };
  };
}

function average(x: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i];
  return sum / x.length;
}

function averageSize(x: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += Math.abs(x[i]);
  return sum / x.length;
}

/** How far a value as captured, along a, may lie from its writers' parts: what float32 lost before it and in its product. */
export function valueError(
  accuracy: Accuracy,
  { errors, outputs, written }: StreamErrors,
  { a, size, reads, terms }: HeadReading,
  value: Float32Array,
  b_V: Float32Array,
): number {
  const { length } = errors;
  const own = 4 * (length + a.length) * U64; // what is compared is in float64, and may underflow
  let before = 0;
  let products = 0;
  let parts = 0;
  let smallest = 0;
  for (let i = 0; i < length; i++) {
    before += reads[i] * errors[i];
    products += terms[i] * (outputs[i] + errors[i]);
    parts += size[i] * written[i];
    smallest += 1 + written[i] + outputs[i];
  }
  let stored = 0;
  for (let d = 0; d < a.length; d++) {
    products += Math.abs(a[d] * b_V[d]);
    stored += Math.abs(a[d]) * (U32 * Math.abs(value[d]) + TINY);
  }
  const gamma = accuracy.accumulation(length) + own;
  return before + gamma * products + stored + own * parts + 4 * length * smallest * Number.MIN_VALUE;
}
