import { expectFlags, ValueError } from "../errors.ts";
import type { NamesOf, Positions } from "../model/index.ts";
import type { AnswerOptions, Target } from "./answers/targets.ts";
import type { AttributableCache } from "./attributable.ts";
import { expectLeavable } from "./leaveOneOut/leaveOneOut.ts";
import type { Unit } from "./rows/rows.ts";

/** What to attribute, where and how finely. */
export interface AttributionOptions extends AnswerOptions {
  /** Default "component". */
  readonly unit?: Unit | undefined;
  /** One position, a list, or "all", counted in each prompt's own tokens; default the last, -1. */
  readonly pos?: Positions | undefined;
  /**
   * The exact change of the logit (difference) without each row too, the final norm computed anew: see
   * `Attribution.leaveOneOut`. Units "component", "head", "neuron" and "full"; default false.
   */
  readonly leaveOneOut?: boolean | undefined;
  /**
   * The answer's probability too, and how many tokens have a greater logit: these need the whole vocabulary. Default false.
   */
  readonly probability?: boolean | undefined;
  /** Activations of the very prompts and model, so that nothing runs. */
  readonly cache?: AttributableCache | undefined;
  /** Attribute a model with its weights as trained, by putting the final norm's affine part on the direction. */
  readonly allowRawWeights?: boolean | undefined;
  /** Whether a text gets the BOS token in front; default true. */
  readonly prependBos?: boolean | undefined;
}

export const attributionNames: NamesOf<AttributionOptions> = {
  ...{ answer: true, wrong: true, direction: true, target: true, unit: true, pos: true, leaveOneOut: true },
  ...{ probability: true, cache: true, allowRawWeights: true, prependBos: true },
};

/**
 * @param isVisited whether more is asked of each position than its rows
 * @throws ValueError for options that contradict one another, or the targets
 */
export function expectOptions(
  where: string,
  { unit = "component", leaveOneOut, probability, cache, direction, target }: AttributionOptions,
  targets: readonly Target[],
  isVisited: boolean,
): void {
  expectFlags(where, { leaveOneOut, probability });
  if (probability && direction !== undefined) {
    throw new ValueError(
      `${where}: got probability and a direction, expected an answer. A direction has none: leave the option out.`,
    );
  }
  if (leaveOneOut) {
    expectLeavable(where, unit);
    const isWeighed = targets.some(({ answer, wrong }) =>
      [answer, wrong].some((one) => one?.kind === "softmax"),
    );
    if (isWeighed || target === "logProbability") {
      throw new ValueError(
        `${where}: got leaveOneOut and ${isWeighed ? "softmax weights" : 'target "logProbability"'}, expected logits with weights of their own: ` +
          "without a row the probabilities would be others. Leave one out.",
      );
    }
  }
  if (!targets.some(({ steps }) => steps)) return;
  if (cache !== undefined) {
    throw new ValueError(
      `${where}: got an answer of several tokens and a cache, expected one of them, since the answer's tokens are appended and run. ` +
        'Leave the cache out; or cache the whole text, with answer: "next" and the positions before the answer\'s tokens.',
    );
  }
  if (isVisited) {
    throw new ValueError(
      `${where}: got { text } or { tokens } as the answer, expected a token or a set. Ask for each token, at its own position.`,
    );
  }
}
