import { describe, expectFlags, ValueError } from "../errors.ts";
import { dense, type Integers, isIntegers, plainIntegers } from "./integers.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** What a model can be run on: a text, texts, the ids of one prompt, or a list of prompts (texts or ids). */
export type ModelInput = string | Integers | readonly (string | Integers)[];

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
  expectFlags(where, { prependBos });
  const prompts = splitPrompts(where, input);
  return prompts.map((prompt, index) => {
    const here = prompts.length > 1 ? `${where}: prompt ${index}` : `${where}: prompt`;
    const given = typeof prompt === "string" ? textToTokens(here, model, prompt, prependBos) : prompt;
    expectLength(here, model.config, given.length);
    const ids = plainIntegers(given);
    for (const [pos, id] of ids.entries()) expectTokenId(`${here}: position ${pos}`, model.config, id);
    return ids;
  });
}

/**
 * The ids of a text, BOS in front unless it begins with it or `prependBos` is false.
 *
 * @throws ValueError for what is no text, when the model has no tokenizer, or no BOS token and `prependBos` is true
 */
export function textToTokens(
  where: string,
  model: PromptReader,
  text: string,
  prependBos: boolean | undefined,
): number[] {
  expectFlags(where, { prependBos });
  if (typeof text !== "string") {
    throw new ValueError(`${where}: got ${describe(text)}, expected a text. Ids are tokens already.`);
  }
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
export function expectTokenId(
  where: string,
  config: Pick<PromptReader["config"], "dVocab">,
  id: number,
): void {
  if (Number.isInteger(id) && id >= 0 && id < config.dVocab) return;
  throw new ValueError(
    `${where}: got token id ${describe(id)}, expected an integer from 0 to ${config.dVocab - 1} (dVocab=${config.dVocab}). ` +
      "Give an id of this model's vocabulary.",
  );
}

function splitPrompts(where: string, input: ModelInput): readonly (string | Integers)[] {
  if (typeof input === "string") return [input];
  if (isIntegers(input)) return [input];
  const items: readonly unknown[] = Array.isArray(input) ? dense<unknown>(input) : [];
  if (items.length > 0) {
    if (items.every((item) => typeof item === "number")) return [items as number[]];
    const other = items.findIndex(
      (item) => typeof item !== "string" && !Array.isArray(item) && !isIntegers(item),
    );
    if (other === -1) return items as readonly (string | Integers)[];
    const isMixed = items.some((item) => typeof item !== typeof items[other]);
    const got = isMixed ? "a list of mixed kinds" : `a list with ${describe(items[other])} in it`;
    throw unreadable(where, got, hasInput(items[other]) ? "records" : "");
  }
  throw unreadable(
    where,
    Array.isArray(input) ? "an empty list" : describe(input),
    hasInput(input) ? "a record" : "",
  );
}

function hasInput(item: unknown): boolean {
  return typeof item === "object" && item !== null && "input" in item;
}

function unreadable(where: string, got: string, records: string): ValueError {
  const remedy = records === "" ? "Give at least one prompt." : `To attribute ${records}, use attributeAll.`;
  return new ValueError(`${where}: got ${got}, expected a text, texts, ids or lists of ids. ${remedy}`);
}

function expectLength(where: string, config: PromptReader["config"], length: number): void {
  if (length === 0) {
    throw new ValueError(`${where}: got an empty prompt, expected at least one token. Give a text or ids.`);
  }
  if (length > config.nCtx) {
    throw new ValueError(
      `${where}: got ${length} tokens, expected at most ${config.nCtx} (the model's context). Shorten the prompt.`,
    );
  }
}
