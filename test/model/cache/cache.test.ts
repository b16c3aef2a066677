import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ShapeError, ValueError } from "../../../src/errors.ts";
import {
  actName,
  type CacheOptions,
  type HookName,
  hookNames,
  type ResidualStack,
} from "../../../src/model/index.ts";
import { gpt2AndPrompt } from "../../support/arbitraries.ts";
import { tinyModel, tinyTokenizer } from "../../support/tinyModel.ts";
import { expectSameBits } from "../../tensor/conformance/support.ts";

const model = tinyModel();
const ids = [3, 1, 4, 1, 5];
const prompts = [ids, [2, 7, 1, 8, 2]];
const { cache } = model.runWithCache(prompts);
const every = model.runWithCache(prompts, { names: () => true }).cache;

const gated = /hook_(attn_in|[qkv]_input|result|mlp_in)$/;

describe("what is held", () => {
  test.each<[string, CacheOptions, string[]]>([
    ["all but what costs extra, by default", {}, every.names.filter((name) => !gated.test(name))],
    ["one exact name", { names: "blocks.1.attn.hook_z" }, ["blocks.1.attn.hook_z"]],
    ["a gated name", { names: "blocks.0.attn.hook_result" }, ["blocks.0.attn.hook_result"]],
    [
      "a list, in execution order",
      { names: ["unembed.hook_in", "hook_embed", "hook_embed"] },
      ["hook_embed", "unembed.hook_in"],
    ],
    [
      "a predicate",
      { names: (name) => name.endsWith("_input") && name.includes(".1.") },
      ["q", "k", "v"].map((x) => `blocks.1.hook_${x}_input`),
    ],
  ])("%s", (_, options, names) => {
    const got = model.runWithCache(prompts, options).cache;
    expect(got.names).toEqual(names);
    for (const name of names) expectSameBits(got.get(name).data, every.get(name).data, name);
    expect([got.tokens, got.positions, got.model]).toEqual([prompts, [0, 1, 2, 3, 4], model]);
  });

  test.each<[CacheOptions["pos"], number[]]>([
    [2, [2]],
    [-1, [4]],
    [
      [0, -2],
      [0, 3],
    ],
    [
      [3, 1],
      [3, 1],
    ],
    ["all", [0, 1, 2, 3, 4]],
  ])("at position %j", (pos, positions) => {
    const got = model.runWithCache(prompts, { names: () => true, pos: pos! }).cache;
    expect(got.positions).toEqual(positions);
    for (const name of got.names) {
      const axis = /hook_(pattern|attn_scores)$/.test(name) ? 2 : 1; // queryPos
      const { shape, data } = every.get(name);
      const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
      const rows = Array.from({ length: outer }, (_, o) => positions.map((p) => (o * 5 + p) * inner)).flat();
      const want = rows.flatMap((start) => [...data.subarray(start, start + inner)]);
      expect(got.get(name).shape, name).toEqual(shape.with(axis, positions.length));
      expectSameBits(got.get(name).data, Float32Array.from(want), name);
      if (axis === 1) expectSameBits(every.at(name, pos!).data, got.get(name).data, `at ${name}`);
    }
  });

  test.each([5, -6, [0, 7], 0.5])("position %j is a ValueError", (pos) => {
    expect(() => model.runWithCache([ids], { pos })).toThrow(ValueError);
    expect(() => model.runWithCache([ids], { pos })).toThrow(
      /^runWithCache: pos: got position .*, expected one from -5 to 4/,
    );
  });

  test("a position that is not held is a ValueError that says which are", () => {
    const last = model.runWithCache([ids], { pos: [-1, 2] }).cache;
    expect(last.indexPositions("here", [2, -1])).toEqual([1, 0]);
    expect(() => last.at("hook_embed", 0)).toThrow(ValueError);
    expect(() => last.decomposeResid({ pos: 0 })).toThrow(
      /got position 0, expected one that the cache holds: 4, 2\. Ask for it in runWithCache's pos\./,
    );
  });

  test("it holds what hooks returned", () => {
    const zero: HookName = "blocks.0.hook_mlp_out";
    const got = model.runWithCache([ids], { hooks: [[zero, ({ data }) => void data.fill(0)]] }).cache;
    expect(got.get(zero).data.every((value) => value === 0)).toBe(true);
    expectSameBits(got.get("resid_post", 0).data, got.get("resid_mid", 0).data, "resid_post");
  });
});

/** TransformerLens's get_act_name and its aliases. */
const shorthands: [Parameters<typeof actName>, string][] = [
  [["k", 6], "blocks.6.attn.hook_k"],
  [["k", 6, "a"], "blocks.6.attn.hook_k"],
  [["k6"], "blocks.6.attn.hook_k"],
  [["pre", 2], "blocks.2.mlp.hook_pre"],
  [["pre2"], "blocks.2.mlp.hook_pre"],
  [["embed"], "hook_embed"],
  [["pos_embed"], "hook_pos_embed"],
  [["normalized", 27, "ln2"], "blocks.27.ln2.hook_normalized"],
  [["scale4ln1"], "blocks.4.ln1.hook_scale"],
  [["scale", 4, "ln1"], "blocks.4.ln1.hook_scale"],
  [["scale"], "ln_final.hook_scale"],
  [["normalized"], "ln_final.hook_normalized"],
  [["resid_post", 2], "blocks.2.hook_resid_post"],
  [["resid_post2"], "blocks.2.hook_resid_post"],
  [["resid_mid", 0, "block"], "blocks.0.hook_resid_mid"],
  [["attn", 1], "blocks.1.attn.hook_pattern"],
  [["attn1"], "blocks.1.attn.hook_pattern"],
  [["attn_logits", 1], "blocks.1.attn.hook_attn_scores"],
  [["attn_scores", 1], "blocks.1.attn.hook_attn_scores"],
  [["query", 0], "blocks.0.attn.hook_q"],
  [["key", 0], "blocks.0.attn.hook_k"],
  [["value", 0], "blocks.0.attn.hook_v"],
  [["mlp_pre", 0], "blocks.0.mlp.hook_pre"],
  [["mlp_post", 0], "blocks.0.mlp.hook_post"],
  [["mlp_out", 0], "blocks.0.hook_mlp_out"],
  [["mlp_in", 0], "blocks.0.hook_mlp_in"],
  [["attn_out", 3], "blocks.3.hook_attn_out"],
  [["q_input", 3], "blocks.3.hook_q_input"],
  [["result", 3, "attn"], "blocks.3.attn.hook_result"],
  [["blocks.3.hook_attn_out"], "blocks.3.hook_attn_out"],
  [["hook_embed"], "hook_embed"],
  [["unembed.hook_in"], "unembed.hook_in"],
];

describe("names", () => {
  test.each(shorthands)("actName(%j) is %s", (args, want) => {
    expect(actName(...args)).toBe(want);
  });

  test.each<[Parameters<typeof actName>, string]>([
    [["z", 0], "blocks.0.attn.hook_z"],
    [["z", -1], "blocks.1.attn.hook_z"],
    [["resid_post", -2], "blocks.0.hook_resid_post"],
    [["scale", -1, "ln2"], "blocks.1.ln2.hook_scale"],
    [["scale1ln2"], "blocks.1.ln2.hook_scale"],
    [["scale"], "ln_final.hook_scale"],
    [["blocks.-1.hook_mlp_out"], "blocks.1.hook_mlp_out"],
    [["unembed.hook_out"], "unembed.hook_out"],
  ])("get(%j) and has find %s", (args, want) => {
    expect(cache.get(...args)).toBe(cache.get(want));
    expect(cache.has(...args)).toBe(true);
  });

  test("every name held is found", () => {
    for (const name of every.names) expect(every.has(name), name).toBe(true);
    expect(cache.has("blocks.0.attn.hook_result")).toBe(false);
    expect(cache.has("nonsense")).toBe(false);
    expect(cache.has("z", 2)).toBe(false);
  });

  test.each<[Parameters<typeof actName>, RegExp]>([
    [
      ["result", 0],
      /got "blocks\.0\.attn\.hook_result", expected one of the 40 names that this cache holds\. Ask for it in runWithCache's names\./,
    ],
    [["resid_prf", 1], /got "blocks\.1\.hook_resid_prf".*Did you mean "blocks\.1\.hook_resid_pre"\?/],
    [["z", 2], /got "blocks\.2\.attn\.hook_z".*Did you mean "blocks\.[01]\.attn\.hook_z"\?/],
    [["z", -3], /Did you mean|See cache\.names/],
    [["qwertyuiop"], /got "qwertyuiop".*See cache\.names\./],
  ])("get(%j) is a ValueError that helps", (args, message) => {
    expect(() => cache.get(...args)).toThrow(ValueError);
    expect(() => cache.get(...args)).toThrow(message);
  });
});

/** A row of a stack, by its label. */
function row({ stack, labels }: ResidualStack, label: string): Float32Array {
  const size = stack.data.length / labels.length;
  const at = labels.indexOf(label);
  expect(at, label).not.toBe(-1);
  return stack.data.subarray(at * size, (at + 1) * size);
}

describe("stacks", () => {
  test("decomposeResid's rows sum to the residual stream within its additions' rounding", () => {
    fc.assert(
      fc.property(gpt2AndPrompt, fc.nat(), fc.boolean(), fc.boolean(), (drawn, at, mlpInput, folded) => {
        const { nLayers } = drawn.config;
        const layer = at % (mlpInput ? nLayers : nLayers + 1);
        const { cache } = (folded ? drawn.model.enableCompatibilityMode() : drawn.model).runWithCache([
          drawn.ids,
        ]);
        const { stack, labels } = cache.decomposeResid({ layer, mlpInput });
        const name = mlpInput ? "resid_mid" : "resid_pre";
        const want = cache.get(layer === nLayers ? "resid_post" : name, layer === nLayers ? -1 : layer).data;
        want.forEach((value, i) => {
          let sum = stack.data[i];
          let bound = 0; // each addition rounds its partial sum, once: Higham, §3.3
          for (let r = 1; r < labels.length; r++) {
            sum += stack.data[r * want.length + i];
            bound += 2 ** -24 * (1 + 2 ** -20) * (Math.abs(sum) + bound);
          }
          if (!(Math.abs(sum - value) <= bound))
            expect.fail(`element ${i}: ${sum} for ${value} within ${bound}`);
        });
      }),
      { numRuns: 100 },
    );
  });

  test.each<[Parameters<typeof cache.decomposeResid>[0], string[]]>([
    [{}, ["embed", "pos_embed", "0_attn_out", "0_mlp_out", "1_attn_out", "1_mlp_out"]],
    [{ layer: -1 }, ["embed", "pos_embed", "0_attn_out", "0_mlp_out", "1_attn_out", "1_mlp_out"]],
    [{ layer: 0 }, ["embed", "pos_embed"]],
    [{ layer: 1, mlpInput: true }, ["embed", "pos_embed", "0_attn_out", "0_mlp_out", "1_attn_out"]],
    [{ mode: "attn" }, ["embed", "pos_embed", "0_attn_out", "1_attn_out"]],
    [{ mode: "mlp", inclEmbeds: false }, ["0_mlp_out", "1_mlp_out"]],
  ])("decomposeResid(%j)", (options, labels) => {
    const got = cache.decomposeResid(options);
    expect(got.labels).toEqual(labels);
    for (const label of labels) {
      const hook = /^\d/.test(label) ? label.replace(/^(\d)_/, "blocks.$1.hook_") : `hook_${label}`;
      expectSameBits(row(got, label), cache.get(hook).data, label);
    }
  });

  test.each<[Parameters<typeof cache.accumulatedResid>[0], string[]]>([
    [{}, ["0_pre", "1_pre", "final_post"]],
    [{ inclMid: true }, ["0_pre", "0_mid", "1_pre", "1_mid", "final_post"]],
    [{ layer: 0 }, ["0_pre"]],
    [{ layer: 1, inclMid: true }, ["0_pre", "0_mid", "1_pre"]],
    [{ layer: 1, mlpInput: true }, ["0_pre", "1_pre", "1_mid"]],
    [{ layer: 1, mlpInput: true, inclMid: true }, ["0_pre", "0_mid", "1_pre", "1_mid"]],
  ])("accumulatedResid(%j)", (options, labels) => {
    const got = cache.accumulatedResid(options);
    expect(got.labels).toEqual(labels);
    for (const label of labels) {
      const hook =
        label === "final_post"
          ? "blocks.1.hook_resid_post"
          : label.replace(/^(\d)_/, "blocks.$1.hook_resid_");
      expectSameBits(row(got, label), cache.get(hook).data, label);
    }
  });

  test.each([
    ["as trained", model],
    ["in compatibility mode", model.enableCompatibilityMode()],
  ])("the last row of accumulatedResid with applyLn is the final norm's output, weights %s", (_, model) => {
    const { cache } = model.runWithCache(prompts);
    const got = cache.accumulatedResid({ inclMid: true, applyLn: true });
    expectSameBits(row(got, "final_post"), cache.get("unembed.hook_in").data, "final_post");
    const before = cache.accumulatedResid({ layer: 1, applyLn: true });
    expectSameBits(row(before, "1_pre"), cache.get("normalized", 1, "ln1").data, "1_pre, by ln1's scale");
    const mlpInput = cache.accumulatedResid({ layer: 1, mlpInput: true, applyLn: true });
    expectSameBits(row(mlpInput, "1_mid"), cache.get("normalized", 1, "ln2").data, "1_mid, by ln2's scale");
  });

  test("B9: accumulatedResid with applyLn at position -1 is the last position's", () => {
    for (const positions of [-1, [-1], [1, -1]] as const) {
      const all = cache.accumulatedResid({ applyLn: true });
      const got = cache.accumulatedResid({ applyLn: true, pos: positions });
      const list = [positions].flat().map((pos) => (pos < 0 ? pos + 5 : pos));
      expect(got.positions).toEqual(list);
      expect(got.stack.shape).toEqual([3, 2, list.length, 12]);
      for (const label of got.labels) {
        const want = [0, 1].flatMap((b) =>
          list.flatMap((p) => [...row(all, label).subarray((b * 5 + p) * 12, (b * 5 + p + 1) * 12)]),
        );
        expectSameBits(row(got, label), Float32Array.from(want), label);
      }
    }
    const [single] = [model.runWithCache(ids, { pos: -1 }).cache];
    expect(single.accumulatedResid({ applyLn: true, pos: -1 }).positions).toEqual([4]);
    expect(single.accumulatedResid({ applyLn: true }).positions).toEqual([4]);
  });

  test("decomposeResid with applyLn divides each row, centred, by the captured scale", () => {
    const scale = cache.get("scale").data;
    const got = cache.decomposeResid({ applyLn: true });
    for (const label of got.labels) {
      const before = row(cache.decomposeResid(), label);
      row(got, label).forEach((value, i) => {
        const start = i - (i % 12);
        const values = [...before.subarray(start, start + 12)];
        const mean = values.reduce((a, b) => a + b, 0) / 12;
        const want = (before[i] - mean) / scale[start / 12];
        const float64 = (12 * 2 ** -52 * Math.max(...values.map(Math.abs))) / scale[start / 12];
        const { normalization } = cache.model.kernels.accuracy;
        expect(Math.abs(value - want), label).toBeLessThanOrEqual(normalization * Math.abs(want) + float64);
      });
    }
  });

  test.each([0, 1])(
    "B7: with mlpInput of block %d every row is divided by ln2's scale, none by ln1's",
    (layer) => {
      const [ln1, ln2] = ["ln1", "ln2"].map((norm) => cache.get("scale", layer, norm).data);
      for (const stackOf of ["decomposeResid", "accumulatedResid"] as const) {
        const before = cache[stackOf]({ layer, mlpInput: true });
        const got = cache[stackOf]({ layer, mlpInput: true, applyLn: true });
        expect(got.labels).toEqual(before.labels);
        for (const label of got.labels) {
          const values = row(before, label);
          row(got, label).forEach((value, i) => {
            const [at, start] = [Math.floor(i / 12), i - (i % 12)];
            const own = values.subarray(start, start + 12);
            const mean = own.reduce((a, b) => a + b, 0) / 12;
            const centred = values[i] - mean;
            const float64 = (12 * 2 ** -52 * Math.max(...own.map(Math.abs))) / ln2[at];
            const bound =
              (cache.model.kernels.accuracy.normalization * Math.abs(centred)) / ln2[at] + float64;
            expect(Math.abs(value - centred / ln2[at]), `${stackOf}, ${label}`).toBeLessThanOrEqual(bound);
            if (Math.abs(centred) > 0.1)
              expect(Math.abs(value - centred / ln1[at]), `${stackOf}, ${label}`).toBeGreaterThan(bound);
          });
        }
      }
    },
  );

  test("stackHeadResults' rows are hook_result's, in layer-major order", () => {
    const got = cache.stackHeadResults({ pos: [0, 3] });
    expect(got.labels).toEqual(["L0H0", "L0H1", "L0H2", "L1H0", "L1H1", "L1H2"]);
    for (const [index, label] of got.labels.entries()) {
      const results = every.get("result", Math.floor(index / 3)).data;
      const want = [0, 1].flatMap((b) =>
        [0, 3].flatMap((p) => {
          const start = ((b * 5 + p) * 3 + (index % 3)) * 12;
          return [...results.subarray(start, start + 12)];
        }),
      );
      expectSameBits(row(got, label), Float32Array.from(want), label);
    }
  });

  test("B8: the remainder is the sum of embeddings, MLPs and b_O, of the layers asked for", () => {
    for (const layer of [0, 1, 2]) {
      const got = cache.stackHeadResults({ layer, inclRemainder: true });
      expect(got.labels.length).toBe(3 * layer + 1);
      const names = ["hook_embed", "hook_pos_embed", "blocks.0.hook_mlp_out", "blocks.1.hook_mlp_out"].slice(
        0,
        2 + layer,
      );
      const biases = model.blocks.slice(0, layer).map(({ b_O }) => b_O);
      row(got, "remainder").forEach((value, i) => {
        const terms = [...names.map((name) => cache.get(name).data[i]), ...biases.map((b) => b[i % 12])];
        const want = terms.reduce((a, b) => a + b, 0); // below 8 terms in float64, rounded once
        expect(Math.abs(value - want)).toBeLessThanOrEqual(2 ** -24 * Math.abs(want) + 8 * 2 ** -53 * 16);
      });
    }
    expectSameBits(
      row(cache.stackHeadResults({ layer: 0, inclRemainder: true }), "remainder"),
      cache.get("resid_pre", 0).data,
      "layer 0",
    );
  });

  test("heads and remainder sum to the residual stream", () => {
    const got = cache.stackHeadResults({ inclRemainder: true });
    const want = cache.get("resid_post", -1).data;
    // one rounding of each head's result and of each of the four residual additions and two attention outputs,
    // each of a value below 16 in size
    const bound = (got.labels.length + 6) * 2 ** -24 * 16;
    want.forEach((value, i) => {
      const sum = got.labels.reduce((total, label) => total + row(got, label)[i], 0);
      expect(Math.abs(sum - value)).toBeLessThanOrEqual(bound);
    });
    expect(Math.max(...want.map(Math.abs))).toBeLessThan(16);
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      "decomposeResid beyond",
      () => cache.decomposeResid({ layer: 3 }),
      /decomposeResid: got layer 3, expected one from 0 to 2/,
    ],
    [
      "mlpInput of no block",
      () => cache.decomposeResid({ layer: 2, mlpInput: true }),
      /got layer 2, expected one from 0 to 1/,
    ],
    [
      "mlpInput without a block",
      () => cache.accumulatedResid({ mlpInput: true }),
      /accumulatedResid: got (?!.*undefined)/,
    ],
    ["accumulatedResid", () => cache.accumulatedResid({ layer: 0.5 }), /accumulatedResid: got layer 0\.5/],
    ["stackHeadResults", () => cache.stackHeadResults({ layer: -3 }), /stackHeadResults: got layer -3/],
    [
      "no row left",
      () => cache.stackHeadResults({ layer: 0 }),
      /stackHeadResults: got options that leave no row/,
    ],
    [
      "no row left of decomposeResid",
      () => cache.decomposeResid({ layer: 0, inclEmbeds: false }),
      /leave no row/,
    ],
    [
      "not cached",
      () => model.runWithCache([ids], { names: "hook_embed" }).cache.decomposeResid(),
      /"hook_pos_embed".*Ask for it in runWithCache's names/,
    ],
  ])("%s: a ValueError", (_, run, message) => {
    expect(run).toThrow(ValueError);
    expect(run).toThrow(message);
  });
});

describe("logitAttrs", () => {
  const folded = model.enableCompatibilityMode();

  test.each([
    ["as trained", model],
    ["in compatibility mode", folded],
  ])("rows sum to the logit less beta and b_U, weights %s", (_, model) => {
    const { cache, logits } = model.runWithCache(prompts);
    const [answer, wrong] = [
      [3, 4],
      [5, 6],
    ];
    const { shape, data } = cache.logitAttrs(cache.decomposeResid(), { answer, wrong });
    expect(shape).toEqual([6, 2, 5]);
    const { unembedding, finalNorm } = model;
    for (let at = 0; at < 10; at++) {
      const prompt = Math.floor(at / 5);
      const sum = [0, 1, 2, 3, 4, 5].reduce((total, row) => total + data[row * 10 + at], 0);
      const biasOf = (token: number) =>
        unembedding.token(token).column.reduce((total, w, i) => total + w * (finalNorm.beta?.[i] ?? 0), 0) +
        unembedding.token(token).bias;
      const logit = logits.data[at * 17 + answer[prompt]] - logits.data[at * 17 + wrong[prompt]];
      const bias = biasOf(answer[prompt]) - biasOf(wrong[prompt]);
      // some ten roundings of numbers below 16, summed over twelve dims through |u|/scale below 4
      expect(Math.abs(sum + bias - logit)).toBeLessThan(10 * 2 ** -24 * 16 * 12 * 4);
    }
  });

  test("one token stands for all prompts, and strings are read", () => {
    const withText = tinyModel({ tokenizer: tinyTokenizer() }).enableCompatibilityMode();
    const { cache } = withText.runWithCache(prompts);
    const stack = cache.decomposeResid({ pos: -1 });
    const want = cache.logitAttrs(stack, { answer: [6, 6], wrong: [4, 4] });
    expect(want.shape).toEqual([6, 2, 1]);
    expect(cache.logitAttrs(stack, { answer: 6, wrong: 4 })).toEqual(want);
    expect(cache.logitAttrs(stack, { answer: " hat", wrong: [" h", 4] })).toEqual(want);
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      "too few tokens",
      () => cache.logitAttrs(cache.decomposeResid(), { answer: [1] }),
      /logitAttrs: answer: got 1 tokens for 2 prompts/,
    ],
    [
      "a bad id",
      () => cache.logitAttrs(cache.decomposeResid(), { answer: 1, wrong: 17 }),
      /logitAttrs: wrong: got token id 17/,
    ],
    [
      "a text without tokenizer",
      () => cache.logitAttrs(cache.decomposeResid(), { answer: "a" }),
      /loaded without tokenizer files/,
    ],
  ])("%s: a ValueError", (_, run, message) => {
    expect(run).toThrow(ValueError);
    expect(run).toThrow(message);
  });

  test("a token that the tokenizer has and the model lacks is a ValueError, not a NaN", () => {
    const small = tinyModel({ config: { dVocab: 5 }, tokenizer: tinyTokenizer() });
    const { cache } = small.runWithCache([1, 2]);
    const ask = () => cache.logitAttrs(cache.decomposeResid(), { answer: " hat" });
    expect(ask).toThrow(ValueError);
    expect(ask).toThrow(/token id 6, expected an integer from 0 to 4/);
  });

  test("another run's stack is a ShapeError", () => {
    const other = model.runWithCache([ids]).cache.decomposeResid();
    expect(() => cache.logitAttrs(other, { answer: 1 })).toThrow(ShapeError);
  });
});

test("there are 23 points in a block, 17 of them cached by default", () => {
  expect(hookNames(3).length).toBe(6 + 3 * 23);
  expect(cache.names.length).toBe(6 + 2 * 17);
});

test("at takes positions of scores and patterns by their queries, of the others by pos", () => {
  const model = tinyModel();
  const { cache } = model.runWithCache([1, 2, 3, 4, 5]);
  const pattern = cache.at("blocks.0.attn.hook_pattern", 2);
  expect(pattern.shape).toEqual([1, 3, 1, 5]);
  const whole = cache.get("pattern", 0);
  expect([...pattern.data]).toEqual(
    [0, 1, 2].flatMap((head) => [...whole.data.slice((head * 5 + 2) * 5, (head * 5 + 3) * 5)]),
  );
  expect(cache.at("hook_embed", [4, 0]).shape).toEqual([1, 2, 12]);
});

test("logitAttrs refuses a stack that was normalized already", () => {
  const { cache } = tinyModel().runWithCache([1, 2, 3]);
  for (const stack of [cache.decomposeResid({ applyLn: true }), cache.accumulatedResid({ applyLn: true })]) {
    expect(() => cache.logitAttrs(stack, { answer: 1 })).toThrow(
      "logitAttrs: got a stack made with applyLn, expected one without",
    );
  }
});
