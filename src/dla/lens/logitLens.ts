import { ValueError } from "../../errors.ts";
import { describeValue, expectKnown, type ModelInput, type NamesOf } from "../../model/index.ts";
import type { Answer } from "../answers/answers.ts";
import { readTokens } from "../answers/readings.ts";
import { type AnswerOptions, readTargets, type Target } from "../answers/targets.ts";
import type { Attributable } from "../attributable.ts";
import { attributeSite, neededHooks } from "../attributeSite.ts";
import { sitesOf, type TargetSite } from "../batches.ts";
import type { Check } from "../check/check.ts";
import { expectTop, type Input, type InputOptions, readActivations, readInput } from "../input.ts";
import { expectOwnScale } from "../normScale.ts";
import { describeModel, describePrompt, describeToken } from "../result/describe.ts";
import type { AttributedToken, AttributionResult } from "../result/result.ts";
import { computeRows, rowLabels } from "../rows/rows.ts";
import { type LensReading, readLens } from "./lensReading.ts";

/** Whose prediction is followed through the layers, where and how. */
export interface LogitLensOptions extends InputOptions, Pick<AnswerOptions, "answer" | "wrong"> {
  /**
   * What divides a row in the final norm: the scale of that row, or for every row that of the last, as in attribution. Default
   * "recomputed".
   */
  readonly scale?: LensScale | undefined;
  /** How many of the most probable tokens to list at each row; default 5. */
  readonly top?: number | undefined;
}

const names: NamesOf<LogitLensOptions> = {
  ...{ answer: true, wrong: true, scale: true, top: true, pos: true, cache: true },
  ...{ allowRawWeights: true, prependBos: true },
};

/** Which scale the final norm has. */
export type LensScale = "recomputed" | "frozen";

/** A token as a row of the residual stream predicts it. */
export interface LensToken extends AttributedToken {
  readonly logit: number;
  readonly probability: number;
}

/** What each row predicts after one prompt's position. Lists and arrays have one entry per label. */
export interface LogitLens {
  /** Which of `prompts`, from 0. */
  readonly prompt: number;
  /** The position in that prompt's tokens, from 0. */
  readonly pos: number;
  /** Null where no answer was asked for; then the arrays about it are null too. */
  readonly answer: AttributedToken | null;
  readonly wrong: AttributedToken | null;
  /** The answer's logit; on a folded model relative to the vocabulary's mean. */
  readonly logits: Float64Array | null;
  /** The answer's logit less the wrong one's; null without a wrong one. */
  readonly differences: Float64Array | null;
  /** How many tokens have a greater logit than the answer: 0 for the first, also where others have the same. */
  readonly ranks: Uint32Array | null;
  readonly probabilities: Float64Array | null;
  /** Of the whole vocabulary, in nats. */
  readonly entropies: Float64Array;
  /** The most probable tokens, most probable first; of equal ones the lower id first. */
  readonly top: readonly (readonly LensToken[])[];
  /**
   * The proof, for the answer (without one, for the token predicted), that what was written adds up to the logit of the
   * last row.
   */
  readonly check: Check;
}

/** What logitLens returns. */
export interface LogitLensResult extends Pick<AttributionResult, "model" | "prompts"> {
  readonly scale: LensScale;
  /** Of the rows: `0_pre`, `0_mid`, `1_pre`, …, `final_post`, the residual stream that each part reads. */
  readonly labels: readonly string[];
  /** One per prompt and position, in order. */
  readonly lenses: readonly LogitLens[];
}

/**
 * The logit lens: what the model would predict if the residual stream ended at each of its accumulated rows x_k.
 *
 *   logits_k = W_Uᵀ (gamma ⊙ P x_k / σ(x_k) + beta) + b_U,   σ(x) = sqrt(mean((P x)²) + eps)
 *
 * The last row is the model's own output, to the bit; the rows before it are normalized in float64 and go through the same
 * float32 product. The vocabulary is read in chunks, and softmax, entropy and ranks are summed up in float64 as it passes by.
 *
 * With `scale: "frozen"` σ is the last row's throughout: then an answer's logit less its bias is the row of unit
 * "layer" in directLogitAttribution.
 *
 * @param model   in compatibility mode, unless `options.allowRawWeights`
 * @param input   a text, texts, ids or lists of ids, of any lengths; undefined to take those of `options.cache`
 * @param options whose logit, at which positions; without an answer only entropies and top tokens
 * @returns one lens per prompt and position, in order
 * @throws NotImplementedError for a block with a part that does not declare what it writes
 * @throws ValueError for a raw model, a bad prompt, answer, position, cache or option; before anything runs
 * @throws CheckError when the writes do not add up to the model's output, or the norm as declared does not make the captured
 *   scale
 * @see nostalgebraist, interpreting GPT: the logit lens (2020)
 */
export function logitLens(
  model: Attributable,
  input: ModelInput | undefined,
  options: LogitLensOptions = {},
): LogitLensResult {
  const where = "logitLens";
  expectKnown(where, options, names);
  const { scale = "recomputed", top = 5 } = options;
  expectScale(where, scale);
  expectTop(where, top);
  const read = readInput(where, model, input, options);
  const targets = lensTargets(where, model, read, options);
  const labels = rowLabels(model, "layer");
  const lenses: LogitLens[][] = targets.map((ofPrompt) => new Array(ofPrompt.length));
  for (const batch of readActivations(where, model, read, neededHooks(model, "layer"), options.cache)) {
    const asked = sitesOf(batch, targets).map((at) => ({ ...at, target: targets[at.prompt][at.index] }));
    for (const { asked: at, reading } of readLens(model, asked, scale, top)) {
      lenses[at.prompt][at.index] = lensOf(where, model, at, reading, scale, top);
    }
  }
  return {
    scale,
    labels,
    model: describeModel(model),
    prompts: read.prompts.map((tokens, index) => describePrompt(model, tokens, input, index)),
    lenses: lenses.flat(),
  };
}

/** What is asked of a site: `reading` is null without an answer. */
interface LensTarget extends Pick<Target, "prompt" | "pos" | "reading"> {
  readonly answer: number | null;
  readonly wrong: number | null;
}

function lensTargets(
  where: string,
  model: Attributable,
  { prompts, positions }: Input,
  { answer, wrong }: LogitLensOptions,
): LensTarget[][] {
  if (answer !== undefined) {
    const targets = readTargets(where, model, prompts, positions, { answer, wrong }, false);
    return targets.map((ofPrompt) =>
      ofPrompt.map(({ answer, wrong, ...target }) => ({
        ...target,
        answer: onlyToken(`${where}: answer`, answer),
        wrong: onlyToken(`${where}: wrong`, wrong),
      })),
    );
  }
  if (wrong !== undefined) {
    throw new ValueError(
      `${where}: got a wrong answer and no answer, expected both or neither. Give answer: " Mary" too.`,
    );
  }
  return positions.map((list, prompt) =>
    list.map((pos) => ({ prompt, pos, answer: null, wrong: null, reading: null })),
  );
}

/** @throws ValueError for an answer that is not one token: its rank and probability are what a lens is about */
function onlyToken(where: string, answer: Answer | null): number | null {
  if (answer === null || answer.kind === "token") return answer?.ids[0] ?? null;
  throw new ValueError(
    `${where}: got ${answer.kind === "tokens" ? "{ text } or { tokens }" : "a set"}, expected a token. Ask for each in turn.`,
  );
}

function lensOf(
  where: string,
  model: Attributable,
  { site, target }: TargetSite & { readonly target: LensTarget },
  { rows, answers, wrongs }: LensReading,
  scale: LensScale,
  top: number,
): LogitLens {
  const predicted = rows[rows.length - 1].top[0].id;
  const reading = target.reading ?? readTokens(model, predicted, null, false);
  const written = computeRows(model, "layer", [{ site, u: reading.u }])[0];
  const here = `${where}: prompt ${target.prompt}, position ${target.pos}`;
  const { check } = attributeSite(here, model, "layer", reading, written, site);
  if (scale === "recomputed") expectOwnScale(here, model, site);
  return {
    prompt: target.prompt,
    pos: target.pos,
    answer: describeToken(model, target.answer),
    wrong: describeToken(model, target.wrong),
    logits: answers,
    differences: answers && wrongs && answers.map((logit, row) => logit - wrongs[row]),
    ranks: answers && Uint32Array.from(rows, ({ greater }) => greater),
    probabilities: answers && Float64Array.from(rows, ({ probability }, row) => probability(answers[row])),
    entropies: Float64Array.from(rows, ({ entropy }) => entropy),
    top: rows.map((row) =>
      row.top.slice(0, top).map(({ id, value }) => {
        return { ...describeToken(model, id)!, logit: value, probability: row.probability(value) };
      }),
    ),
    check,
  };
}

/** @throws ValueError for an unknown one */
function expectScale(where: string, scale: LensScale): void {
  if (scale === "recomputed" || scale === "frozen") return;
  scale satisfies never;
  throw new ValueError(
    `${where}: got scale ${describeValue(scale)}, expected "recomputed" or "frozen". Choose one of them.`,
  );
}
