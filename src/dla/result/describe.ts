import { hasToken, type ModelInput, showToken } from "../../model/index.ts";
import type { Answer } from "../answers/answers.ts";
import type { Attributable } from "../attributable.ts";
import type { AttributedAnswer, AttributedPrompt, AttributedToken, AttributionResult } from "./result.ts";

/** What a result says of its model. */
export function describeModel(model: Attributable): AttributionResult["model"] {
  const { name, config, compatibilityMode, valueBiases, backend } = model;
  const { nLayers, nHeads, dModel, dVocab } = config;
  return {
    ...{ name, layers: nLayers, heads: nHeads, dModel, dVocab, compatibilityMode },
    ...(compatibilityMode && valueBiases === "kept" && { valueBiases }),
    backend,
  };
}

/** What a result says of a prompt: its text as given, or decoded. */
export function describePrompt(
  model: Attributable,
  tokens: readonly number[],
  input: ModelInput | undefined,
  index: number,
): AttributedPrompt {
  const given = typeof input === "string" ? input : input?.[index];
  const { tokenizer } = model;
  return {
    text: typeof given === "string" ? given : decode(tokenizer, tokens),
    tokens,
    stringTokens: tokenizer ? tokens.map((id) => showToken(tokenizer, id)) : null,
  };
}

/** Null without a tokenizer, and for ids without a token, as those that pad the vocabulary: they have no text. */
function decode(tokenizer: Attributable["tokenizer"], tokens: readonly number[]): string | null {
  return tokenizer && tokens.every((id) => hasToken(tokenizer, id)) ? tokenizer.decode(tokens) : null;
}

/** What a head reads from a position: its token and those before, and the bias that is of none; ids without a tokenizer. */
export function describeSources(model: Attributable, tokens: readonly number[], pos: number): string[] {
  const { tokenizer } = model;
  const read = tokens.slice(0, pos + 1);
  return [...read.map((id) => (tokenizer ? showToken(tokenizer, id) : String(id))), "bias"];
}

/** A token by id and text; null for none. */
export function describeToken(model: Attributable, id: number | null): AttributedToken | null {
  if (id === null) return null;
  return { id, text: model.tokenizer ? showToken(model.tokenizer, id) : null };
}

/** Answers as results have them: one object for all positions at which they are the same. */
export function answerDescriber(
  model: Attributable,
): (answer: Answer | null, weights: readonly number[]) => AttributedAnswer | null {
  const known = new Map<Answer, AttributedAnswer>();
  return (answer, weights) => {
    if (answer === null) return null;
    const described = known.get(answer) ?? describeAnswer(model, answer, weights);
    if (answer.kind !== "softmax") known.set(answer, described);
    return described;
  };
}

/** An answer as results have it. */
function describeAnswer(model: Attributable, answer: Answer, weights: readonly number[]): AttributedAnswer {
  const { kind, ids } = answer;
  const tokens = ids.map((id) => describeToken(model, id)!);
  if (kind === "token") return tokens[0];
  if (kind === "tokens") return { text: decode(model.tokenizer, ids), tokens };
  return { anyOf: tokens.map((token, i) => ({ ...token, weight: weights[i] })), weights: kind };
}
