import { ValueError } from "../../errors.ts";
import {
  describeValue,
  expectKnown,
  type LinearSplit,
  type ModelInput,
  type NamesOf,
} from "../../model/index.ts";
import { type Attributable, expectModel } from "../attributable.ts";
import { attribute } from "../attribution.ts";
import type { AttributionOptions } from "../attributionOptions.ts";
import type { Attribution, AttributionResult } from "../result/result.ts";
import { partWrite } from "../rows/parts.ts";
import { dot } from "../vectors.ts";
import { type Candidate, type Erasure, erasurePairs, seenWrite } from "./erasurePairs.ts";

/** Between what, where and against what to look for erasures: as for an attribution. */
export interface ErasureOptions
  extends Omit<AttributionOptions, "unit" | "leaveOneOut" | "target" | "probability"> {
  /** What may write and erase: components (default), or heads, with embeddings and MLPs as components. */
  readonly unit?: "component" | "head" | undefined;
  /** The least share of a write that its eraser must take back; default 0.1. */
  readonly threshold?: number | undefined;
}

const names: NamesOf<ErasureOptions> = {
  ...{ answer: true, wrong: true, direction: true, unit: true, threshold: true, pos: true, cache: true },
  ...{ allowRawWeights: true, prependBos: true },
};

/** The erasures at one position of one prompt. */
export interface PositionErasures
  extends Pick<Attribution, "prompt" | "pos" | "answer" | "wrong" | "scores" | "check"> {
  /** The greatest share first. */
  readonly pairs: readonly Erasure[];
}

/** What `erasures` returns. */
export interface ErasureResult extends Pick<AttributionResult, "labels" | "model" | "prompts"> {
  readonly unit: "component" | "head";
  /** The least share of a pair. */
  readonly threshold: number;
  /** Of the rows in `attributions`: by component, or by head, where embeddings and MLPs are in `remainder`. */
  readonly labels: readonly string[];
  /** After what `remaining` is: what writes to the residual stream, in order. */
  readonly components: readonly string[];
  /** One per prompt and position, in order; with the rows by unit and their check. */
  readonly attributions: readonly PositionErasures[];
}

/**
 * Pairs of components, or heads, of which the later takes back what the earlier wrote. Direct attribution credits both,
 * although what the two say together may be nothing.
 *
 *   share = −(e·c)/‖c‖²      remaining after k = (x_k·c)/‖c‖²,  x_k = Σ_{j ≤ k} c_j
 *
 * of writes as the final norm sees them: less their mean where it centres. Whatever else reads the residual stream in
 * between has read what was there then. A write of which centring leaves no more than its rounding has no pairs.
 *
 * With unit "head" those that write and erase are each head and whatever is not divided into heads: embeddings and MLPs,
 * so that a head may erase what an MLP wrote, and the other way round. Heads of one layer are no pairs, since none has
 * read what another wrote. An attention's bias, the same for every prompt, is nobody's, and counts in `remaining` alone.
 *
 * @param model   as for directLogitAttribution, which gives the rows and the check
 * @param options between what, the answer, where, and from which share on
 * @throws ValueError for another unit, a threshold that is no number from 0, and as directLogitAttribution
 * @throws NotImplementedError, or a CheckError, as directLogitAttribution
 * @see Janiak et al., An Adversarial Example for Direct Logit Attribution: Memory Management in GELU-4L, arXiv 2310.07325, whose
 *   projection ratio `remaining` is
 */
export function erasures(
  model: Attributable,
  input: ModelInput | undefined,
  options: ErasureOptions = {},
): ErasureResult {
  const where = "erasures";
  expectKnown(where, options, names);
  const { unit = "component", threshold = 0.1 } = options;
  if (unit !== "component" && unit !== "head") {
    throw new ValueError(
      `${where}: got unit ${describeValue(unit)}, expected "component" or "head". Give one of them.`,
    );
  }
  if (!Number.isFinite(threshold) || threshold < 0) {
    throw new ValueError(
      `${where}: got threshold ${describeValue(threshold)}, expected a number from 0. Give the least share of a write that is to be taken back.`,
    );
  }
  expectModel(where, model);
  const { writers, finalNorm } = model;
  const pairs = new Map<Attribution, Erasure[]>();
  const unpacked = new Map<LinearSplit, Float32Array>(); // once for all positions
  const weightsOf = (heads: LinearSplit) => {
    const W = unpacked.get(heads) ?? heads.weights();
    unpacked.set(heads, W);
    return W;
  };
  const result = attribute(where, model, input, { ...options, unit }, (attribution, site, { u }) => {
    const [scale] = site.read(finalNorm.scaleHook);
    const components = writers.map(({ hook }) => seenWrite(finalNorm, site.read(hook)));
    const { data } = attribution.scores;
    let row = 0;
    const candidates = writers.flatMap(({ label, hook, layer, heads }, stage): Candidate[] => {
      if (unit === "component") return [{ label, stage, write: components[stage], score: data[row++] }];
      if (!heads) {
        const score = dot(u, site.read(hook)) / scale;
        return [{ label, stage, write: components[stage], score }];
      }
      const [W, z] = [weightsOf(heads), site.read(heads.hook)];
      return Array.from({ length: heads.parts }, (_, head) => {
        const write = seenWrite(finalNorm, partWrite(z, W, head * heads.size, heads.size));
        return { label: `L${layer}H${head}`, stage, write, score: data[row++] };
      });
    });
    pairs.set(attribution, erasurePairs(candidates, components, threshold));
  });
  return {
    unit,
    threshold,
    labels: result.labels,
    components: writers.map(({ label }) => label),
    model: result.model,
    prompts: result.prompts,
    attributions: result.attributions.map((attribution) => ({
      ...attribution,
      pairs: pairs.get(attribution)!,
    })),
  };
}
