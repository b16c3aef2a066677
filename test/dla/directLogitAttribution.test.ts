import { afterEach, describe, expect, test, vi } from "vitest";
import {
  type Attribution,
  type AttributionOptions,
  directLogitAttribution,
  type Unit,
} from "../../src/dla/index.ts";
import { ValueError } from "../../src/errors.ts";
import type { Gpt2, ModelInput } from "../../src/model/index.ts";
import { wordModel } from "./wordModel.ts";

const raw = wordModel();
const model = raw.enableCompatibilityMode();
const text = "When Mary and John went to the store, John gave a drink to";
const short = "Mary went to the";
const ids = model.toTokens(text);
const [mary, john, store] = [" Mary", " John", " store"].map((token) => model.toSingleToken(token));
const units: readonly Unit[] = ["component", "layer", "head", "neuron", "full", "source", "path"];

afterEach(() => vi.restoreAllMocks());

const attribute = (input: ModelInput | undefined, options: AttributionOptions, of: Gpt2 = model) =>
  directLogitAttribution(of, input, options);

/** The rows and check alone. */
const numbers = ({ scores, check }: Attribution) => ({ scores, check });
const sum = (rows: Iterable<number>) => [...rows].reduce((total, row) => total + row, 0);

describe("units", () => {
  test.each([
    ["component", ["embed", "pos_embed", "0_attn_out", "0_mlp_out", "1_attn_out", "1_mlp_out"]],
    ["layer", ["0_pre", "0_mid", "1_pre", "1_mid", "final_post"]],
    ["head", ["L0H0", "L0H1", "L1H0", "L1H1", "remainder"]],
  ] as const)("%s", (unit, labels) => {
    const result = attribute(text, { unit, answer: " Mary" });
    expect(result.unit).toBe(unit);
    expect(result.axes).toEqual([unit]);
    expect(result.labels).toEqual(labels);
    expect(result.attributions).toHaveLength(1);
    expect(result.attributions[0].scores.shape).toEqual([labels.length]);
    expect(result.attributions[0].scores.data).toBeInstanceOf(Float64Array);
  });

  test("component is the default, at the last position", () => {
    const got = attribute(text, { answer: mary });
    expect(got).toEqual(attribute(text, { answer: mary, unit: "component", pos: -1 }));
    expect(got.attributions[0]).toMatchObject({ prompt: 0, pos: ids.length - 1 });
  });

  test("the heads of a layer and its b_O make up what attention wrote", () => {
    const component = attribute(text, { answer: mary, wrong: john }).attributions[0].scores.data;
    const head = attribute(text, { answer: mary, wrong: john, unit: "head" }).attributions[0].scores.data;
    expect(sum(head)).toBeCloseTo(sum(component), 5);
    // the remainder is what else was written, and the biases: summed, not made by subtraction
    const { cache } = model.runWithCache(text, { logits: "none" });
    const scale = cache.get("scale").data[ids.length - 1];
    const u = model.unembedding
      .token(mary)
      .column.map((value, i) => value - model.unembedding.token(john).column[i]);
    const biases = model.blocks.map(({ b_O }) => sum(b_O.map((value, i) => value * u[i])) / scale);
    expect(head.at(-1)).toBeCloseTo(
      component[0] + component[1] + component[3] + component[5] + sum(biases),
      5,
    );
  });
});

describe("answers", () => {
  const two = [text, short];
  const each = (answer: AttributionOptions["answer"], rest: Partial<AttributionOptions> = {}) =>
    attribute(two, { ...(answer !== undefined && { answer }), ...rest }).attributions.map((attribution) => [
      attribution.answer?.id,
      attribution.wrong?.id,
    ]);

  test("one for all: an id or a text", () => {
    expect(each(mary)).toEqual([[mary], [mary]].map(([id]) => [id, undefined]));
    expect(each(" Mary", { wrong: john })).toEqual([
      [mary, john],
      [mary, john],
    ]);
  });

  test("one each, or one each and a wrong one for all", () => {
    expect(each([" Mary", store], { wrong: " John" })).toEqual([
      [mary, john],
      [store, john],
    ]);
    expect(each(" Mary", { wrong: [" John", " store"] })).toEqual([
      [mary, john],
      [mary, store],
    ]);
  });

  test("one per position", () => {
    expect(
      each(
        [
          [mary, john],
          [store, mary],
        ],
        { pos: [0, -1] },
      ),
    ).toEqual([
      [mary, undefined],
      [john, undefined],
      [store, undefined],
      [mary, undefined],
    ]);
    const flat = attribute(text, { pos: [1, 3, 5], answer: [mary, " John", store] });
    expect(flat.attributions.map(({ answer }) => answer?.id)).toEqual([mary, john, store]);
  });

  test("the token that follows, at every position that has one", () => {
    const next = attribute(two, { answer: "next", pos: "all" });
    const prompts = two.map((prompt) => model.toTokens(prompt));
    const want = prompts.flatMap((prompt, p) => prompt.slice(1).map((id, pos) => [p, pos, id]));
    expect(next.attributions.map(({ prompt, pos, answer }) => [prompt, pos, answer?.id])).toEqual(want);
    const some = attribute(text, { answer: "next", pos: [2, 0] });
    expect(some.attributions.map(({ answer }) => answer?.id)).toEqual([ids[3], ids[1]]);
    const less = attribute(text, { answer: "next", wrong: john, pos: [2] });
    expect(less.attributions[0]).toMatchObject({ answer: { id: ids[3] }, wrong: { id: john } });
    const against = attribute(text, { answer: john, wrong: "next", pos: [2] });
    expect(against.attributions[0]).toMatchObject({ answer: { id: john }, wrong: { id: ids[3] } });
  });

  test("the token that follows, in a list too: of each prompt, and of each position", () => {
    const prompts = two.map((prompt) => model.toTokens(prompt));
    const mixed = attribute(two, { answer: ["next", john], pos: "all" });
    const want = [
      ...prompts[0].slice(1).map((id, pos) => [0, pos, id]),
      ...prompts[1].map((_, pos) => [1, pos, john]),
    ];
    expect(mixed.attributions.map(({ prompt, pos, answer }) => [prompt, pos, answer?.id])).toEqual(want);
    expect(attribute(text, { answer: ["next"], pos: "all" }).attributions).toEqual(
      attribute(text, { answer: "next", pos: "all" }).attributions,
    );
    const each = attribute(text, { answer: [mary, "next"], wrong: ["next", john], pos: [1, 3] });
    expect(each.attributions.map(({ answer, wrong }) => [answer?.id, wrong?.id])).toEqual([
      [mary, ids[2]],
      [ids[4], john],
    ]);
    expect(() => attribute(text, { answer: [mary, "next"], pos: [1, -1] })).toThrow(
      'pos: "all" for every one that has a next token; the token spelt "next" is given by its id.',
    );
  });

  test("a pair is the difference of its tokens, row by row, but for the rounding of its columns", () => {
    for (const unit of units) {
      const rows = (options: AttributionOptions) => attribute(text, { unit, ...options }).attributions[0];
      const [pair, plus, minus] = [
        rows({ answer: mary, wrong: john }),
        rows({ answer: mary }),
        rows({ answer: john }),
      ];
      // an element of a column is a float32; the residual stream and W_U are of about 1 here, dModel terms of them
      const limit = model.config.dModel * 2 ** -22;
      pair.scores.data.forEach((row, i) => {
        expect(Math.abs(row - (plus.scores.data[i] - minus.scores.data[i]))).toBeLessThan(limit);
      });
      expect(Math.abs(pair.check.bias - (plus.check.bias - minus.check.bias))).toBeLessThan(limit);
      expect(Math.abs(pair.check.logit - (plus.check.logit - minus.check.logit))).toBeLessThan(limit);
    }
  });

  test("a direction is read on the final norm's output; of W_U's columns it gives the answer's rows", () => {
    for (const of of [model, raw]) {
      for (const unit of units) {
        const { column, bias } = of.unembedding.difference(mary, john);
        const w = Float64Array.from(column);
        const options = { unit, allowRawWeights: true };
        const want = attribute(text, { ...options, answer: mary, wrong: john }, of).attributions[0];
        const [got] = attribute(text, { ...options, direction: w }, of).attributions;
        expect(got.scores).toEqual(want.scores);
        expect(got).toMatchObject({ answer: null, wrong: null });
        expect(got.check.bias + bias).toBeCloseTo(want.check.bias);
      }
    }
  });

  test("a direction is copied: changing it afterwards changes nothing, and it is not changed", () => {
    const direction = new Float64Array(model.config.dModel).fill(1).map((_, i) => i);
    const before = direction.slice();
    attribute(text, { direction });
    expect(direction).toEqual(before);
  });
});

describe("positions", () => {
  test("one, a list in its order, or all, counted in each prompt's own tokens", () => {
    const at = (pos: AttributionOptions["pos"]) =>
      attribute([text, short], { answer: mary, ...(pos !== undefined && { pos }) }).attributions.map(
        ({ prompt, pos: where }) => [prompt, where],
      );
    const lengths = [text, short].map((prompt) => model.toTokens(prompt).length);
    expect(at(undefined)).toEqual(lengths.map((length, prompt) => [prompt, length - 1]));
    expect(at(2)).toEqual([0, 1].map((prompt) => [prompt, 2]));
    expect(at([-2, 0, 0])).toEqual(
      lengths.flatMap((length, prompt) => [length - 2, 0, 0].map((pos) => [prompt, pos])),
    );
    expect(at("all")).toEqual(
      lengths.flatMap((length, prompt) => Array.from({ length }, (_, pos) => [prompt, pos])),
    );
  });

  test("prependBos: false leaves the text's own tokens", () => {
    const with_ = attribute(short, { answer: mary, pos: "all" });
    const without = attribute(short, { answer: mary, pos: "all", prependBos: false });
    expect(without.attributions).toHaveLength(with_.attributions.length - 1);
    expect(without.prompts[0].tokens).toEqual(with_.prompts[0].tokens.slice(1));
    expect(without.attributions).toEqual(
      attribute(without.prompts[0].tokens, { answer: mary, pos: "all" }).attributions,
    );
  });
});

describe("weights as trained", () => {
  test("are refused unless allowed", () => {
    const run = vi.spyOn(raw, "runWithCache");
    for (const allowRawWeights of [undefined, false]) {
      const go = () =>
        attribute(text, { answer: mary, ...(allowRawWeights === false && { allowRawWeights }) }, raw);
      expect(go).toThrow(ValueError);
      expect(go).toThrow(/allowRawWeights: true/);
    }
    expect(run).not.toHaveBeenCalled();
  });

  test("allowed, a row beta comes last, or with running rows counts as bias", () => {
    const options = { answer: mary, wrong: john, allowRawWeights: true };
    const w = raw.unembedding
      .token(mary)
      .column.map((value, i) => value - raw.unembedding.token(john).column[i]);
    const beta = sum(raw.finalNorm.beta!.map((value, i) => value * w[i]));
    for (const unit of ["component", "head"] as const) {
      const { labels, attributions } = attribute(text, { ...options, unit }, raw);
      expect(labels.at(-1)).toBe("beta");
      expect(attributions[0].scores.data.at(-1)).toBeCloseTo(beta, 5);
      expect(attributions[0].check.bias).toBe(0);
    }
    const layer = attribute(text, { ...options, unit: "layer" }, raw);
    expect(layer.labels).not.toContain("beta");
    expect(layer.attributions[0].check.bias).toBeCloseTo(beta, 5);
  });

  test("allowed on a folded model changes nothing", () => {
    const options = { answer: mary, wrong: john };
    expect(attribute(text, { ...options, allowRawWeights: true })).toEqual(attribute(text, options));
  });
});

describe("one run a length, each at its own positions", () => {
  test("prompts of one length run together, and no more is captured than is read", () => {
    const run = vi.spyOn(model, "runWithCache");
    attribute(
      [
        [1, 2, 3],
        [4, 5],
        [6, 7, 8],
      ],
      { answer: mary, pos: [-1, 0] },
    );
    expect(run.mock.calls.map(([input]) => input)).toEqual([
      [
        [1, 2, 3],
        [6, 7, 8],
      ],
      [[4, 5]],
    ]);
    for (const [, options] of run.mock.calls) {
      expect(options).toMatchObject({ logits: "none" });
      expect(options?.pos).toHaveLength(2);
      const wanted = options?.names as (name: string) => boolean;
      expect(["blocks.0.attn.hook_z", "hook_embed"].filter(wanted)).toEqual(["hook_embed"]);
    }
  });

  test("more prompts of one length than fill a batch", () => {
    const many = Array.from({ length: 700 }, (_, i) => [...ids.slice(0, 10), i % 50]);
    const run = vi.spyOn(model, "runWithCache");
    const got = attribute(many, { answer: mary, wrong: john });
    expect(run.mock.calls.length).toBeGreaterThan(1);
    expect(got.attributions.map(({ prompt }) => prompt)).toEqual(many.map((_, prompt) => prompt));
    for (const index of [0, 371, 372, 699]) {
      const alone = attribute([many[index]], { answer: mary, wrong: john });
      expect(numbers(got.attributions[index])).toEqual(numbers(alone.attributions[0]));
    }
  });
});

describe("what a result says", () => {
  test("of the model", () => {
    const want = {
      name: "words",
      layers: 2,
      heads: 2,
      dModel: 10,
      dVocab: model.config.dVocab,
      backend: model.kernels.name,
    };
    expect(attribute(text, { answer: mary }).model).toEqual({ ...want, compatibilityMode: true });
    const asTrained = attribute(text, { answer: mary, allowRawWeights: true }, raw);
    expect(asTrained.model).toEqual({ ...want, compatibilityMode: false });
  });

  test("of the prompts: the text as given, else decoded", () => {
    const { prompts } = attribute([short, model.toTokens("John", { prependBos: false })], { answer: mary });
    expect(prompts[0]).toEqual({
      text: short,
      tokens: model.toTokens(short),
      stringTokens: ["<|endoftext|>", "M", "a", "r", "y", " went", " to", " the"],
    });
    expect(prompts[1]).toMatchObject({ text: "John", stringTokens: ["J", "o", "h", "n"] });
  });

  test("of the answers: ids and texts", () => {
    const [{ answer, wrong }] = attribute(text, { answer: mary, wrong: " John" }).attributions;
    expect([answer, wrong]).toEqual([
      { id: mary, text: " Mary" },
      { id: john, text: " John" },
    ]);
  });
});
