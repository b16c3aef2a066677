import { describe, expect, test } from "vitest";
import {
  ablationEffects,
  attributeAll,
  directLogitAttribution,
  dla,
  erasures,
  type Integers,
  logitLens,
  promotedTokens,
} from "../../src/index.ts";
import { tinyModel, tinyTokenizer } from "../support/tinyModel.ts";

const model = tinyModel({ tokenizer: tinyTokenizer() }).enableCompatibilityMode();
const { dModel } = model.config;

const kinds: Record<string, (ids: readonly number[]) => Integers> = {
  Int8Array: (ids) => Int8Array.from(ids),
  Uint8Array: (ids) => Uint8Array.from(ids),
  Uint8ClampedArray: (ids) => Uint8ClampedArray.from(ids),
  Int16Array: (ids) => Int16Array.from(ids),
  Uint16Array: (ids) => Uint16Array.from(ids),
  Int32Array: (ids) => Int32Array.from(ids),
  Uint32Array: (ids) => Uint32Array.from(ids),
  BigInt64Array: (ids) => BigInt64Array.from(ids.map(BigInt)),
  BigUint64Array: (ids) => BigUint64Array.from(ids.map(BigInt)),
};

/** Every call that takes ids, positions or answers, with these made by `of`. */
function everyCall(of: (ids: readonly number[]) => Integers): Record<string, () => unknown> {
  const [prompt, other] = [of([1, 2, 3]), of([5, 4])];
  const direct = (options: object) => directLogitAttribution(model, prompt, options);
  return {
    run: () => [model.run(prompt), model.run([prompt, of([4, 5, 6])])],
    "logits: { tokens, pos }": () => model.run(prompt, { logits: { tokens: other, pos: of([0, 1]) } }),
    runWithCache() {
      const { logits, cache } = model.runWithCache(prompt, { pos: of([2, 1]) });
      return [logits, cache.tokens, cache.positions, cache.names.map((name) => cache.get(name))];
    },
    runWithHooks: () => model.runWithHooks(prompt, [["hook_embed", ({ data }) => void data.fill(1)]]),
    "cache.at": () => model.runWithCache(prompt).cache.at("hook_embed", of([2, 0])),
    "cache.logitAttrs"() {
      const { cache } = model.runWithCache([prompt, prompt]);
      return cache.logitAttrs(cache.decomposeResid({ pos: of([1]) }), {
        answer: of([1, 2]),
        wrong: of([3, 4]),
      });
    },
    dla: () => dla(model, [prompt, other], [of([1, 2]), of([3, 4])]),
    directLogitAttribution: () => directLogitAttribution(model, [prompt, other], { answer: of([1, 2]) }),
    "an answer for each position": () => direct({ answer: of([1, 2]), wrong: of([3, 4]), pos: of([0, 1]) }),
    "a list of answers": () =>
      directLogitAttribution(model, [prompt, other], { answer: [of([1, 2]), of([3, 4])], pos: of([0, 1]) }),
    "{ tokens }": () => direct({ answer: { tokens: other } }),
    "{ anyOf }": () => direct({ answer: { anyOf: other } }),
    logitLens: () => logitLens(model, prompt, { answer: of([1]) }),
    erasures: () => erasures(model, prompt, { answer: of([1]), threshold: 0 }),
    promotedTokens: () => promotedTokens(model, [prompt], { component: "L1H0", pos: of([0]) }),
    ablationEffects: () => ablationEffects(model, prompt, { answer: 1, replace: { mean: [prompt] } }),
    "{ from }": () => ablationEffects(model, prompt, { answer: 1, replace: { from: of([3, 3, 3]) } }),
    async attributeAll() {
      const all = [];
      for await (const { result } of attributeAll(model, [
        { input: prompt, answer: of([1]), wrong: of([2]) },
      ]))
        all.push(result);
      return all;
    },
    toStringTokens: () => model.toStringTokens(prompt),
    "tokenizer.decode": () => model.tokenizer?.decode(prompt),
  };
}

describe.each(Object.keys(kinds))("ids in a %s give what a list gives, in plain lists", (kind) => {
  const plain = everyCall((ids) => ids);
  test.each(Object.entries(everyCall(kinds[kind])))("%s", async (name, call) => {
    expect(await call()).toStrictEqual(await plain[name]());
  });
});

test("an id outside the vocabulary is named also where it is a BigInt", () => {
  expect(() => model.run(BigInt64Array.of(1n, -1n))).toThrow(/^run: prompt: position 1: got token id -1,/);
  expect(() => model.run(Float32Array.of(1, 2) as never)).toThrow(
    /^run: got a Float32Array of 2, expected a text/,
  );
});

describe("a direction in a Float32Array or a list gives what a Float64Array of the same numbers gives", () => {
  const numbers = Float32Array.from({ length: dModel }, (_, i) => Math.fround(Math.sin(i + 1)));
  const calls: Record<string, (direction: Float64Array | Float32Array | readonly number[]) => unknown> = {
    directLogitAttribution: (direction) => directLogitAttribution(model, [1, 2], { direction }),
    erasures: (direction) => erasures(model, [1, 2], { direction, threshold: 0 }),
    ablationEffects: (direction) => ablationEffects(model, [1, 2], { direction }),
    async attributeAll(direction) {
      const records = attributeAll(model, [{ input: [1, 2] }], { direction });
      return (await records.next()).value;
    },
  };
  test.each(Object.entries(calls))("%s", async (_, call) => {
    const expected = await call(Float64Array.from(numbers));
    expect(await call(numbers)).toStrictEqual(expected);
    expect(await call([...numbers])).toStrictEqual(expected);
  });
});

describe("names of hook points", () => {
  const held = (names: never) => model.runWithCache([1, 2], { names }).cache.names;
  test("null is all, as left out", () => {
    expect(held(null as never)).toEqual(model.runWithCache([1, 2]).cache.names);
  });
  test("a Set", () => {
    expect(held(new Set(["hook_embed", "hook_pos_embed"]) as never)).toEqual([
      "hook_embed",
      "hook_pos_embed",
    ]);
  });
  test.each([/hook_z$/, /hook_z$/g, /hook_z/g])(
    "a RegExp, %s: each name from its beginning, twice the same",
    (names) => {
      const expected = ["blocks.0.attn.hook_z", "blocks.1.attn.hook_z"];
      expect(held(names as never)).toEqual(expected);
      expect(held(names as never)).toEqual(expected);
      expect(names.lastIndex).toBe(0);
    },
  );
  test("a RegExp as a hook's filter and as everyPos", () => {
    const seen: string[] = [];
    model.runWithHooks([1, 2], [[/hook_z$/g, (_, { name }) => void seen.push(name)]]);
    expect(seen).toEqual(["blocks.0.attn.hook_z", "blocks.1.attn.hook_z"]);
    const { cache } = model.runWithCache([1, 2], { names: /hook_z$/, everyPos: /hook_v$/, pos: -1 });
    expect(cache.get("v", 0).shape[1]).toBe(2);
  });
  test("a RegExp that matches nothing, and a hook for nothing in particular, are ValueErrors", () => {
    expect(() => held(/nowhere/ as never)).toThrow(
      "runWithCache: names: got /nowhere/ that matches none of the",
    );
    expect(() => model.runWithHooks([1], [[null as never, () => {}]])).toThrow(
      "runWithHooks: got null as a hook's name, expected which points it is for.",
    );
  });
});
