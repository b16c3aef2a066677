import { ValueError } from "../../errors.ts";
import {
  asList,
  describeValue,
  type Integers,
  readToken,
  type TokenRef,
  textTokens,
} from "../../model/index.ts";
import type { Attributable } from "../attributable.ts";

/** Tokens that follow one another: those of a text, without BOS in front, or given one by one. */
export type AnswerTokens = { readonly text: string } | { readonly tokens: Integers | readonly TokenRef[] };

/**
 * Any of some tokens: their logits' mean, or weighted by softmax over the set, as the model itself chooses among them.
 * Default "mean".
 */
export interface AnswerSet {
  readonly anyOf: Integers | readonly TokenRef[];
  readonly weights?: "mean" | "softmax" | undefined;
}

/**
 * An answer: a token, where a plain text must be one, so that a forgotten space is caught; several, each read at its own
 * position; or a set.
 */
export type AnswerRef = TokenRef | AnswerTokens | AnswerSet;

/**
 * The answer: one for all, a list of one per prompt (of a single prompt, one per position), or one list
 * per prompt with one per position. `"next"` is the token that follows the position in the prompt itself, alone and in a list. The
 * token spelt "next" is given by its id, as `{ text: "next" }`, or in a set or `{ tokens }`, whose texts are tokens always.
 */
export type Answers = AnswerRef | Integers | readonly (AnswerRef | Integers | readonly AnswerRef[])[];

/** An answer as ids: of a token one, of several in their order. */
export interface Answer {
  readonly kind: "token" | "tokens" | "mean" | "softmax";
  readonly ids: readonly number[];
}

/** @throws ValueError for what is none of the forms, no token of the model's, or a set of none or of one twice */
export function readAnswer(where: string, model: Attributable, given: AnswerRef): Answer {
  if (typeof given !== "object" || given === null)
    return { kind: "token", ids: [readToken(where, model, given)] };
  expectForm(where, given);
  if ("anyOf" in given) return readSet(where, model, given);
  const ids =
    "text" in given
      ? textTokens(where, model, given.text)
      : readList(`${where}: tokens`, model, given.tokens);
  return { kind: "tokens", ids };
}

function readSet(where: string, model: Attributable, { anyOf, weights = "mean" }: AnswerSet): Answer {
  if (weights !== "mean" && weights !== "softmax") {
    throw new ValueError(
      `${where}: got weights ${describeValue(weights)}, expected "mean" or "softmax". Choose one of them.`,
    );
  }
  const ids = readList(`${where}: anyOf`, model, anyOf);
  const seen = new Set<number>();
  const twice = ids.find((id) => seen.size === seen.add(id).size);
  if (twice === undefined) return { kind: weights, ids };
  throw new ValueError(
    `${where}: anyOf: got token ${twice} twice, expected a set. Give each token once: all have their weights from the set.`,
  );
}

function readList(where: string, model: Attributable, list: Integers | readonly TokenRef[]): number[] {
  const given = asList(list);
  if (!Array.isArray(given) || given.length === 0) {
    throw new ValueError(
      `${where}: got ${Array.isArray(given) ? "none" : describeValue(given)}, expected a list of at least one token. Give ids or texts.`,
    );
  }
  return Array.from<TokenRef, number>(given, (token, i) => readToken(`${where}: ${i}`, model, token)); // also what a sparse list leaves out
}

function expectForm(where: string, given: object): void {
  const keys = Object.keys(given).filter((key) => given[key as never] !== undefined);
  const isSet = keys.includes("anyOf") && keys.every((key) => key === "anyOf" || key === "weights");
  if (isSet || (keys.length === 1 && (keys[0] === "text" || keys[0] === "tokens"))) return;
  throw new ValueError(
    `${where}: got ${describeValue(given)}, expected a token, { text }, { tokens }, or { anyOf, weights? }. ` +
      'Give " Mary", { text: " New York" } or { anyOf: [" Mary", " Anne"] }.',
  );
}
