import { ValueError } from "../../errors.ts";
import { describeValue } from "../../model/index.ts";
import type { Attributable } from "../attributable.ts";
import { answerAt, count } from "./alignedAnswers.ts";
import type { Answer, Answers } from "./answers.ts";
import { type Reading, readDirection, readTokens, readWeighted, tokenSet } from "./readings.ts";

/** What to attribute: an answer, an answer less a wrong one, or a direction. */
export interface AnswerOptions {
  /** Whose logit; without it a `direction` is wanted. */
  readonly answer?: Answers | undefined;
  /** Whose logit is subtracted; without it the answer's own logit is attributed. Of several tokens, each at its own position, as many. */
  readonly wrong?: Answers | undefined;
  /**
   * [dModel], on the final norm's output, as a column of W_U is. On a folded model that output has no gamma and
   * beta: for a probe made on the trained model's, attribute the raw model with `allowRawWeights`, or multiply by gamma.
   */
  readonly direction?: Float64Array | Float32Array | readonly number[] | undefined;
  /**
   * "logProbability": of the answer, with the probabilities p of all tokens held as they are. Then the rows sum to its
   * log-probability, which is `value` of the check, and the entropy of p, less the bias term. Default "logit".
   */
  readonly target?: "logit" | "logProbability" | undefined;
}

/** What is read at one prompt and position. */
export interface Target {
  readonly prompt: number;
  readonly pos: number;
  readonly answer: Answer | null;
  readonly wrong: Answer | null;
  /** Of the same tokens the same object; null where weights come from the run, or it is that of the steps. */
  readonly reading: Reading | null;
  /** Of an answer of several tokens, one after another: each one's, at the position before it. */
  readonly steps?: readonly Target[];
}

/**
 * The targets of each prompt, one per position, in order.
 *
 * @param hasLogits whether all logits are captured: then these are compared
 * @throws ValueError for a missing or bad answer, a count that does not fit, or a direction of another length
 */
export function readTargets(
  where: string,
  model: Attributable,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  options: AnswerOptions,
  hasLogits: boolean,
): Target[][] {
  const { answer, wrong, direction, target = "logit" } = options;
  expectTarget(where, options);
  if (direction !== undefined) {
    if (answer !== undefined || wrong !== undefined) {
      throw new ValueError(`${where}: got a direction and an answer, expected one of them. Leave one out.`);
    }
    const reading = readDirection(where, model, direction);
    return prompts.map((_, prompt) =>
      positions[prompt].map((pos) => ({ prompt, pos, answer: null, wrong: null, reading })),
    );
  }
  if (answer === undefined) {
    throw new ValueError(
      `${where}: got no answer, expected a token or a direction. Give answer: " Mary" or direction.`,
    );
  }
  const answers = answerAt(`${where}: answer`, model, prompts, positions, answer);
  const wrongs =
    wrong === undefined ? () => null : answerAt(`${where}: wrong`, model, prompts, positions, wrong);
  const readings = new Map<string, Reading | null>();
  const readingOf = (own: Answer, other: Answer | null): Reading | null => {
    if (target === "logProbability") return null;
    const key = JSON.stringify([own, other]);
    const known = readings.get(key);
    if (known !== undefined) return known;
    const reading = fixedReading(model, own, other, hasLogits);
    readings.set(key, reading);
    return reading;
  };
  const targetOf = (prompt: number, pos: number, own: Answer, other: Answer | null): Target => {
    if (own.kind === "tokens" || other?.kind === "tokens")
      expectSteps(`${where}: prompt ${prompt}`, own, other);
    if (own.kind !== "tokens" && other?.kind !== "tokens")
      return { prompt, pos, answer: own, wrong: other, reading: readingOf(own, other) };
    const step = (of: Answer, i: number): Answer => ({ kind: "token", ids: [of.ids[i]] });
    const steps = own.ids.map((_, i) => targetOf(prompt, pos + i, step(own, i), other && step(other, i)));
    return { prompt, pos, answer: own, wrong: other, reading: null, steps };
  };
  return prompts.map((_, prompt) =>
    positions[prompt].map((pos, index) =>
      targetOf(prompt, pos, answers(prompt, index), wrongs(prompt, index)),
    ),
  );
}

/** What each token of a set counts by default. */
export function equalWeights({ ids }: Answer): number[] {
  return ids.map(() => 1 / ids.length);
}

/** Null where the run is to say what counts how much. */
function fixedReading(
  model: Attributable,
  answer: Answer,
  wrong: Answer | null,
  hasLogits: boolean,
): Reading | null {
  if (answer.kind === "softmax" || wrong?.kind === "softmax") return null;
  if (answer.kind === "token" && (wrong === null || wrong.kind === "token"))
    return readTokens(model, answer.ids[0], wrong === null ? null : wrong.ids[0], hasLogits);
  const weighed = (of: Answer) => ({ set: tokenSet(model, of.ids), weights: equalWeights(of) });
  return readWeighted(model, weighed(answer), wrong && weighed(wrong));
}

function expectTarget(where: string, { target = "logit", wrong, direction }: AnswerOptions): void {
  if (target === "logit") return;
  if (target !== "logProbability") {
    throw new ValueError(
      `${where}: got target ${describeValue(target)}, expected "logit" or "logProbability". Choose one of them.`,
    );
  }
  if (wrong !== undefined) {
    throw new ValueError(
      `${where}: got target "logProbability" and a wrong answer, expected an answer alone. ` +
        "Leave target out: two log-probabilities differ by what the logits do.",
    );
  }
  if (direction !== undefined) {
    throw new ValueError(
      `${where}: got target "logProbability" and a direction, expected an answer. A direction has no probability.`,
    );
  }
}

function expectSteps(where: string, answer: Answer, wrong: Answer | null): void {
  const stepsOf = ({ kind, ids }: Answer) => (kind === "token" || kind === "tokens" ? ids.length : null);
  if (wrong === null || (stepsOf(answer) !== null && stepsOf(answer) === stepsOf(wrong))) return;
  const describe = ({ kind, ids }: Answer) =>
    kind === "mean" || kind === "softmax" ? "a set" : count(ids.length, "token");
  throw new ValueError(
    `${where}: got an answer of ${describe(answer)} and a wrong one of ${describe(wrong)}, expected as many tokens, ` +
      "since each is read at its own position. Give { text } of as many, or compare two attributions.",
  );
}
