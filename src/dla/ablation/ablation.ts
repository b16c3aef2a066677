import { ValueError } from "../../errors.ts";
import { describeValue, expectKnown, type ModelInput, type NamesOf, readPrompts } from "../../model/index.ts";
import type { Reading } from "../answers/readings.ts";
import { expectAttributable } from "../attributable.ts";
import { attributeInSteps } from "../attribution.ts";
import type { AttributionOptions } from "../attributionOptions.ts";
import { runBatches, sitesOf } from "../batches.ts";
import { breaks, expectFollowers } from "../breaks.ts";
import { leaveOneOutRows } from "../leaveOneOut/leaveOneOut.ts";
import { expectOwnScale } from "../normScale.ts";
import type { Attribution } from "../result/result.ts";
import { type Ablatable, ablated, ablatedParts, expectAblatedUnit, replacedRows } from "./ablated.ts";
import type { AblationResult } from "./effects.ts";
import { type Instead, type Replacement, readReplacement } from "./replacement.ts";

/** The progress of an ablation, in runs with an activation replaced: a prompt run once counts one. */
export interface AblationProgress {
  readonly done: number;
  readonly total: number;
}

/** What to ablate, by what, and what to read of it. */
export interface AblationOptions
  extends Omit<AttributionOptions, "unit" | "leaveOneOut" | "cache" | "target" | "probability"> {
  /** Whose activation is replaced: an embedding's or a sublayer's output, or a head's z. Default "component". */
  readonly unit?: "component" | "head" | undefined;
  /** Default "zero". */
  readonly replace?: Replacement | undefined;
  /**
   * At "all" positions, the default, or at the "attributed" one alone, which takes a run for each; then what attention
   * reads at earlier ones stays.
   */
  readonly at?: "all" | "attributed" | undefined;
  /** Ends the work between two runs; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each run. */
  readonly onProgress?: ((progress: AblationProgress) => void) | undefined;
}

const names: NamesOf<AblationOptions> = {
  ...{ answer: true, wrong: true, direction: true, unit: true, replace: true, at: true, pos: true },
  ...{ allowRawWeights: true, prependBos: true, signal: true, onProgress: true },
};

/**
 * The change of the logit (difference) when a component's activation c is replaced by c′ and all after it computed anew,
 * beside the change that the component itself makes in the final residual stream x:
 *
 *   total = logit(run with c′) − logit      direct = u·(x − c + c′)/σ(x − c + c′) − u·x/σ(x)
 *   indirect = total − direct               frozen = u·c′/scale − u·c/scale
 *
 * Total and direct agree where the component acts on the logit itself. An indirect effect of the direct one's sign is of
 * layers that depended on the component; one against it, of layers that make up for its absence. For "zero" direct is
 * `leaveOneOut` of directLogitAttribution, and frozen the row with its sign turned.
 *
 * The activation is replaced at every position, as ablations commonly are, so what a component does at earlier
 * positions, which attention reads, is in `total` and `indirect`, unless `options.at` says otherwise. There is a run per
 * label, of prompts of one length together, so memory does not grow with labels. The event loop gets a turn between runs.
 *
 * A head's z alone is replaced: b_O stays. Folding moves the value biases b_V into b_O, so z at zero takes b_V along on the weights
 * as trained and leaves it in place on a folded model: "zero" says different things of the two. A mean or another prompt's
 * z does not. To keep b_V in z on a folded model, load with `foldValueBiases: false`.
 *
 * @param model   in compatibility mode, unless `options.allowRawWeights`
 * @param options the answer, where, whose activations and what takes their place
 * @throws ValueError for a replacement that does not fit, and as directLogitAttribution; before anything runs
 * @throws NotImplementedError, or a CheckError, as directLogitAttribution
 * @throws the signal's reason once it is aborted
 * @see Rushing and Nanda, Explorations of Self-Repair in Language Models, arXiv 2402.15390; McGrath et al., The Hydra
 *   Effect, arXiv 2307.15771
 */
export async function ablationEffects(
  model: Ablatable,
  input: ModelInput,
  options: AblationOptions = {},
): Promise<AblationResult> {
  const where = "ablationEffects";
  expectKnown(where, options, names);
  const { unit = "component", replace = "zero", at = "all", signal, onProgress, ...rest } = options;
  expectAttributable(where, model, options.allowRawWeights ?? false);
  expectAblatedUnit(where, model, unit);
  expectPlace(where, at);
  expectFollowers(where, signal, onProgress);
  const prompts = readPrompts(where, model, input, options.prependBos);
  const parts = ablatedParts(model, unit);
  const sizes = new Map(parts.map(({ hook, first, size }) => [hook, first + size])); // the last part's end is the width
  const replacement = readReplacement(where, model, replace, prompts, sizes, options.prependBos);

  let instead: Instead;
  const hasNorm = !Number.isNaN(model.finalNorm.eps);
  const readings = new Map<Attribution, Reading>();
  const effects = new Map<Attribution, { direct: Float64Array; frozen: Float64Array }>();
  const steps = attributeInSteps(where, model, input, { ...rest, unit }, (attribution, site, reading) => {
    const { prompt, pos, scores } = attribution;
    if (hasNorm) expectOwnScale(`${where}: prompt ${prompt}, position ${pos}`, model, site);
    const [scale] = site.read(model.finalNorm.scaleHook);
    const here = (hook: string) => instead(hook, pos);
    const rows = replacedRows(model, unit, reading.u, here);
    const frozen = Float64Array.from(rows, (row, k) => row / scale - scores.data[k]);
    const anew = hasNorm ? leaveOneOutRows(model, unit, [{ site, u: reading.u, instead: here }])[0] : frozen;
    readings.set(attribution, reading);
    effects.set(attribution, { direct: anew.slice(0, parts.length), frozen });
  });
  let step = steps.next(); // all is checked: what runs comes after
  const pause = breaks(signal);
  instead = await replacement(pause);
  while (!step.done) {
    await pause();
    step = steps.next();
  }
  const { model: described, prompts: shown, attributions } = step.value;
  const totals = new Map(attributions.map((one) => [one, new Float64Array(parts.length)]));
  const targets = prompts.map((_, prompt) => attributions.filter((one) => one.prompt === prompt));
  const groups = at === "all" ? [targets] : oneByOne(targets);
  const runsOf = groups.reduce((sum, { length }) => sum + length, 0);
  let done = 0;
  for (const [k, part] of parts.entries()) {
    const runs = ablated(where, model, part, instead, at === "all");
    for (const group of groups) {
      const positions = group.map((ofPrompt) => ofPrompt.map(({ pos }) => pos));
      const run = group.map((ofPrompt) => prompts[ofPrompt[0].prompt]);
      await pause();
      for (const batch of runBatches(runs, run, positions, [model.finalNorm.outputHook])) {
        for (const { prompt, index, site } of sitesOf(batch, group)) {
          const one = group[prompt][index];
          totals.get(one)![k] = readings.get(one)!.forward(site).logit - one.check.logit;
        }
        done += batch.prompts.length;
        onProgress?.({ done, total: runsOf * parts.length });
        await pause();
      }
    }
  }
  return {
    unit,
    ablate: replace === "zero" ? "zero" : "mean" in replace ? "mean" : "from",
    at,
    scale: hasNorm ? "recomputed" : "frozen",
    labels: parts.map(({ label }) => label),
    model: described,
    prompts: shown,
    attributions: attributions.map((one) => {
      const { prompt, pos, answer, wrong, check } = one;
      const { direct, frozen } = effects.get(one)!;
      const total = totals.get(one)!;
      const indirect = total.map((value, k) => value - direct[k]);
      return { prompt, pos, answer, wrong, total, direct, indirect, frozen, check };
    }),
  };
}

/** Groups in which each prompt has one target: the first of each, the second of those that have one, … */
function oneByOne(targets: readonly (readonly Attribution[])[]): Attribution[][][] {
  const most = targets.reduce((count, { length }) => Math.max(count, length), 0);
  return Array.from({ length: most }, (_, index) =>
    targets.filter(({ length }) => length > index).map((ofPrompt) => [ofPrompt[index]]),
  );
}

function expectPlace(where: string, at: "all" | "attributed"): void {
  if (at === "all" || at === "attributed") return;
  throw new ValueError(
    `${where}: got at: ${describeValue(at)}, expected "all" positions or the "attributed" one. Give one of them.`,
  );
}
