import { describe, ValueError } from "../errors.ts";
import { expectTokenId, expectTokenizer, type PromptReader } from "./prompts.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** A token: its id, or the text that it is. */
export type TokenRef = number | string;

/**
 * The id of a token given by id or text.
 *
 * @throws ValueError for an id outside the vocabulary, or a text that is not one token
 */
export function readToken(where: string, model: PromptReader, token: TokenRef): number {
  if (typeof token === "string") return singleToken(where, model, token);
  expectTokenId(where, model.config, token);
  return token;
}

/**
 * The id of a text that is one token.
 *
 * @throws ValueError when it is not; the message shows how it splits, and the token probably meant
 */
export function singleToken(where: string, model: PromptReader, text: string): number {
  if (typeof text !== "string") {
    throw new ValueError(`${where}: got ${describe(text)}, expected a text. Give one that is a token.`);
  }
  const tokenizer = expectTokenizer(where, model);
  const ids = tokenizer.encode(text);
  if (ids.length === 1) {
    expectTokenId(where, model.config, ids[0]); // a tokenizer may know tokens that the model was not made for
    return ids[0];
  }
  const split = ids.slice(0, 8).map((id) => JSON.stringify(tokenizer.tokenString(id)));
  if (ids.length > split.length) split.push("…");
  const meant =
    text === ""
      ? undefined
      : [` ${text}`, ` ${text.trim()}`, text.trim()].find((other) => tokenizer.encode(other).length === 1);
  throw new ValueError(
    `${where}: got ${describe(text)}, which is ${ids.length} tokens [${split.join(", ")}], expected one. ` +
      (meant
        ? `Did you mean ${JSON.stringify(meant)}? A word inside a text is a token with its leading space.`
        : "Give a text that is one token, or an id."),
  );
}

/**
 * The ids of a text that goes on where another ends: without BOS in front.
 *
 * @throws ValueError for a text of no token, or one that the model was not made for
 */
export function textTokens(where: string, model: PromptReader, text: string): number[] {
  if (typeof text !== "string" || text === "") {
    throw new ValueError(`${where}: got text ${describe(text)}, expected at least one token. Give a text.`);
  }
  const ids = expectTokenizer(where, model).encode(text);
  for (const id of ids) expectTokenId(where, model.config, id);
  return ids;
}

/** A token for display; an id without one, as those that pad the model's vocabulary, is shown as it is: `<50300>`. */
export function showToken(tokenizer: Tokenizer, id: number): string {
  return tokenText(tokenizer, id) ?? `<${id}>`;
}

/** True where a tokenizer has a token of that id. The count of its tokens does not tell: ids may have holes. */
export function hasToken(tokenizer: Tokenizer, id: number): boolean {
  return tokenText(tokenizer, id) !== undefined;
}

function tokenText(tokenizer: Tokenizer, id: number): string | undefined {
  try {
    return tokenizer.tokenString(id);
  } catch {
    return undefined; // whatever it throws: a tokenizer may be of somebody else's making
  }
}
