import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ValueError } from "../../src/errors.ts";
import { type LogitsWanted, type RunOptions, resolvePositions } from "../../src/model/index.ts";
import { batch, randomGpt2 } from "../support/arbitraries.ts";
import { tinyModel } from "../support/tinyModel.ts";
import { expectSameBits } from "../tensor/conformance/support.ts";

const model = tinyModel();
const ids = [3, 1, 4, 1, 5];

describe("logits", () => {
  test("asked for at some positions, of some tokens or with a hook, have the bits of all of them", () => {
    const wanted: fc.Arbitrary<{ pick: number[]; places: number[]; folded: boolean }> = fc.record({
      pick: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
      places: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      folded: fc.boolean(),
    });
    const drawn = randomGpt2.chain((drawn) => batch(drawn.config).map((prompts) => ({ ...drawn, prompts })));
    fc.assert(
      fc.property(drawn, wanted, ({ config, model: raw, prompts }, { pick, places, folded }) => {
        const model = folded ? raw.enableCompatibilityMode() : raw;
        const length = prompts[0].length;
        const { dVocab } = config;
        const all = model.run(prompts);
        expect(all.shape).toEqual([prompts.length, length, dVocab]);
        const tokens = pick.map((n) => n % dVocab);
        const pos = places.map((n) => (n % (2 * length)) - length);
        const at = (positions: number[], columns: number[]) =>
          Float32Array.from(
            prompts.flatMap((_, b) =>
              positions.flatMap((p) => columns.map((t) => all.data[(b * length + p) * dVocab + t])),
            ),
          );
        const every = Array.from({ length: dVocab }, (_, token) => token);
        const positions = resolvePositions("test", pos, length);
        const cases: [LogitsWanted, number[], Float32Array][] = [
          ["last", [dVocab], at([length - 1], every)],
          ["none", [0, dVocab], new Float32Array()],
          [{ tokens }, [tokens.length], at([length - 1], tokens)],
          [{ tokens, pos: pos[0] }, [tokens.length], at([positions[0]], tokens)],
          [{ tokens, pos }, [pos.length, tokens.length], at(positions, tokens)],
          [
            { tokens, pos: "all" },
            [length, tokens.length],
            at(resolvePositions("test", "all", length), tokens),
          ],
        ];
        for (const [logits, shape, want] of cases) {
          const what = JSON.stringify(logits);
          const seen: number[][] = [];
          const hooked = model.runWithHooks(
            prompts,
            [["unembed.hook_out", (activation) => void seen.push([...activation.shape])]],
            { logits },
          );
          const captured = model.runWithCache(prompts, { logits, names: "unembed.hook_out" });
          for (const got of [model.run(prompts, { logits }), hooked, captured.logits]) {
            expect(got.shape, what).toEqual([prompts.length, ...shape]);
            expectSameBits(got.data, want, what);
          }
          expect(seen, what).toEqual([[prompts.length, length, dVocab]]);
          expectSameBits(captured.cache.get("unembed.hook_out").data, all.data, what);
        }
      }),
      { numRuns: 60 },
    );
  });

  test.each<LogitsWanted>(["all", "last", { tokens: [5, 2] }, { tokens: [5], pos: [0, -1] }])(
    "as a hook on unembed.hook_out leaves them: %j",
    (logits) => {
      const plain = model.run([ids], { logits });
      const hooked = model.runWithHooks(
        [ids],
        [["unembed.hook_out", ({ data }) => void data.set(data.map((v) => v + 1))]],
        { logits },
      );
      expectSameBits(
        hooked.data,
        plain.data.map((value) => value + 1),
        "logits",
      );
      expect(hooked.shape).toEqual(plain.shape);
    },
  );

  test.each<[string, RunOptions, RegExp]>([
    [
      "a token outside the vocabulary",
      { logits: { tokens: [17] } },
      /^run: logits\.tokens: got token id 17, expected an integer from 0 to 16/,
    ],
    ["a negative token", { logits: { tokens: [-1] } }, /got token id -1/],
    [
      "a position outside the prompt",
      { logits: { tokens: [1], pos: 5 } },
      /^run: logits\.pos: got position 5, expected one from -5 to 4/,
    ],
    ["a fractional position", { logits: { tokens: [1], pos: 0.5 } }, /got position 0\.5/],
    ["no position", { logits: { tokens: [1], pos: [] } }, /logits\.pos: got a list of 0, expected a number/],
    [
      "another word",
      { logits: "first" as "last" },
      /^run: got logits: "first", expected "all", "last", "none" or \{ tokens, pos \}/,
    ],
  ])("%s: a ValueError", (_, options, message) => {
    expect(() => model.run([ids], options)).toThrow(ValueError);
    expect(() => model.run([ids], options)).toThrow(message);
  });
});

describe("stopAtLayer", () => {
  const { cache } = model.runWithCache([ids]);

  test.each([
    [0, "blocks.0.hook_resid_pre"],
    [1, "blocks.1.hook_resid_pre"],
    [2, "blocks.1.hook_resid_post"],
    [-1, "blocks.1.hook_resid_pre"],
    [-2, "blocks.0.hook_resid_pre"],
  ])("%d returns the residual stream of %s", (stopAtLayer, name) => {
    const want = cache.get(name);
    for (const got of [
      model.run([ids], { stopAtLayer }),
      model.runWithHooks([ids], [], { stopAtLayer }),
      model.runWithCache([ids], { stopAtLayer }).logits,
    ]) {
      expect(got.shape).toEqual([1, 5, 12]);
      expectSameBits(got.data, want.data, name);
    }
  });

  test("the cache holds what was reached", () => {
    const stopped = model.runWithCache([ids], { stopAtLayer: 1 }).cache;
    expect(stopped.names).toEqual(cache.names.filter((name) => /^hook_|^blocks\.0/.test(name)));
    expect(model.runWithCache([ids], { stopAtLayer: 0 }).cache.names).toEqual([
      "hook_embed",
      "hook_pos_embed",
    ]);
  });

  test.each([3, -3, 0.5, Number.NaN])("%d is a ValueError", (stopAtLayer) => {
    for (const run of [
      () => model.run([ids], { stopAtLayer }),
      () => model.runWithCache([ids], { stopAtLayer }),
      () => model.runWithHooks([ids], [], { stopAtLayer }),
    ]) {
      expect(run).toThrow(ValueError);
      expect(run).toThrow(
        `got stopAtLayer ${stopAtLayer}, expected an integer from -2 to 2. Leave it out to run all.`,
      );
    }
  });

  test("a hook beyond it is a ValueError", () => {
    const names = ["blocks.1.hook_resid_pre", "ln_final.hook_scale"] as const;
    for (const name of names) {
      expect(() => model.runWithCache([ids], { stopAtLayer: 1, names: name })).toThrow(ValueError);
      expect(() => model.runWithHooks([ids], [[name, () => {}]], { stopAtLayer: 1 })).toThrow(name);
    }
  });
});

describe("resolvePositions", () => {
  test.each([
    [2, [2]],
    [-1, [4]],
    [
      [0, -1, 3],
      [0, 4, 3],
    ],
    [
      [1, 1],
      [1, 1],
    ],
    ["all" as const, [0, 1, 2, 3, 4]],
  ])("%j of 5", (positions, want) => {
    expect(resolvePositions("here", positions, 5)).toEqual(want);
  });

  test.each([5, -6, 1.5, Number.NaN, [0, 9]])("%j of 5 is a ValueError", (positions) => {
    expect(() => resolvePositions("here", positions, 5)).toThrow(ValueError);
    expect(() => resolvePositions("here", positions, 5)).toThrow(
      /^here: got position .*, expected one from -5 to 4 in a prompt of 5 tokens/,
    );
  });
});
