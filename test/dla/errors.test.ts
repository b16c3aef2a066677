import { afterEach, describe, expect, test, vi } from "vitest";
import {
  type AttributionOptions,
  ablationEffects,
  attributeAll,
  directLogitAttribution,
  dla,
  erasures,
  logitLens,
  promotedTokens,
  type Unit,
} from "../../src/dla/index.ts";
import { ValueError } from "../../src/errors.ts";
import type { Gpt2, ModelInput } from "../../src/model/index.ts";
import { wordModel } from "./wordModel.ts";

const raw = wordModel();
const model = raw.enableCompatibilityMode();
const ids = model.toTokens("When Mary and John went to the store, John gave a drink to");
const [_mary, _john, _store] = [" Mary", " John", " store"].map((token) => model.toSingleToken(token));

afterEach(() => vi.restoreAllMocks());

const attribute = (input: ModelInput | undefined, options: AttributionOptions, of: Gpt2 = model) =>
  directLogitAttribution(of, input, options);

describe("ValueError that names it, before anything runs", () => {
  const dVocab = model.config.dVocab;
  const long = Array(model.config.nCtx + 1).fill(1);
  const direction = (length: number, value = 1) => new Float64Array(length).fill(value);
  const { dModel } = model.config;
  test.each<[string, ModelInput | undefined, AttributionOptions, RegExp]>([
    ["a negative id in the prompt", [3, -1, 2], { answer: 1 }, /prompt: position 1: got token id -1/],
    [
      "an unknown id in the prompt",
      [
        [1, 2],
        [3, dVocab],
      ],
      { answer: 1 },
      /prompt 1: position 1: got token id/,
    ],
    ["half an id in the prompt", [1.5], { answer: 1 }, /token id 1.5/],
    ["a negative answer", ids, { answer: -1 }, /answer: got token id -1/],
    [
      "an unknown answer",
      ids,
      { answer: dVocab },
      new RegExp(`answer: got token id ${dVocab}, .*to ${dVocab - 1}`),
    ],
    ["an answer that is no number", ids, { answer: Number.NaN }, /answer: got token id NaN/],
    ["a negative wrong answer", ids, { answer: 1, wrong: -1 }, /wrong: got token id -1/],
    ["an unknown id in a list", [ids, ids], { answer: [1, dVocab] }, /answer: prompt 1: got token id/],
    ["an answer of two tokens", ids, { answer: " Mary John" }, /answer: got " Mary John", which is 2 tokens/],
    ["an answer that lacks its space", ids, { answer: "Mary" }, /Did you mean " Mary"/],
    ["an empty answer", ids, { answer: "" }, /answer: got "", which is 0 tokens/],
    ["no answer", ids, {}, /no answer/],
    ["a wrong one alone", ids, { wrong: 1 }, /no answer/],
    [
      "an answer and a direction",
      ids,
      { answer: 1, direction: direction(dModel) },
      /a direction and an answer/,
    ],
    [
      "a wrong answer and a direction",
      ids,
      { wrong: 1, direction: direction(dModel) },
      /a direction and an answer/,
    ],
    ["a direction of another length", ids, { direction: direction(dModel - 1) }, /9 numbers, .*dModel=10/],
    ["a direction with NaN", ids, { direction: direction(dModel, Number.NaN) }, /finite/],
    ["an empty prompt", [[]], { answer: 1 }, /empty prompt/],
    ["an empty text without BOS", "", { answer: 1, prependBos: false }, /empty prompt/],
    ["one empty among others", [ids, [], ids], { answer: 1 }, /prompt 1: got an empty prompt/],
    ["no prompts", [], { answer: 1 }, /empty list/],
    [
      "no input and no cache",
      undefined,
      { answer: 1 },
      /directLogitAttribution: got neither an input nor a cache/,
    ],
    ["a prompt longer than the context", long, { answer: 1 }, /17 tokens, expected at most 16/],
    ["one longer than the context among others", [[1], long], { answer: 1 }, /prompt 1: got 17 tokens/],
    ["a position outside the prompt", ids, { answer: 1, pos: ids.length }, /position 15, .* -15 to 14/],
    ["one from the end outside the prompt", ids, { answer: 1, pos: -16 }, /position -16/],
    [
      "a position outside its own prompt",
      [ids, [1, 2]],
      { answer: 1, pos: 2 },
      /prompt 1: got position 2, .*-2 to 1/,
    ],
    ["half a position", ids, { answer: 1, pos: 0.5 }, /position 0.5/],
    [
      "no position",
      ids,
      { answer: 1, pos: [] },
      /got a list of 0, expected a number, a list of at least one/,
    ],
    ["fewer answers than prompts", [ids, ids, ids], { answer: [1, 2] }, /2 for 3 prompts/],
    [
      "fewer wrong answers than prompts",
      [ids, ids],
      { answer: 1, wrong: [[1]] },
      /wrong: got a list of 1 for 2 prompts/,
    ],
    ["fewer answers than positions", [ids, ids], { answer: [[1], [2]], pos: [0, 1] }, /1 for 2 positions/],
    ["answers for other positions", ids, { answer: [1, 2, 3], pos: [0, 1] }, /3 for 2 positions/],
    ["no answers", ids, { answer: [] }, /got 0 for 1 position,/],
    ["next at the last position", ids, { answer: "next" }, /"next" at position 14, the last of prompt 0/],
    ["next of one token", [1], { answer: "next", pos: "all" }, /"next" at position 0/],
    ["an unknown option", ids, { answer: 1, wrnog: 2 } as object, /option "wrnog", .* Did you mean wrong\?/],
    ["another's option", ids, { answer: 1, top: 3 } as object, /option "top", expected answer, wrong, /],
    ["options of another type", ids, " Mary" as never, /got " Mary", expected options/],
    ["an unknown unit", ids, { answer: 1, unit: "neurone" as Unit }, /unit "neurone"/],
  ])("%s", (_, input, options, message) => {
    const run = vi.spyOn(model, "runWithCache");
    const go = () => attribute(input, options);
    expect(go).toThrow(ValueError);
    expect(go).toThrow(message);
    expect(go).toThrow(/^directLogitAttribution: /);
    expect(run).not.toHaveBeenCalled();
  });
});

test.each<[string, (options: object) => unknown]>([
  ["logitLens", (options) => logitLens(model, ids, { answer: 1, ...options })],
  ["promotedTokens", (options) => promotedTokens(model, ids, { component: "0_mlp_out", ...options })],
  ["erasures", (options) => erasures(model, ids, { answer: 1, ...options })],
  ["ablationEffects", (options) => ablationEffects(model, ids, { answer: 1, ...options })],
  ["attributeAll", (options) => attributeAll(model, [{ input: ids }], { answer: 1, ...options }).next()],
  ["dla", (options) => dla(model, [ids], [[1]], options)],
])("%s: an option that there is not is a ValueError, one that is undefined none", async (name, ask) => {
  await expect((async () => ask({ position: 0 }))()).rejects.toThrow(
    new RegExp(`^${name}: got option "position", expected `),
  );
  await expect((async () => ask({ position: undefined }))()).resolves.toBeDefined();
});
