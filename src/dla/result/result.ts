import type { Tensor64 } from "../../tensor/index.ts";
import type { Check } from "../check/check.ts";
import type { Unit } from "../rows/rows.ts";

/** A token of an attribution; `text` is null for a model without a tokenizer. */
export interface AttributedToken {
  readonly id: number;
  readonly text: string | null;
}

/** An answer of several tokens, in their order; `text` is null for a model without a tokenizer. */
export interface AttributedText {
  readonly id?: never;
  readonly text: string | null;
  readonly tokens: readonly AttributedToken[];
}

/** A set of tokens, and how much the logit of each counts. */
export interface AttributedSet {
  readonly id?: never;
  readonly text?: never;
  readonly anyOf: readonly (AttributedToken & { readonly weight: number })[];
  readonly weights: "mean" | "softmax";
}

/** What was asked for: a token, several, or a set. */
export type AttributedAnswer = AttributedToken | AttributedText | AttributedSet;

/** The rows of one prompt at one position. */
export interface Attribution {
  /** Which of `prompts`, from 0. */
  readonly prompt: number;
  /** The position in that prompt's tokens, from 0. */
  readonly pos: number;
  /** Null where a direction was attributed. */
  readonly answer: AttributedAnswer | null;
  /** Null where the answer's logit itself was attributed, or a direction. */
  readonly wrong: AttributedAnswer | null;
  /** One score per label, or per label and what each further axis divides it into, in units of the logit. */
  readonly scores: Tensor64;
  /**
   * One per label, where asked for: the exact change of the logit (difference) if the row's write were taken out of the final
   * residual stream and the norm computed anew: the logit without it less the logit. Negative where leaving it out lowers the
   * logit, so that a row of +1 is near −1 here. `beta` is in no residual stream: leaving it out changes the logit by −beta.
   */
  readonly leaveOneOut?: Tensor64;
  /** Of a unit with the axis "source": the tokens up to this position as text, or their ids, then `bias`. */
  readonly sources?: readonly string[];
  /** The answer's, where asked for: of several tokens their product, of a set the sum. */
  readonly probability?: number;
  /** How many tokens have a greater logit than the answer: 0 for the first. Only of a single token. */
  readonly rank?: number;
  /** The proof that the scores add up. */
  readonly check: Check;
  /**
   * Of an answer of several tokens, what each added to all of this: read at the position before it, in the prompt up to `pos` with
   * the answer's tokens appended.
   */
  readonly tokens?: readonly Attribution[];
}

/** A prompt as it was attributed. */
export interface AttributedPrompt {
  /** As given; decoded where ids were; null without a tokenizer, or for ids that it does not have. */
  readonly text: string | null;
  /** The ids, with the BOS token where it was put in front. */
  readonly tokens: readonly number[];
  /** The tokens as text, one per id. */
  readonly stringTokens: readonly string[] | null;
}

/** What directLogitAttribution returns. */
export interface AttributionResult {
  /** What the rows are. */
  readonly unit: Unit;
  /** Whose rows they are, if not the logit's. */
  readonly target?: "logProbability";
  /** What the scores' axes are: ["component"], ["layer"], ["head"], …, ["head", "source"], ["head", "source", "writer"]. */
  readonly axes: readonly string[];
  /** Of the first axis, one per row. */
  readonly labels: readonly string[];
  /** Of the axis "writer": who wrote what a head read, what float32 lost of it, and what nobody wrote. */
  readonly writers?: readonly string[];
  /** What was attributed. */
  readonly model: {
    readonly name: string;
    /** How many blocks. */
    readonly layers: number;
    /** How many attention heads a block has. */
    readonly heads: number;
    readonly dModel: number;
    readonly dVocab: number;
    readonly compatibilityMode: boolean;
    /** Set for a folded model whose heads keep their value biases: `foldValueBiases: false`. */
    readonly valueBiases?: "kept";
    readonly backend: string;
  };
  /** In the order given. */
  readonly prompts: readonly AttributedPrompt[];
  /** One per prompt and position, in order. */
  readonly attributions: readonly Attribution[];
}
