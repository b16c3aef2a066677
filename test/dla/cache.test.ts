import { afterEach, describe, expect, test, vi } from "vitest";
import { type AttributionOptions, directLogitAttribution, type Unit } from "../../src/dla/index.ts";
import { ValueError } from "../../src/errors.ts";
import { ActivationCache, type Gpt2, type ModelInput } from "../../src/model/index.ts";
import { wordModel } from "./wordModel.ts";

const raw = wordModel();
const model = raw.enableCompatibilityMode();
const ids = model.toTokens("When Mary and John went to the store, John gave a drink to");
const [mary, john, store] = [" Mary", " John", " store"].map((token) => model.toSingleToken(token));

afterEach(() => vi.restoreAllMocks());

const attribute = (input: ModelInput | undefined, options: AttributionOptions, of: Gpt2 = model) =>
  directLogitAttribution(of, input, options);

const units: readonly Unit[] = ["component", "layer", "head", "neuron", "full", "source", "path"];
const blockCount = model.config.nLayers;
const text = "When Mary and John went to the store, John gave a drink to";

describe("a given cache", () => {
  const prompts = [ids, ids.map((_, i) => ids[ids.length - 1 - i])];
  const names = (name: string) => name !== "unembed.hook_out";
  const { cache } = model.runWithCache(prompts, { names, logits: "none" });

  test.each(units)("gives the same bits, and nothing runs; unit %s", (unit) => {
    const options = { unit, pos: [0, 3, -1], answer: mary, wrong: john } as const;
    const want = attribute(prompts, options);
    const run = vi.spyOn(model, "runWithCache");
    expect(attribute(prompts, { ...options, cache })).toEqual(want);
    expect(attribute(undefined, { ...options, cache })).toEqual(want);
    expect(run).not.toHaveBeenCalled();
  });

  test("which holds some positions, in another order, and only what is needed", () => {
    const names = ["hook_embed", "hook_pos_embed", "ln_final.hook_scale", "unembed.hook_in"] as const;
    const writes = Array.from({ length: blockCount }, (_, i) => [
      `blocks.${i}.hook_attn_out` as const,
      `blocks.${i}.hook_mlp_out` as const,
    ]).flat();
    const resid = `blocks.${blockCount - 1}.hook_resid_post` as const;
    const few = model.runWithCache(prompts, {
      names: [...names, ...writes, resid],
      pos: [5, 2],
      logits: "none",
    });
    const options = { answer: mary, pos: [2, 5] };
    expect(attribute(prompts, { ...options, cache: few.cache })).toEqual(attribute(prompts, options));
  });

  test("with the logits in it, those are what the check compares", () => {
    const { logits, cache } = model.runWithCache(text, { names: () => true });
    const at = logits.data.length - model.config.dVocab;
    const single = attribute(text, { answer: mary });
    expect(attribute(text, { answer: mary, cache })).toEqual(single);
    const [pair] = attribute(text, { answer: mary, wrong: john, cache }).attributions;
    expect(pair.check.logit).toBe(logits.data[at + mary] - logits.data[at + john]);
    // the rows do not depend on it
    expect(pair.scores).toEqual(attribute(text, { answer: mary, wrong: john }).attributions[0].scores);
  });

  const otherIds = ids.with(1, store);
  const holding = (options: Parameters<Gpt2["runWithCache"]>[1]) => model.runWithCache(ids, options).cache;
  const all = () => true;
  test.each<[string, Gpt2, ModelInput | undefined, AttributionOptions, RegExp]>([
    [
      "from the raw model given to the folded",
      model,
      ids,
      { cache: raw.runWithCache(ids).cache },
      /another model/,
    ],
    [
      "from the folded model given to the raw",
      raw,
      ids,
      { cache: holding({}), allowRawWeights: true },
      /another model/,
    ],
    [
      "from a model of the same weights",
      model,
      ids,
      { cache: wordModel().enableCompatibilityMode().runWithCache(ids).cache },
      /another model/,
    ],
    ["of other tokens", model, otherIds, { cache: holding({}) }, /other prompts/],
    ["of more prompts", model, ids, { cache }, /other prompts/],
    ["of fewer prompts", model, prompts, { cache: holding({}) }, /other prompts/],
    ["of a longer prompt", model, ids.slice(0, -1), { cache: holding({}) }, /other prompts/],
    [
      "without the position",
      model,
      ids,
      { cache: holding({ pos: [0, 1] }), pos: [0, 4] },
      /without position 4/,
    ],
    [
      "without a write",
      model,
      ids,
      { cache: holding({ names: (name) => name !== "blocks.1.hook_mlp_out" }) },
      /without "blocks.1.hook_mlp_out"/,
    ],
    [
      "without z, for heads",
      model,
      ids,
      { cache: holding({ names: (name) => !name.endsWith("hook_z") }), unit: "head" },
      /"blocks.0.attn.hook_z", "blocks.1.attn.hook_z"/,
    ],
    [
      "without the scale",
      model,
      ids,
      { cache: holding({ names: (name) => name !== "ln_final.hook_scale" }) },
      /without "ln_final.hook_scale"/,
    ],
    [
      "without the final residual, which the check needs",
      model,
      ids,
      { cache: holding({ names: (name) => name !== "blocks.1.hook_resid_post" }) },
      /without "blocks.1.hook_resid_post"/,
    ],
    [
      "without the norm's output, which the check needs",
      model,
      ids,
      { cache: holding({ names: (name) => name !== "unembed.hook_in" }) },
      /without "unembed.hook_in"/,
    ],
    [
      "of a run stopped early",
      model,
      ids,
      { cache: holding({ names: all, stopAtLayer: 1 }) },
      /without "blocks.1/,
    ],
  ])("%s: ValueError that names it, before anything runs", (_, of, input, options, message) => {
    const run = vi.spyOn(of, "runWithCache");
    const go = () => attribute(input, { answer: mary, ...options }, of);
    expect(go).toThrow(ValueError);
    expect(go).toThrow(message);
    expect(go).toThrow(/^directLogitAttribution: cache: /);
    expect(run).not.toHaveBeenCalled();
  });

  test("without z, other units do", () => {
    const some = holding({ names: (name) => !name.endsWith("hook_z") });
    expect(attribute(ids, { answer: mary, cache: some })).toEqual(attribute(ids, { answer: mary }));
  });
});

test("a result belongs to its caller: a cache that changes afterwards changes nothing", () => {
  const { cache } = model.runWithCache(ids, { logits: "none" });
  const own = new Map(
    cache.names.map((name) => {
      const { shape, data } = cache.get(name);
      return [name, { shape, data: data.slice() }];
    }),
  );
  const given = new ActivationCache(model, [ids], cache.positions, own);
  const result = attribute(ids, { answer: mary, cache: given });
  const before = structuredClone(result.attributions);
  for (const { data } of own.values()) data.fill(7);
  expect(result.attributions).toEqual(before);
});
