import { ValueError } from "../../errors.ts";
import { describeValue, expectKnown, type ModelInput, type NamesOf, readPrompts } from "../../model/index.ts";
import type { Reading } from "../answers/readings.ts";
import { expectAttributable } from "../attributable.ts";
import { attribute } from "../attribution.ts";
import type { AttributionOptions } from "../attributionOptions.ts";
import { runBatches, sitesOf } from "../batches.ts";
import { leaveOneOutRows } from "../leaveOneOut/leaveOneOut.ts";
import { expectOwnScale } from "../normScale.ts";
import type { Attribution, AttributionResult } from "../result/result.ts";
import { type Ablatable, ablated, ablatedParts, expectAblatedUnit, replacedRows } from "./ablated.ts";
import { type Instead, type Replacement, readReplacement } from "./replacement.ts";

/** What to ablate, by what, and what to read of it. */
export interface AblationOptions
  extends Omit<AttributionOptions, "unit" | "leaveOneOut" | "cache" | "target" | "probability"> {
  /** Whose activation is replaced: an embedding's or a sublayer's output, or a head's z. Default "component". */
  readonly unit?: "component" | "head" | undefined;
  /** Default "zero". */
  readonly replace?: Replacement | undefined;
  /**
   * Where: at "all" positions, the default, or at the "attributed" one alone, which takes a run for each; then what attention
   * reads at earlier ones stays.
   */
  readonly at?: "all" | "attributed" | undefined;
}

const names: NamesOf<AblationOptions> = {
  ...{ answer: true, wrong: true, direction: true, unit: true, replace: true, at: true, pos: true },
  ...{ allowRawWeights: true, prependBos: true },
};

/** The effects at one position of one prompt, each one per label, in units of the logit. */
export interface PositionEffects extends Pick<Attribution, "prompt" | "pos" | "answer" | "wrong" | "check"> {
  /** The logit (difference) of the run with the activation replaced, less the model's own. */
  readonly total: Float64Array;
  /** a(c′) − a(c): the change of the row, the final norm's scale frozen. */
  readonly direct: Float64Array;
  /**
   * The change of the logit (difference) if c′ stood for c in the final residual stream alone, the norm computed anew; NaN
   * where there is none (eps NaN).
   */
  readonly directExact: Float64Array;
  /** total − directExact: what the change of later layers, and of those at other positions, adds. */
  readonly indirect: Float64Array;
}

/** What `ablationEffects` returns. */
export interface AblationResult extends Pick<AttributionResult, "model" | "prompts"> {
  readonly unit: "component" | "head";
  /** What took the activations' place, as `replace` said it. */
  readonly ablate: "zero" | "mean" | "from";
  /** Where it did: at all positions, or at the attributed one alone. */
  readonly at: "all" | "attributed";
  /** What was replaced: components, or heads. */
  readonly labels: readonly string[];
  /** One per prompt and position, in order; `check` is that of the rows `direct` is made of. */
  readonly attributions: readonly PositionEffects[];
}

/**
 * The change of the logit (difference) when a component's activation c is replaced by c′ and all after it computed anew,
 * beside the change that direct attribution knows of:
 *
 *   total = logit(run with c′) − logit      direct = u·c′/scale − u·c/scale
 *   directExact = u·(x − c + c′)/σ(x − c + c′) − u·x/σ(x)      indirect = total − directExact
 *
 * Where total and direct agree, the component acts on the logit itself. An indirect effect of the direct one's sign is of
 * layers that depended on the component; one against it, of layers that make up for its loss.
 *
 * The activation is replaced at every position, as ablations commonly are, so what a component does at earlier
 * positions, which attention reads, is in `total` and `indirect`, unless `options.at` says otherwise. Of a head its z alone is replaced: b_O stays. There
 * is a run per label, of prompts of one length together, so memory does not grow with labels.
 *
 * @param model   in compatibility mode, unless `options.allowRawWeights`
 * @param options the answer, where, whose activations and what takes their place
 * @throws ValueError for a replacement that does not fit, and as directLogitAttribution; before anything runs
 * @throws NotImplementedError, or a CheckError, as directLogitAttribution
 * @see Rushing and Nanda, Explorations of Self-Repair in Language Models, arXiv 2402.15390; McGrath et al., The Hydra
 *   Effect, arXiv 2307.15771
 */
export function ablationEffects(
  model: Ablatable,
  input: ModelInput,
  options: AblationOptions = {},
): AblationResult {
  const where = "ablationEffects";
  expectKnown(where, options, names);
  const { unit = "component", replace = "zero", at = "all", ...rest } = options;
  expectAttributable(where, model, options.allowRawWeights ?? false);
  expectAblatedUnit(where, model, unit);
  expectPlace(where, at);
  const prompts = readPrompts(where, model, input, options.prependBos);
  const parts = ablatedParts(model, unit);
  const sizes = new Map(parts.map(({ hook, first, size }) => [hook, first + size])); // the last part's end is the width
  const replacement = readReplacement(where, model, replace, prompts, sizes, options.prependBos);

  let running: Instead | undefined;
  const instead: Instead = (hook, pos) => {
    running ??= replacement();
    return running(hook, pos);
  };
  const hasNorm = !Number.isNaN(model.finalNorm.eps);
  const readings = new Map<Attribution, Reading>();
  const effects = new Map<Attribution, { direct: Float64Array; directExact: Float64Array }>();
  const result = attribute(where, model, input, { ...rest, unit }, (attribution, site, reading) => {
    const { prompt, pos, scores } = attribution;
    if (hasNorm) expectOwnScale(`${where}: prompt ${prompt}, position ${pos}`, model, site);
    const [scale] = site.read(model.finalNorm.scaleHook);
    const here = (hook: string) => instead(hook, pos);
    const rows = replacedRows(model, unit, reading.u, here);
    const [left] = leaveOneOutRows(model, unit, [{ site, u: reading.u, instead: here }]);
    readings.set(attribution, reading);
    effects.set(attribution, {
      direct: Float64Array.from(rows, (row, k) => row / scale - scores.data[k]),
      directExact: Float64Array.from(parts, (_, k) => 0 - left[k]),
    });
  });
  const totals = new Map(result.attributions.map((one) => [one, new Float64Array(parts.length)]));
  const targets = prompts.map((_, prompt) => result.attributions.filter((one) => one.prompt === prompt));
  const { outputHook } = model.finalNorm;
  for (const [k, part] of parts.entries()) {
    const runs = ablated(where, model, part, instead, at === "all");
    for (const group of at === "all" ? [targets] : oneByOne(targets)) {
      const positions = group.map((ofPrompt) => ofPrompt.map(({ pos }) => pos));
      const run = group.map((ofPrompt) => prompts[ofPrompt[0].prompt]);
      for (const batch of runBatches(runs, run, positions, [outputHook])) {
        for (const { prompt, index, site } of sitesOf(batch, group)) {
          const one = group[prompt][index];
          totals.get(one)![k] = readings.get(one)!.forward(site).logit - one.check.logit;
        }
      }
    }
  }
  return {
    unit,
    ablate: replace === "zero" ? "zero" : "mean" in replace ? "mean" : "from",
    at,
    labels: parts.map(({ label }) => label),
    model: result.model,
    prompts: result.prompts,
    attributions: result.attributions.map((one) => {
      const { prompt, pos, answer, wrong, check } = one;
      const { direct, directExact } = effects.get(one)!;
      const total = totals.get(one)!;
      const indirect = total.map((value, k) => value - directExact[k]);
      return { prompt, pos, answer, wrong, total, direct, directExact, indirect, check };
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
