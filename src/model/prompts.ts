import { ValueError } from "../errors.ts";
import { describe } from "./files/json.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** What a model can be run on: a text, texts, the ids of one prompt, or a list of prompts (texts or ids). */
export type ModelInput = string | readonly number[] | readonly (string | readonly number[])[];

/** What reading a prompt needs of a model. */
export interface PromptReader {
  readonly config: {
    readonly nCtx: number;
    readonly dVocab: number;
    readonly bosTokenId: number | undefined;
  };
  readonly tokenizer: Tokenizer | undefined;
  readonly unreadTokenizer?: string | undefined;
}

/**
 * The prompts of an input as ids. A text gets the BOS token in front unless it begins with it or `prependBos` is
 * false; ids are taken as they are.
 *
 * @throws ValueError for no prompt, an empty one, one longer than the context, or an id outside the vocabulary
 */
export function readPrompts(
  where: string,
  model: PromptReader,
  input: ModelInput,
  prependBos: boolean | undefined,
): number[][] {
  const prompts = splitPrompts(where, input);
  return prompts.map((prompt, index) => {
    const here = prompts.length > 1 ? `${where}: prompt ${index}` : `${where}: prompt`;
    const ids = typeof prompt === "string" ? textToTokens(here, model, prompt, prependBos) : prompt;
    expectTokens(here, model.config, ids);
    return [...ids];
  });
}

/**
 * The ids of a text, BOS in front unless it begins with it or `prependBos` is false.
 *
 * @throws ValueError when the model has no tokenizer, or no BOS token and `prependBos` is true
 */
export function textToTokens(
  where: string,
  model: PromptReader,
  text: string,
  prependBos: boolean | undefined,
): number[] {
  const tokenizer = expectTokenizer(where, model);
  const ids = tokenizer.encode(text);
  if (prependBos === false) return ids;
  const bos = tokenizer.bosToken ?? model.config.bosTokenId;
  if (bos === undefined) {
    if (prependBos === undefined) return ids;
    throw new ValueError(
      `${where}: got prependBos: true, expected a model with a BOS token. Leave the option out.`,
    );
  }
  return ids[0] === bos ? ids : [bos, ...ids];
}

/** @throws ValueError when the model was loaded without tokenizer files, or with those of another kind than GPT-2's */
export function expectTokenizer(where: string, model: PromptReader): Tokenizer {
  if (model.tokenizer) return model.tokenizer;
  if (model.unreadTokenizer !== undefined) {
    throw new ValueError(
      `${where}: got a text, expected ids: the model's tokenizer is of a kind that is not read ` +
        `(${model.unreadTokenizer}). Give the ids that its own tokenizer makes of the text.`,
    );
  }
  throw new ValueError(
    `${where}: got a text, expected ids, since this model was loaded without tokenizer files. ` +
      "Load it with vocab.json and merges.txt, or tokenizer.json; or give ids.",
  );
}

/** @throws ValueError unless `id` is one of the vocabulary's */
export function expectTokenId(where: string, config: PromptReader["config"], id: number): void {
  if (Number.isInteger(id) && id >= 0 && id < config.dVocab) return;
  throw new ValueError(
    `${where}: got token id ${describe(id)}, expected an integer from 0 to ${config.dVocab - 1} (dVocab=${config.dVocab}). ` +
      "Give an id of this model's vocabulary.",
  );
}

function splitPrompts(where: string, input: ModelInput): readonly (string | readonly number[])[] {
  if (typeof input === "string") return [input];
  const isList = Array.isArray(input) && input.length > 0;
  if (isList && input.every((item) => typeof item === "number")) return [input as readonly number[]];
  if (isList && input.every((item) => typeof item === "string" || Array.isArray(item))) {
    return input as readonly (string | readonly number[])[];
  }
  throw new ValueError(
    `${where}: got ${isList ? "a list of mixed kinds" : Array.isArray(input) ? "an empty list" : typeof input}, ` +
      "expected a text, texts, ids or lists of ids. Give at least one prompt.",
  );
}

function expectTokens(where: string, config: PromptReader["config"], ids: readonly number[]): void {
  if (ids.length === 0) {
    throw new ValueError(`${where}: got an empty prompt, expected at least one token. Give a text or ids.`);
  }
  if (ids.length > config.nCtx) {
    throw new ValueError(
      `${where}: got ${ids.length} tokens, expected at most ${config.nCtx} (the model's context). Shorten the prompt.`,
    );
  }
  for (const [pos, id] of ids.entries()) expectTokenId(`${where}: position ${pos}`, config, id);
}
