import { ablationForm } from "../result/forms.ts";
import { expectResult } from "../result/kinds.ts";
import type { Attribution, AttributionResult } from "../result/result.ts";
import { type MeanScores, mean } from "../result/summary.ts";

/** The effects at one position of one prompt, each one per label, in units of the logit: the logit after less the logit before. */
export interface PositionEffects extends Pick<Attribution, "prompt" | "pos" | "answer" | "wrong" | "check"> {
  /** The logit (difference) of the run with the activation replaced, less the model's own. */
  readonly total: Float64Array;
  /**
   * The change of the logit (difference) if c′ stood for c in the final residual stream alone, the norm computed anew: see
   * `AblationResult.scale` for a model without one.
   */
  readonly direct: Float64Array;
  /** total − direct: what the change of later layers, and of those at other positions, adds. */
  readonly indirect: Float64Array;
  /** a(c′) − a(c): the change of the row of directLogitAttribution, the final norm's scale held. What the scale adds is direct − frozen. */
  readonly frozen: Float64Array;
}

/** The result of `ablationEffects`. */
export interface AblationResult extends Pick<AttributionResult, "model" | "prompts"> {
  readonly unit: "component" | "head";
  /** The replacement of the activations, as `replace` said it. */
  readonly ablate: "zero" | "mean" | "from";
  /** At all positions, or at the attributed one alone. */
  readonly at: "all" | "attributed";
  /**
   * The final norm's scale of `direct`: "recomputed", or "frozen" of a model that declares no norm to compute anew (eps NaN),
   * whose `direct` is `frozen`.
   */
  readonly scale: "recomputed" | "frozen";
  /** The components, or heads, that were replaced. */
  readonly labels: readonly string[];
  /** One per prompt and position, in order; `check` is that of the rows `frozen` is made of. */
  readonly attributions: readonly PositionEffects[];
}

/** Effects in the order in which they are told. */
export const effectNames = ["total", "direct", "indirect", "frozen"] as const;

/** Each effect's mean over attributions, and how sure it is: one per label, in units of the logit. */
export type MeanEffects = { readonly [Effect in (typeof effectNames)[number]]: MeanScores };

/**
 * The mean of each effect over all attributions of an ablation, label by label, with its standard error as `mean` has it. As of
 * each attribution, total is direct and indirect together.
 *
 * @throws ValueError for a result of another kind
 */
export function meanEffects(result: AblationResult): MeanEffects {
  expectResult("meanEffects", result, "ablation", ablationForm);
  const { labels, attributions } = result;
  const shape = [labels.length];
  const means = effectNames.map((effect) => [
    effect,
    mean({ labels, attributions: attributions.map((one) => ({ scores: { shape, data: one[effect] } })) }),
  ]);
  return Object.fromEntries(means) as MeanEffects;
}
