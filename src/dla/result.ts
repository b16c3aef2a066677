import type { Tensor64 } from "../tensor/index.ts";
import type { Check } from "./check.ts";
import type { Unit } from "./rows.ts";

/** A token of an attribution; `text` is null for a model without a tokenizer. */
export interface AttributedToken {
  readonly id: number;
  readonly text: string | null;
}

/** The rows of one prompt at one position. */
export interface Attribution {
  readonly prompt: number;
  readonly pos: number;
  /** Null where a direction was attributed. */
  readonly answer: AttributedToken | null;
  readonly wrong: AttributedToken | null;
  /** One score per label, in units of the logit. */
  readonly scores: Tensor64;
  readonly check: Check;
}

/** A prompt as it was attributed. */
export interface AttributedPrompt {
  /** As given; decoded where ids were; null without a tokenizer, or for ids that it does not have. */
  readonly text: string | null;
  readonly tokens: readonly number[];
  readonly stringTokens: readonly string[] | null;
}

/** What directLogitAttribution returns. */
export interface AttributionResult {
  readonly unit: Unit;
  /** What the scores' axes are: ["component"], ["layer"], ["head"]. */
  readonly axes: readonly string[];
  /** Of the first axis. */
  readonly labels: readonly string[];
  readonly model: {
    readonly name: string;
    readonly layers: number;
    readonly heads: number;
    readonly dModel: number;
    readonly dVocab: number;
    readonly compatibilityMode: boolean;
    readonly backend: string;
  };
  readonly prompts: readonly AttributedPrompt[];
  /** One per prompt and position, in order. */
  readonly attributions: readonly Attribution[];
}
