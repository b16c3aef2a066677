import { ValueError } from "../errors.ts";
import type { FinalNorm, ModelInput } from "../model/index.ts";
import type { Attributable } from "./attributable.ts";
import { attribute } from "./attribution.ts";
import { type AttributionOptions, expectLogit } from "./attributionOptions.ts";
import type { Attribution, AttributionResult } from "./result.ts";

/** Where and against what to look for erasures: as for an attribution by component. */
export interface ErasureOptions
  extends Omit<AttributionOptions, "unit" | "leaveOneOut" | "target" | "probability"> {
  /** The least share of a write that its eraser must take back; default 0.1. */
  readonly threshold?: number | undefined;
}

/** A component that wrote something, and a later one that took some of it back. */
export interface Erasure {
  /** The label of what wrote first. */
  readonly writer: string;
  /** The label of what wrote against it later. */
  readonly eraser: string;
  /** −(e·c)/‖c‖², with c what the writer wrote and e the eraser: 1 where all of c is taken back. */
  readonly share: number;
  /** Of the two writes, from −1. */
  readonly cosine: number;
  /** Their rows of the attribution, in units of the logit, which may cancel, and the sum. */
  readonly scores: { readonly writer: number; readonly eraser: number; readonly net: number };
  /**
   * [component] (x_k·c)/‖c‖², with x_k the residual stream after each component: how much of the write is in it. From
   * its writer on 1 more than before, less where it is erased.
   */
  readonly remaining: Float64Array;
}

/** The erasures at one position of one prompt. */
export interface PositionErasures
  extends Pick<Attribution, "prompt" | "pos" | "answer" | "wrong" | "scores" | "check"> {
  /** The greatest share first. */
  readonly pairs: readonly Erasure[];
}

/** What `erasures` returns. */
export interface ErasureResult extends Pick<AttributionResult, "labels" | "model" | "prompts"> {
  /** One per prompt and position, in order; with the rows by component and their check. */
  readonly attributions: readonly PositionErasures[];
}

/**
 * Pairs of components of which the later takes back what the earlier wrote. Direct attribution credits both, although
 * what the two say together may be nothing.
 *
 *   share = −(e·c)/‖c‖²      remaining after k = (x_k·c)/‖c‖²,  x_k = Σ_{j ≤ k} c_j
 *
 * of writes as the final norm sees them: less their mean where it centres. Whatever else reads the residual stream in
 * between has read what was there then. A write of which centring leaves no more than its rounding has no pairs.
 *
 * @param model   as for directLogitAttribution, which gives the rows and the check
 * @param options the answer, where, and from which share on
 * @throws ValueError for a threshold that is no number from 0, and as directLogitAttribution
 * @throws NotImplementedError, or a CheckError, as directLogitAttribution
 * @see Janiak et al., An Adversarial Example for Direct Logit Attribution: Memory Management in GELU-4L, arXiv 2310.07325, whose
 *   projection ratio `remaining` is
 */
export function erasures(
  model: Attributable,
  input: ModelInput | undefined,
  options: ErasureOptions = {},
): ErasureResult {
  const { threshold = 0.1 } = options;
  if (!Number.isFinite(threshold) || threshold < 0) {
    throw new ValueError(
      `erasures: got threshold ${threshold}, expected a number from 0. Give the least share of a write that is to be taken back.`,
    );
  }
  const labels = model.writers.map((writer) => writer.label);
  const pairs = new Map<Attribution, Erasure[]>();
  expectLogit("erasures", options);
  const result = attribute(
    "erasures",
    model,
    input,
    { ...options, unit: "component", leaveOneOut: false, probability: false },
    (attribution, site) => {
      const writes = model.writers.map(({ hook }) => seenWrite(model.finalNorm, site.read(hook)));
      pairs.set(attribution, erasurePairs(labels, writes, attribution.scores.data, threshold));
    },
  );
  return {
    labels: result.labels,
    model: result.model,
    prompts: result.prompts,
    attributions: result.attributions.map((attribution) => ({
      ...attribution,
      pairs: pairs.get(attribution)!,
    })),
  };
}

/** A write as the final norm sees it. */
interface SeenWrite {
  readonly write: Float64Array;
  readonly square: number;
  /** Whether there is more of it than what rounding left. */
  readonly counts: boolean;
}

function seenWrite({ centred }: FinalNorm, written: Float32Array): SeenWrite {
  const write = Float64Array.from(written);
  const mean = centred ? write.reduce((sum, value) => sum + value, 0) / write.length : 0;
  const whole = product(write, write);
  const seen = write.map((value) => value - mean);
  const square = product(seen, seen);
  // its elements were rounded to float32, by 2⁻²⁴ of each: shares of that would be of noise
  return { write: seen, square, counts: square > (4 * 2 ** -24) ** 2 * whole };
}

function erasurePairs(
  labels: readonly string[],
  writes: readonly SeenWrite[],
  rows: Float64Array,
  threshold: number,
): Erasure[] {
  const found = writes.flatMap(({ write, square, counts }, w): Erasure[] => {
    if (!counts) return [];
    const along = writes.map((other) => product(other.write, write));
    let running = 0;
    const remaining = Float64Array.from(along, (part) => (running += part / square));
    return writes.flatMap((later, e) => {
      const share = -along[e] / square;
      if (e <= w || !later.counts || !(share >= threshold)) return [];
      const scores = { writer: rows[w], eraser: rows[e], net: rows[w] + rows[e] };
      const cosine = along[e] / Math.sqrt(square * later.square);
      return [{ writer: labels[w], eraser: labels[e], share, cosine, scores, remaining }];
    });
  });
  return found.sort((a, b) => b.share - a.share);
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
