import fc from "fast-check";
import { expect, test } from "vitest";
import { ValueError } from "../../src/errors.ts";
import { modelFromWeights } from "../../src/model/index.ts";
import { type Flavour, gpt2AndPrompt, randomGpt2, randomModel, weightsOf } from "../support/arbitraries.ts";
import { tolerances } from "../support/noise.ts";
import {
  asTrained,
  foldReference,
  logSoftmax,
  type Numbers,
  type ReferenceWeights,
  referenceForward,
} from "../support/reference.ts";
import { tinyConfig } from "../support/tinyModel.ts";
import { expectSameBits } from "../tensor/conformance/support.ts";

/** Every weight of two sets, by name. */
function inPairs(a: ReferenceWeights, b: ReferenceWeights): [string, Numbers, Numbers][] {
  const { blocks, ...outer } = a;
  const pairs = Object.entries(outer).map(([name, values]): [string, Numbers, Numbers] => [
    name,
    values,
    b[name as keyof typeof outer],
  ]);
  const inBlocks = blocks.flatMap((block, layer) =>
    Object.entries(block).map(([name, values]): [string, Numbers, Numbers] => [
      `blocks.${layer}.${name}`,
      values,
      b.blocks[layer][name as keyof typeof block],
    ]),
  );
  return [...pairs, ...inBlocks];
}

test.each([undefined, true, false])(
  "every folded weight is the five steps in float64, rounded once; foldValueBiases %s",
  (foldValueBiases) => {
    fc.assert(
      fc.property(randomGpt2, ({ config, weights, model }) => {
        const want = foldReference(config, asTrained(weights), { foldValueBiases: foldValueBiases ?? true });
        const folded = model.enableCompatibilityMode({ foldValueBiases });
        expect(folded.valueBiases).toBe(foldValueBiases === false ? "kept" : "folded");
        for (const [name, got, exact] of inPairs(weightsOf(folded), want)) {
          expect(got.length, name).toBe(exact.length);
          // Means and sums of at most 40 products in float64, on either side; of terms no larger than these: a
          // weight as trained is below 2, a sum of 20 biases times them below 100, an outlier below 1.2e3.
          const float64 = 2 * 64 * 2 ** -53 * (name === "W_E" || name.endsWith("_U") ? 3e3 : 100);
          for (let i = 0; i < exact.length; i++) {
            const bound = 2 ** -24 * Math.abs(exact[i]) + float64;
            if (Math.abs(got[i] - exact[i]) > bound) {
              expect.fail(`${name}, element ${i}: got ${got[i]}, expected ${exact[i]} within ${bound}`);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  },
);

// The algebra: an identity, so in float64 it holds to float64's rounding, as amplified by the model. The tolerance
// is an estimate from random roundings (see `tolerances`): hence the fixed seed, and no shrinking into odd corners.
const fixed = { seed: 20, numRuns: 60 };

test("the five steps keep log-probabilities, in float64", () => {
  fc.assert(
    fc.property(gpt2AndPrompt, ({ config, weights, ids }) => {
      const raw = asTrained(weights);
      const folded = foldReference(config, raw);
      const logits = (of: ReferenceWeights) => referenceForward(config, of, ids).get("unembed.hook_out")!;
      const error = (of: ReferenceWeights) =>
        tolerances(config, of, ids, {
          unit: 2 ** -53,
          roundedSums: true,
          weightRoundings: of === raw ? 0 : 4,
        }).get("unembed.hook_out")!;
      const bound = 2 * (error(raw) + error(folded)) + 1e-14; // a logit's, and that of log Σ e^logit
      expectWithin(logSoftmax(logits(folded), config.dVocab), logSoftmax(logits(raw), config.dVocab), bound);
    }),
    fixed,
  );
});

test("a folded model keeps the log-probabilities of the raw one", () => {
  fc.assert(
    fc.property(gpt2AndPrompt, ({ config, weights, model, ids }) => {
      const raw = asTrained(weights);
      const error = (of: ReferenceWeights) =>
        tolerances(config, of, ids, { weightRoundings: of === raw ? 0 : 1 }).get("unembed.hook_out")!;
      const bound = 2 * (error(raw) + error(foldReference(config, raw)));
      const [folded, unfolded] = [model.enableCompatibilityMode(), model].map((each) =>
        logSoftmax(each.run([ids]).data, config.dVocab),
      );
      expectWithin(folded, unfolded, bound);
    }),
    fixed,
  );
});

test("folding makes a new model and leaves the raw one as it was, bit for bit", () => {
  fc.assert(
    fc.property(gpt2AndPrompt, ({ weights, model, ids }) => {
      const before = structuredClone(weights);
      const logits = model.run([ids]).data;
      const folded = model.enableCompatibilityMode();
      folded.run([ids]);
      expect(folded).not.toBe(model);
      expect([model.compatibilityMode, folded.compatibilityMode]).toEqual([false, true]);
      expect(folded.enableCompatibilityMode()).toBe(folded);
      expect(model.enableCompatibilityMode()).toBe(folded);
      expect(weights).toEqual(before);
      expectSameBits(model.run([ids]).data, logits, "raw logits");
      expect([folded.name, folded.config, folded.kernels]).toEqual([model.name, model.config, model.kernels]);
    }),
    { numRuns: 30 },
  );
});

test.each<Flavour>(["plain", "outliers", "nearConstant"])(
  "folding while loading gives the bits of folding afterwards: %s",
  (flavour) => {
    for (const [tieWordEmbeddings, foldValueBiases] of [
      [true, undefined],
      [false, undefined],
      [true, false],
    ] as const) {
      const { weights, config, model } = randomModel({ ...tinyConfig, tieWordEmbeddings }, 7, flavour);
      const afterwards = model.enableCompatibilityMode({ foldValueBiases });
      const whileLoading = modelFromWeights(config, weights, { compatibilityMode: true, foldValueBiases });
      expect(whileLoading.compatibilityMode).toBe(true);
      expect(whileLoading.valueBiases).toBe(afterwards.valueBiases);
      const [a, b] = [afterwards, whileLoading].map((folded) =>
        folded.runWithCache([[1, 2, 3]], { names: () => true }),
      );
      expectSameBits(a.logits.data, b.logits.data, "logits");
      for (const name of a.cache.names) expectSameBits(a.cache.get(name).data, b.cache.get(name).data, name);
      for (const [name, x, y] of inPairs(weightsOf(afterwards), weightsOf(whileLoading))) {
        expectSameBits(Float32Array.from(x), Float32Array.from(y), name);
      }
    }
  },
);

test("a folded model has no affine part, and what it writes and reads is centred", () => {
  const { model } = randomModel(tinyConfig, 3);
  const folded = model.enableCompatibilityMode();
  expect(folded.finalNorm).toMatchObject({ centred: true, gamma: null, beta: null, eps: tinyConfig.eps });
  expect(model.finalNorm.gamma).not.toBeNull();
  expect(
    folded.blocks.every(({ ln1, ln2, b_V }) => ln1 === null && ln2 === null && b_V.every((b) => b === 0)),
  ).toBe(true);
  const { cache, logits } = folded.runWithCache([[1, 2, 3]]);
  const writes = ["hook_embed", "hook_pos_embed", "blocks.0.hook_attn_out", "blocks.1.hook_mlp_out"];
  for (const [name, { shape, data }] of [
    ...writes.map((name) => [name, cache.get(name)] as const),
    ["logits", logits] as const,
  ]) {
    const cols = shape[2];
    for (let start = 0; start < data.length; start += cols) {
      const row = [...data.subarray(start, start + cols)];
      const mean = row.reduce((sum, value) => sum + value, 0) / cols;
      const size = row.reduce((sum, value) => sum + Math.abs(value), 0) / cols;
      // weights rounded to float32, summed over at most 12 inputs each below 4 in size, then rounded again
      expect(Math.abs(mean), name).toBeLessThan(2 ** -24 * (size + 12 * 4 * 2));
    }
  }
});

function expectWithin(got: Numbers, want: Numbers, bound: number): void {
  for (let i = 0; i < want.length; i++) {
    if (Math.abs(got[i] - want[i]) <= bound) continue;
    expect.fail(`log-probability ${i}: got ${got[i]}, expected ${want[i]} within ${bound}`);
  }
}

test("what a model is folded with is asked once, and by a boolean", () => {
  const { model, config, weights } = randomModel(tinyConfig, 3);
  const [folded, kept] = [true, false].map((foldValueBiases) =>
    model.enableCompatibilityMode({ foldValueBiases }),
  );
  expect([model, folded, kept].map(({ valueBiases }) => valueBiases)).toEqual(["kept", "folded", "kept"]);
  expect(model.enableCompatibilityMode()).toBe(folded);
  expect(model.enableCompatibilityMode({ foldValueBiases: false })).toBe(kept);
  expect(kept.enableCompatibilityMode()).toBe(kept);
  expect(kept.enableCompatibilityMode({ foldValueBiases: false })).toBe(kept);
  expect(() => kept.enableCompatibilityMode({ foldValueBiases: true })).toThrow(
    "enableCompatibilityMode: got foldValueBiases true for a model whose value biases are kept already, expected the weights " +
      "as trained. Ask the model that it was made from, or load it again.",
  );
  expect(() => folded.enableCompatibilityMode({ foldValueBiases: false })).toThrow(ValueError);
  const wrong = { foldValueBiases: "no" as never };
  expect(() => model.enableCompatibilityMode(wrong)).toThrow(
    'enableCompatibilityMode: got foldValueBiases "no", expected true or false. Leave it out for true.',
  );
  expect(() => modelFromWeights(config, weights, { ...wrong, compatibilityMode: true })).toThrow(
    'modelFromWeights: got foldValueBiases "no"',
  );
  expect(() => model.enableCompatibilityMode({ foldValueBias: false } as object)).toThrow(
    'enableCompatibilityMode: got option "foldValueBias", expected foldValueBiases. Did you mean foldValueBiases?',
  );
});
