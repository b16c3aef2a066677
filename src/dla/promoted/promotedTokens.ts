import { CheckError } from "../../errors.ts";
import type { FinalNorm, ModelInput } from "../../model/index.ts";
import { expectKnown, type NamesOf } from "../../model/index.ts";
import { readTokens } from "../answers/readings.ts";
import type { Attributable } from "../attributable.ts";
import { attributeSite, neededHooks } from "../attributeSite.ts";
import { sitesOf, type TargetSite } from "../batches.ts";
import type { Check } from "../check/check.ts";
import { expectTop, type InputOptions, readActivations, readInput } from "../input.ts";
import { describeModel, describePrompt, describeToken } from "../result/describe.ts";
import type { AttributedToken, AttributionResult } from "../result/result.ts";
import { U64 } from "../roundoff.ts";
import { type Component, componentSplit, componentWrite, findComponent } from "../rows/components.ts";
import { computeRows } from "../rows/rows.ts";
import type { Site } from "../site.ts";
import { readVocabulary, type VocabularyReading } from "../vocabulary/vocabulary.ts";

/** Which component, where and how many tokens. */
export interface PromotedTokensOptions extends InputOptions {
  /** Its label: `embed`, `pos_embed`, `3_attn_out`, `3_mlp_out`; a head, `L1H0`; or a neuron, `L3N17`. */
  readonly component: string;
  /** How many tokens of each kind; default 10. */
  readonly top?: number | undefined;
}

const names: NamesOf<PromotedTokensOptions> = {
  ...{ component: true, top: true, pos: true, cache: true, allowRawWeights: true, prependBos: true },
};

/** A token, and what the component adds to its logit, less what it adds to every token's on average. */
export interface ScoredToken extends AttributedToken {
  readonly score: number;
}

/** What a component does to the vocabulary after one prompt's position. */
export interface PromotedTokens {
  /** Which of `prompts`, from 0. */
  readonly prompt: number;
  /** The position in that prompt's tokens, from 0. */
  readonly pos: number;
  /** Greatest score first; of equal ones the lower id first. */
  readonly promoted: readonly ScoredToken[];
  /** Least score first. */
  readonly suppressed: readonly ScoredToken[];
  /** What was subtracted: what the component adds to every logit, which softmax does not see. 0 but for rounding on a folded model. */
  readonly mean: number;
  /** The proof that all rows of the token most promoted, this component's among them, add up to its logit. */
  readonly check: Check;
}

/** What promotedTokens returns. */
export interface PromotedTokensResult extends Pick<AttributionResult, "model" | "prompts"> {
  readonly component: string;
  /** One per prompt and position, in order. */
  readonly sites: readonly PromotedTokens[];
}

/**
 * The tokens whose logits a component raises and lowers most: its row of directLogitAttribution for every token of the
 * vocabulary, less the mean of all.
 *
 *   score[t] = P c·(gamma ⊙ W_U[:, t]) / scale − mean over t,   scale of the final norm as captured
 *
 * In float64, column by column, so that no more than the lists is kept.
 *
 * @param model   in compatibility mode, unless `options.allowRawWeights`
 * @param input   a text, texts, ids or lists of ids, of any lengths; undefined to take those of `options.cache`
 * @param options which component, at which positions, and how many tokens
 * @returns one pair of lists per prompt and position, in order
 * @throws NotImplementedError for a block with a part that does not declare what it writes
 * @throws ValueError for a raw model, a bad prompt, component, position, cache or option; before anything runs
 * @throws CheckError when the rows do not add up within the derived bounds
 * @see Geva et al., Transformer Feed-Forward Layers Build Predictions by Promoting Concepts in the Vocabulary Space, arXiv 2203.14680
 */
export function promotedTokens(
  model: Attributable,
  input: ModelInput | undefined,
  options: PromotedTokensOptions,
): PromotedTokensResult {
  const where = "promotedTokens";
  expectKnown(where, options, names);
  const { top = 10 } = options;
  expectTop(where, top);
  const read = readInput(where, model, input, options);
  const component = findComponent(where, model, options.component);
  const hooks = neededHooks(model, component.unit);
  const targets = read.positions.map((list) => list.map((pos) => ({ pos })));
  const sites: PromotedTokens[][] = targets.map((ofPrompt) => new Array(ofPrompt.length));
  for (const batch of readActivations(where, model, read, hooks, options.cache)) {
    const asked = sitesOf(batch, targets);
    const vectors = asked.map(({ site }) => {
      const [scale] = site.read(model.finalNorm.scaleHook);
      return normalizeWrite(model.finalNorm, componentWrite(component, site).write, scale);
    });
    const readings = readVocabulary(model, vectors, Math.max(1, top)); // the first is what the check is of
    for (const [i, at] of asked.entries()) {
      const { pos } = targets[at.prompt][at.index];
      sites[at.prompt][at.index] = promotedAt(where, model, component, { ...at, pos }, readings[i], top);
    }
  }
  return {
    component: component.label,
    model: describeModel(model),
    prompts: read.prompts.map((tokens, index) => describePrompt(model, tokens, input, index)),
    sites: sites.flat(),
  };
}

/** gamma ⊙ P c / scale: what a write is of the norm's output, apart from beta. */
function normalizeWrite({ centred, gamma }: FinalNorm, c: Float64Array, scale: number): Float64Array {
  const mean = centred ? c.reduce((sum, value) => sum + value, 0) / c.length : 0;
  return c.map((value, i) => ((value - mean) / scale) * (gamma?.[i] ?? 1));
}

function promotedAt(
  where: string,
  model: Attributable,
  component: Component,
  { prompt, pos, site }: TargetSite & { readonly pos: number },
  { promoted, suppressed, mean }: VocabularyReading,
  top: number,
): PromotedTokens {
  const [{ id: answer, score }] = promoted;
  const reading = readTokens(model, answer, null, false);
  const [rows] = computeRows(model, component.unit, [{ site, u: reading.u }]);
  const here = `${where}: prompt ${prompt}, position ${pos}`;
  const { scores, check } = attributeSite(here, model, component.unit, reading, rows, site);
  const row = scores.data[component.row];
  const bound = float64Error(model.finalNorm, component, site, reading.w) + 2 ** -51 * Math.abs(mean);
  if (!(Math.abs(score + mean - row) <= bound)) {
    throw new CheckError(
      `${here}: got ${score + mean} for token ${answer}, expected its row ${row} within ${bound}. ` +
        "Take the cache from a run of this model on this prompt, without changing it.",
    );
  }
  const named = (tokens: VocabularyReading["promoted"]) =>
    tokens.slice(0, top).map(({ id, score }) => ({ ...describeToken(model, id)!, score }));
  return { prompt, pos, promoted: named(promoted), suppressed: named(suppressed), mean, check };
}

/** What float64 may lose in a score and in the row that it is to be: n operations on terms of these magnitudes, in each. */
function float64Error(norm: FinalNorm, component: Component, site: Site, w: Float64Array): number {
  const { magnitudes } = componentWrite(component, site);
  const { gamma, scaleHook } = norm;
  const weights = w.map((value, i) => Math.abs(value * (gamma?.[i] ?? 1)));
  const average = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanWeight, meanWrite] = [average(weights), average(magnitudes)];
  const terms = magnitudes.map((value, i) => (value + meanWrite) * (weights[i] + meanWeight));
  const products = componentSplit(component)?.size ?? 0;
  const [scale] = site.read(scaleHook);
  return 4 * (w.length + products + 16) * U64 * ((average(terms) * w.length) / Math.abs(scale));
}
