import { describe, expect, test } from "vitest";
import { ValueError } from "../../src/errors.ts";
import type { ModelInput } from "../../src/model/index.ts";
import { tinyModel, tinyTokenizer } from "../support/tinyModel.ts";
import { expectSameBits } from "../tensor/conformance/support.ts";

const bos = 11;
const model = tinyModel({ tokenizer: tinyTokenizer() });
const untokenized = tinyModel();

const tokensOf = (input: ModelInput, prependBos?: boolean) =>
  model.runWithCache(input, { names: "hook_embed", ...(prependBos === undefined ? {} : { prependBos }) })
    .cache.tokens;

describe("the BOS token", () => {
  test.each<[string, ModelInput, boolean | undefined, number[][]]>([
    ["is put before a text", " hat!", undefined, [[bos, 6, 8]]],
    ["is put before no text on request", [" hat", "at"], false, [[6], [7]]],
    [
      "is put before each text",
      [" hat", "at"],
      true,
      [
        [bos, 6],
        [bos, 7],
      ],
    ],
    ["B16: is not put twice", "<|endoftext|> hat", undefined, [[bos, 6]]],
    ["B16: is not put twice, asked for", "<|endoftext|> hat", true, [[bos, 6]]],
    ["is left out on request", " hat!", false, [[6, 8]]],
    ["alone makes the prompt of an empty text", "", undefined, [[bos]]],
    ["is never put before ids", [6, 8], undefined, [[6, 8]]],
    ["is never put before ids, asked for", [[6, 8]], true, [[6, 8]]],
    [
      "is put before the texts among ids",
      [[6, 8], "at"],
      true,
      [
        [6, 8],
        [bos, 7],
      ],
    ],
  ])("%s", (_, input, prependBos, want) => {
    expect(tokensOf(input, prependBos)).toEqual(want);
  });

  test("toTokens has the same rules", () => {
    expect(model.toTokens(" hat")).toEqual([bos, 6]);
    expect(model.toTokens(" hat", { prependBos: false })).toEqual([6]);
    expect(model.toTokens("<|endoftext|>")).toEqual([bos]);
  });

  test("the config's stands in where the tokenizer has none; without any, texts go without", () => {
    const tokenizer = tinyTokenizer({ bos: false });
    const fromConfig = tinyModel({ tokenizer, config: { bosTokenId: 16 } });
    expect(fromConfig.toTokens("at")).toEqual([16, 7]);
    const none = tinyModel({ tokenizer });
    expect(none.toTokens("at")).toEqual([7]);
    expect(() => none.toTokens("at", { prependBos: true })).toThrow(ValueError);
    expect(() => none.run("at", { prependBos: true })).toThrow(
      /^run: prompt: got prependBos: true, expected a model with a BOS token\./,
    );
  });

  test("text and its ids give the same bits", () => {
    expectSameBits(model.run(" hat!").data, model.run([bos, 6, 8]).data, "logits");
    expectSameBits(
      model.run([" hat", "at"]).data,
      model.run([
        [bos, 6],
        [bos, 7],
      ]).data,
      "logits",
    );
  });
});

describe("a prompt that cannot be run", () => {
  test.each<[string, ModelInput, RegExp]>([
    [
      "no prompts",
      [],
      /got an empty list, expected a text, texts, ids or lists of ids\. Give at least one prompt\./,
    ],
    ["an empty prompt", [[]], /prompt: got an empty prompt, expected at least one token\./],
    ["an empty prompt among others", [[1], []], /prompt 1: got an empty prompt/],
    ["too long", [Array(11).fill(1)], /got 11 tokens, expected at most 10 \(the model's context\)/],
    [
      "B14: a negative id",
      [[1, -1]],
      /position 1: got token id -1, expected an integer from 0 to 16 \(dVocab=17\)/,
    ],
    ["B14: an id beyond the vocabulary", [17], /position 0: got token id 17/],
    ["a fractional id", [[1, 2, 0.5]], /position 2: got token id 0\.5/],
    ["NaN", [Number.NaN], /got token id NaN/],
    ["strings among ids", [1, "at"] as unknown as ModelInput, /got a list of mixed kinds/],
    ["ids as strings in a list", [["1"]] as unknown as ModelInput, /got token id "1"/],
    ["an object", {} as ModelInput, /got an object/],
    ["undefined", undefined as unknown as ModelInput, /got nothing/],
    [
      "unequal lengths",
      [[1, 2], [3, 4], [5]],
      /got prompts of 2 and 1 tokens \(prompts 0 and 2\), expected prompts of one length/,
    ],
  ])("%s: a ValueError from every way to run", (_, input, message) => {
    for (const [where, run] of [
      ["run", () => model.run(input)],
      ["runWithCache", () => model.runWithCache(input)],
      ["runWithHooks", () => model.runWithHooks(input, [])],
    ] as const) {
      expect(run).toThrow(ValueError);
      expect(run).toThrow(message);
      expect(run).toThrow(new RegExp(`^${where}:`));
    }
  });

  test("a text without tokenizer", () => {
    for (const ask of [
      () => untokenized.run("at"),
      () => untokenized.toTokens("at"),
      () => untokenized.toStringTokens([1]),
      () => untokenized.toSingleToken("at"),
    ]) {
      expect(ask).toThrow(ValueError);
      expect(ask).toThrow(/expected ids, since this model was loaded without tokenizer files\. Load it with/);
    }
    expect(untokenized.run([1, 2]).shape).toEqual([1, 2, 17]);
  });

  test("an input is not kept: changing it later changes no cache", () => {
    const ids = [1, 2, 3];
    const { cache } = model.runWithCache([ids]);
    ids[0] = 9;
    expect(cache.tokens).toEqual([[1, 2, 3]]);
  });

  test("the longest prompt runs", () => {
    expect(model.run(Array(10).fill(1)).shape).toEqual([1, 10, 17]);
  });
});

describe("tokens", () => {
  test("toSingleToken", () => {
    expect(model.toSingleToken(" hat")).toBe(6);
    expect(model.toSingleToken("<|endoftext|>")).toBe(bos);
  });

  test.each([
    [
      "hat",
      /^toSingleToken: got "hat", which is 2 tokens \["h", "at"\], expected one\. Did you mean " hat"\?/,
    ],
    [
      " hat ",
      /^toSingleToken: got " hat ", which is 2 tokens \[" hat", " "\], expected one\. Did you mean " hat"\?/,
    ],
    [" at", /which is 2 tokens \[" ", "at"\], expected one\. Did you mean "at"\?/],
    ["tt", /which is 2 tokens \["t", "t"\], expected one\. Give a text that is one token, or an id\./],
    ["", /got "", which is 0 tokens \[\], expected one\./],
  ])("toSingleToken(%j) shows how it splits", (text, message) => {
    expect(() => model.toSingleToken(text)).toThrow(ValueError);
    expect(() => model.toSingleToken(text)).toThrow(message);
  });

  test("toStringTokens shows texts, bytes that are no UTF-8, and ids that only pad the vocabulary", () => {
    expect(model.toStringTokens(" hat!")).toEqual(["<|endoftext|>", " hat", "!"]);
    expect(model.toStringTokens(" hat!", { prependBos: false })).toEqual([" hat", "!"]);
    expect(model.toStringTokens([9, 10, 12, 16])).toEqual(["\\xe2", "\\x82", "<12>", "<16>"]);
    for (const id of [17, -1, 0.5]) {
      expect(() => model.toStringTokens([id])).toThrow(ValueError);
      expect(() => model.toStringTokens([id])).toThrow(`toStringTokens: got token id ${id}`);
    }
  });
});

test("layerTypes are TransformerLens's", () => {
  expect(model.layerTypes()).toEqual(["attn+mlp", "attn+mlp"]);
});
