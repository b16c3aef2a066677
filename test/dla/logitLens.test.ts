import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  directLogitAttribution,
  type LogitLens,
  type LogitLensOptions,
  logitLens,
} from "../../src/dla/index.ts";
import { CheckError, NotImplementedError, ValueError } from "../../src/errors.ts";
import { type Gpt2, type ModelInput, modelFromWeights } from "../../src/model/index.ts";
import { prompt, type RandomModel, randomGpt2, randomWeights, weightsOf } from "../support/arbitraries.ts";
import { capturedRows, lensLogits, softmaxOf } from "../support/referenceLens.ts";
import { stubModel } from "../support/stubModel.ts";
import { tinyConfig, tinyModel } from "../support/tinyModel.ts";
import { wordModel } from "./wordModel.ts";

afterEach(() => vi.restoreAllMocks());

/** A model, raw or folded, prompts of any lengths, and what is asked of it. */
const asked = randomGpt2.chain(({ model, config }: RandomModel) => {
  const token = fc.integer({ min: 0, max: config.dVocab - 1 });
  return fc
    .record({
      folded: fc.boolean(),
      prompts: fc.array(prompt(config), { minLength: 1, maxLength: 4 }),
      answer: token,
      wrong: token,
      scale: fc.constantFrom("recomputed", "frozen"),
      top: fc.integer({ min: 0, max: config.dVocab + 2 }),
    })
    .map(({ folded, prompts, ...rest }) => ({
      model: folded ? model.enableCompatibilityMode() : model,
      prompts,
      options: { ...rest, allowRawWeights: true, pos: "all" as const },
      [fc.toStringMethod]: () => JSON.stringify({ config, folded, prompts, ...rest }),
    }));
});

/** A lens of all tokens has all logits: by token, of one row. */
function allLogits(lens: LogitLens, row: number): number[] {
  const logits: number[] = [];
  for (const { id, logit } of lens.top[row]) logits[id] = logit;
  return logits;
}

describe("the logit lens", () => {
  test("has the float64 reference's logits of the captured residual stream, within float32's derived error", () => {
    fc.assert(
      fc.property(asked, ({ model, prompts: [ids], options }) => {
        const { config, accuracy, unembedding } = model;
        const { cache } = model.runWithCache(ids, { logits: "none" });
        const { lenses, labels } = logitLens(model, ids, { ...options, top: config.dVocab });
        expect(lenses.map(({ pos }) => pos)).toEqual(ids.map((_, pos) => pos));
        const weights = weightsOf(model);
        for (const lens of lenses) {
          const read = (hook: string) => {
            const { data } = cache.get(hook);
            const size = data.length / ids.length;
            return data.subarray(lens.pos * size, (lens.pos + 1) * size);
          };
          const rows = capturedRows(config, read);
          expect(labels).toEqual(rows.map(({ label }) => label));
          const frozen = options.scale === "frozen" ? read("ln_final.hook_scale")[0] : undefined;
          for (const [k, { label, row }] of rows.slice(0, -1).entries()) {
            const { value, error } = lensLogits(
              config,
              weights,
              row,
              frozen,
              accuracy.accumulation(config.dModel),
            );
            const got = allLogits(lens, k);
            for (const [t, want] of value.entries()) {
              expect(Math.abs(got[t] - want), `${label}, token ${t}`).toBeLessThanOrEqual(error[t]);
            }
          }
          expect(lens.logits).toEqual(Float64Array.from(rows, (_, k) => allLogits(lens, k)[options.answer]));
          expect(unembedding.logits(read("unembed.hook_in") as Float32Array)).toEqual(
            Float32Array.from(allLogits(lens, rows.length - 1)),
          );
        }
      }),
      { numRuns: 200 },
    );
  });

  test("has its softmax's probabilities, which sum to 1, entropy, ranks and top tokens, as float64 has them", () => {
    fc.assert(
      fc.property(asked, ({ model, prompts, options }) => {
        const { dVocab } = model.config;
        const { answer, wrong, top } = options;
        const all = logitLens(model, prompts, { ...options, top: dVocab }).lenses;
        const { lenses, labels } = logitLens(model, prompts, options);
        for (const [i, lens] of lenses.entries()) {
          for (const k of labels.keys()) {
            const logits = allLogits(all[i], k);
            const { probabilities, entropy } = softmaxOf(logits);
            for (const token of all[i].top[k])
              expect(Math.abs(token.probability - probabilities[token.id])).toBeLessThan(1e-12);
            const sum = all[i].top[k].reduce((total, token) => total + token.probability, 0);
            expect(Math.abs(sum - 1)).toBeLessThan(1e-12);
            expect(Math.abs(lens.entropies[k] - entropy)).toBeLessThan(1e-12);
            expect(lens.entropies[k]).toBeGreaterThanOrEqual(0);
            expect(lens.entropies[k]).toBeLessThanOrEqual(Math.log(dVocab) + 1e-12);

            expect(lens.logits![k]).toBe(logits[answer]);
            expect(lens.differences![k]).toBe(logits[answer] - logits[wrong]);
            expect(lens.ranks![k]).toBe(logits.filter((logit) => logit > logits[answer]).length);
            expect(Math.abs(lens.probabilities![k] - probabilities[answer])).toBeLessThan(1e-12);

            const sorted = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
            expect(lens.top[k].map(({ id }) => id)).toEqual(sorted.slice(0, top));
            expect(lens.top[k]).toEqual(all[i].top[k].slice(0, top));
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test("ends with the model's own output, bit for bit, and is that of each prompt alone", () => {
    fc.assert(
      fc.property(asked, ({ model, prompts, options }) => {
        const { dVocab } = model.config;
        const { lenses, labels } = logitLens(model, prompts, { ...options, top: dVocab });
        const alone = prompts.flatMap((ids, prompt) =>
          logitLens(model, ids, { ...options, top: dVocab }).lenses.map((lens) => ({ ...lens, prompt })),
        );
        expect(lenses).toEqual(alone);
        for (const lens of lenses) {
          const logits = model
            .run(prompts[lens.prompt])
            .data.slice(lens.pos * dVocab, (lens.pos + 1) * dVocab);
          expect(Float32Array.from(allLogits(lens, labels.length - 1))).toEqual(logits);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("without an answer has entropies and top tokens, the same, and a check of the token predicted", () => {
    fc.assert(
      fc.property(asked, ({ model, prompts, options: { answer, wrong, ...options } }) => {
        const { lenses } = logitLens(model, prompts, options);
        const withAnswer = logitLens(model, prompts, { ...options, answer, wrong }).lenses;
        for (const [i, lens] of lenses.entries()) {
          const { entropies, top } = withAnswer[i];
          expect(lens).toMatchObject({ entropies, top, answer: null, wrong: null });
          expect([lens.logits, lens.differences, lens.ranks, lens.probabilities]).toEqual(
            Array(4).fill(null),
          );
          expect(lens.check.logit).toBe(
            Math.max(...model.run(prompts[lens.prompt].slice(0, lens.pos + 1), { logits: "last" }).data),
          );
        }
      }),
      { numRuns: 60 },
    );
  });
});

test("frozen, an answer's logit less its bias is its row of unit layer, within float32's derived error", () => {
  fc.assert(
    fc.property(asked, ({ model, prompts, options: { answer, wrong: _, ...options } }) => {
      const { config, accuracy, unembedding, finalNorm } = model;
      const { column } = unembedding.token(answer);
      const { lenses } = logitLens(model, prompts, { ...options, answer, scale: "frozen" });
      const asLayers = { answer, pos: "all", unit: "layer", allowRawWeights: true } as const;
      const { attributions } = directLogitAttribution(model, prompts, asLayers);
      for (const [i, { scores, check, prompt, pos }] of attributions.entries()) {
        const { cache } = model.runWithCache(prompts[prompt], { logits: "none" });
        const read = (hook: string) => {
          const { data } = cache.get(hook);
          const size = data.length / prompts[prompt].length;
          return data.subarray(pos * size, (pos + 1) * size);
        };
        const [scale] = read("ln_final.hook_scale");
        const rows = capturedRows(config, read);
        // each addition before a row rounds once; P and gamma pass it on to the logit with twice its column's weight
        const weight = column.reduce((sum, w, j) => sum + Math.abs(w * (finalNorm.gamma?.[j] ?? 1)), 0);
        let additions = 0;
        for (const [k, { row, label }] of rows.slice(0, -1).entries()) {
          additions += Math.max(...Array.from(row, Math.abs)) * 2 ** -24;
          const { error } = lensLogits(
            config,
            weightsOf(model),
            row,
            scale,
            accuracy.accumulation(config.dModel),
          );
          const bound = 1.01 * error[answer] + (2.02 * weight * additions) / scale + 1e-12;
          const want = scores.data[k] + check.bias;
          expect(Math.abs(lenses[i].logits![k] - want), label).toBeLessThanOrEqual(bound);
        }
      }
    }),
    { numRuns: 60 },
  );
});

describe("the vocabulary is read in chunks", () => {
  test.each([1, 2, 127, 128, 129, 256, 300])("of %d tokens: the last row is the model's", (dVocab) => {
    const raw = tinyModel({ config: { dVocab } });
    const ids = [0, dVocab - 1, 0];
    for (const model of [raw, raw.enableCompatibilityMode()]) {
      const options = { answer: dVocab - 1, top: dVocab + 5, allowRawWeights: true };
      const { lenses, labels } = logitLens(model, ids, options);
      const last = labels.length - 1;
      const logits = model.run(ids, { logits: "last" }).data;
      expect(Float32Array.from(allLogits(lenses[0], last))).toEqual(logits);
      expect(lenses[0].top.map((tokens) => tokens.length)).toEqual(labels.map(() => dVocab));
      const { entropy, probabilities } = softmaxOf(logits);
      expect(Math.abs(lenses[0].entropies[last] - entropy)).toBeLessThan(1e-12);
      expect(Math.abs(lenses[0].probabilities![last] - probabilities[dVocab - 1])).toBeLessThan(1e-12);
      expect(lenses[0].ranks![last]).toBe(logits.filter((logit) => logit > logits[dVocab - 1]).length);
    }
  });

  test("a single token is certain", () => {
    const model = tinyModel({ config: { dVocab: 1 } }).enableCompatibilityMode();
    const [lens] = logitLens(model, [0, 0], { answer: 0 }).lenses;
    expect([...lens.probabilities!]).toEqual(Array(5).fill(1));
    expect([...lens.entropies]).toEqual(Array(5).fill(0));
    expect([...lens.ranks!]).toEqual(Array(5).fill(0));
  });

  test("no logits of more than 128 tokens are asked for, and of no more than 2048 rows", () => {
    const model = tinyModel({ config: { dVocab: 300, nCtx: 500 } }).enableCompatibilityMode();
    const logits = vi.spyOn(model.unembedding, "logits");
    const ids = Array.from({ length: 500 }, (_, i) => i % 300);
    const { lenses } = logitLens(model, ids, { pos: "all", answer: 7 });
    const sizes = logits.mock.calls.map(([x, tokens]) => [x.length / 12, tokens!.length]);
    expect(Math.max(...sizes.map(([rows]) => rows))).toBeLessThanOrEqual(2048);
    expect(Math.max(...sizes.map(([, tokens]) => tokens))).toBe(128);
    // what is read in the second block of rows is the same as alone
    for (const pos of [408, 409, 410, 499]) {
      expect(lenses[pos]).toEqual(logitLens(model, ids, { pos, answer: 7 }).lenses[0]);
    }
  });
});

describe("ties", () => {
  const weights = randomWeights({ ...tinyConfig, dVocab: 200 }, 3);
  const row = weights.W_E.slice(0, 12);

  test("tokens of one embedding share a rank; the lower id is listed first", () => {
    const W_E = weights.W_E.slice();
    for (const token of [5, 130, 199]) W_E.set(row, 12 * token);
    const model = modelFromWeights({ ...tinyConfig, dVocab: 200 }, { ...weights, W_E });
    for (const of of [model, model.enableCompatibilityMode()]) {
      const ranks = [0, 5, 130, 199].map((answer) => {
        const [lens] = logitLens(of, [1, 2], { answer, top: 200, allowRawWeights: true }).lenses;
        for (const tokens of lens.top) {
          const place = tokens.findIndex(({ id }) => id === 0);
          expect(tokens.slice(place, place + 4).map(({ id }) => id)).toEqual([0, 5, 130, 199]);
        }
        return lens.ranks;
      });
      expect(ranks).toEqual(Array(4).fill(ranks[0]));
    }
  });

  test("where all are equal every rank is 0, and the entropy that of chance", () => {
    const W_E = Float32Array.from({ length: 200 * 12 }, (_, i) => row[i % 12]);
    const model = modelFromWeights({ ...tinyConfig, dVocab: 200 }, { ...weights, W_E });
    for (const of of [model, model.enableCompatibilityMode()]) {
      const [lens] = logitLens(of, [1, 2], { answer: 150, top: 3, allowRawWeights: true }).lenses;
      expect([...lens.ranks!]).toEqual(Array(5).fill(0));
      for (const entropy of lens.entropies) expect(entropy).toBeCloseTo(Math.log(200), 13);
      for (const p of lens.probabilities!) expect(p).toBeCloseTo(1 / 200, 15);
      for (const tokens of lens.top) expect(tokens.map(({ id }) => id)).toEqual([0, 1, 2]);
    }
  });
});

describe("a given cache", () => {
  const model = tinyModel().enableCompatibilityMode();
  const ids = [3, 1, 4, 1, 5];
  const options = { answer: 2, wrong: 3, pos: [0, -1] } as const;

  test("gives the same, and nothing runs", () => {
    const { cache } = model.runWithCache(ids);
    const want = logitLens(model, ids, options);
    const run = vi.spyOn(model, "runWithCache");
    expect(logitLens(model, ids, { ...options, cache })).toEqual(want);
    expect(logitLens(model, undefined, { ...options, cache })).toEqual(want);
    expect(run).not.toHaveBeenCalled();
  });

  test("of another model, or without what is needed, is refused", () => {
    const other = tinyModel({ seed: 2 }).enableCompatibilityMode().runWithCache(ids).cache;
    expect(() => logitLens(model, ids, { ...options, cache: other })).toThrow(
      /logitLens: cache: got a cache taken/,
    );
    const { cache } = model.runWithCache(ids, { names: "hook_embed" });
    expect(() => logitLens(model, ids, { ...options, cache })).toThrow(/without "hook_pos_embed"/);
  });

  test.each([
    "hook_pos_embed",
    "blocks.0.hook_mlp_out",
    "blocks.1.hook_resid_post",
    "unembed.hook_in",
  ] as const)("in which %s was changed is a CheckError", (name) => {
    const { cache } = model.runWithCache(ids);
    cache.get(name).data[4 * 12 + 5] += 1;
    const lens = () => logitLens(model, ids, { answer: 2, cache });
    expect(lens).toThrow(CheckError);
    expect(lens).toThrow(/^logitLens: prompt 0, position 4: got rows that do not add up/);
  });
});

describe("a model that declares its writers", () => {
  const mlp = { type: "mlp", writes: [{ name: "mlp_out" }] };
  const block = {
    type: "attn+mlp",
    writes: [{ name: "attn_out", part: "attn", heads: 2 }, { name: "mlp_out" }],
  };

  test.each(["layer", "rms"] as const)("with a norm that is %s: the last row is its own logits", (norm) => {
    const model = stubModel({ blocks: [block, mlp], norm, compatibilityMode: false });
    const ids = [3, 1, 4];
    const { lenses, labels } = logitLens(model, ids, { pos: "all", top: 11, allowRawWeights: true });
    expect(labels).toEqual(["0_pre", "0_mid", "1_pre", "final_post"]);
    const rows = model.runWithCache([ids], { names: () => true, pos: [0, 1, 2], logits: "none" }).cache;
    for (const lens of lenses) {
      expect(Float32Array.from(allLogits(lens, 3))).toEqual(Float32Array.from(model.logits(ids)[lens.pos]));
      // 0_pre: the embeddings alone, through this norm
      const at = (hook: string) => rows.get(hook).data.subarray(6 * lens.pos, 6 * lens.pos + 6);
      const x = at("hook_embed").map((value, i) => value + at("hook_pos_embed")[i]);
      const mean = norm === "rms" ? 0 : x.reduce((sum, value) => sum + value, 0) / 6;
      const scale = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 6 + 1e-5);
      const { gamma, beta } = model.finalNorm;
      const output = x.map((value, i) => ((value - mean) / scale) * gamma![i] + beta![i]);
      const want = model.unembedding.logits(output);
      for (const [t, logit] of allLogits(lens, 0).entries()) expect(logit).toBeCloseTo(want[t], 5);
    }
  });

  test("is refused where a part declares none, before anything runs", () => {
    const model = stubModel({ blocks: [{ type: "mamba", writes: [{ name: "mlp_out" }] }] });
    expect(() => logitLens(model, [1, 2])).toThrow(NotImplementedError);
    expect(() => logitLens(model, [1, 2])).toThrow(/^logitLens: got a block of type "mamba"/);
    expect(model.runs).toBe(0);
  });
});

describe("ValueError that names it, before anything runs", () => {
  const raw = wordModel();
  const model = raw.enableCompatibilityMode();
  const ids = model.toTokens("When Mary and John went");
  test.each<[string, ModelInput | undefined, LogitLensOptions, RegExp]>([
    [
      "a wrong answer alone",
      ids,
      { wrong: 1 },
      /got a wrong answer and no answer, expected both or neither\. Give/,
    ],
    ["an answer of two tokens", ids, { answer: " Mary John" }, /answer: got " Mary John", which is 2 tokens/],
    ["an unknown answer", ids, { answer: -1 }, /answer: got token id -1/],
    ["half a token", ids, { top: 0.5 }, /got top 0.5, expected a whole number\. Give how many tokens/],
    ["fewer than none", ids, { top: -1 }, /got top -1, expected/],
    ["top that is no number", ids, { top: "5" as never }, /got top "5", expected/],
    [
      "an unknown scale",
      ids,
      { scale: "own" as never },
      /got scale "own", expected "recomputed" or "frozen"\. Choose/,
    ],
    ["neither input nor cache", undefined, { answer: 1 }, /got neither an input nor a cache, expected one/],
    ["a position outside", ids, { pos: 9 }, /prompt 0: got position 9/],
    ["no position", ids, { pos: [] }, /got a list of 0/],
    ["next at the last position", ids, { answer: "next" }, /answer: got "next" at position 5/],
    ["an empty prompt", [[]], {}, /got an empty prompt/],
    ["fewer answers than prompts", [ids, ids], { answer: [1] }, /got a list of 1 for 2 prompts/],
  ])("%s", (_, input, options, message) => {
    const run = vi.spyOn(model, "runWithCache");
    const go = () => logitLens(model, input, options);
    expect(go).toThrow(ValueError);
    expect(go).toThrow(message);
    expect(go).toThrow(/^logitLens: /);
    expect(run).not.toHaveBeenCalled();
  });

  test("weights as trained, unless they are allowed", () => {
    const go = (of: Gpt2, options: LogitLensOptions) => () => logitLens(of, ids, options);
    expect(go(raw, {})).toThrow(ValueError);
    expect(go(raw, {})).toThrow(/^logitLens: got a model with its weights as trained/);
    expect(go(raw, { allowRawWeights: true })).not.toThrow();
  });

  test('the token that follows, at "all" positions that have one; texts and what they were decoded to', () => {
    const { lenses, prompts } = logitLens(model, "When Mary and", { answer: "next", pos: "all", top: 1 });
    expect(lenses.map(({ answer }) => answer!.text)).toEqual(["When", " Mary", " and"]);
    expect(prompts).toEqual([
      {
        text: "When Mary and",
        tokens: model.toTokens("When Mary and"),
        stringTokens: ["<|endoftext|>", "When", " Mary", " and"],
      },
    ]);
    expect(typeof lenses[0].top[0][0].text).toBe("string");
  });
});
