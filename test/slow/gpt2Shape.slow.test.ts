import { expect, test } from "vitest";
import { gpt2Small as config } from "../../bench/gpt2Small.ts";
import { directLogitAttribution, type Unit } from "../../src/dla/index.ts";
import { type BlockWeights, modelFromWeights } from "../../src/model/index.ts";
import { random } from "../support/random.ts";

const tokens = 64;
const positions = [0, 17, tokens - 1];
const units: readonly Unit[] = ["component", "layer", "head"];

const next = random(20190214);

/** Normally distributed, standard deviation 1. @see Box and Muller (1958) */
const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

const normals = (length: number, spread: number, centre = 0) =>
  Float32Array.from({ length }, () => centre + spread * normal());

/** GPT-2's initial scales (0.02, what is added to the residual stream by 1/√(2 layers)), and biases and gains that matter. */
function block(): BlockWeights {
  const { dModel, dMlp, nLayers } = config;
  const added = 0.02 / Math.sqrt(2 * nLayers);
  return {
    ln1_w: normals(dModel, 0.3, 1),
    ln1_b: normals(dModel, 0.1),
    W_Q: normals(dModel * dModel, 0.02),
    W_K: normals(dModel * dModel, 0.02),
    W_V: normals(dModel * dModel, 0.02),
    b_Q: normals(dModel, 0.02),
    b_K: normals(dModel, 0.02),
    b_V: normals(dModel, 0.02),
    W_O: normals(dModel * dModel, added),
    b_O: normals(dModel, added),
    ln2_w: normals(dModel, 0.3, 1),
    ln2_b: normals(dModel, 0.1),
    W_in: normals(dModel * dMlp, 0.02),
    b_in: normals(dMlp, 0.02),
    W_out: normals(dMlp * dModel, added),
    b_out: normals(dModel, added),
  };
}

test("on gpt2-small's shape the bounds stay under 1e-4 of the logits' spread", () => {
  const { dModel, dVocab, nCtx } = config;
  const weights = {
    W_E: normals(dVocab * dModel, 0.02),
    W_pos: normals(nCtx * dModel, 0.01),
    lnFinal_w: normals(dModel, 0.3, 1),
    lnFinal_b: normals(dModel, 0.1),
    W_U: null,
    blocks: Array.from({ length: config.nLayers }, block),
  };
  const prompt = Array.from({ length: tokens }, () => Math.floor(next() * dVocab));
  const pairs = Array.from({ length: 8 }, () => [0, 1].map(() => Math.floor(next() * dVocab)));

  for (const compatibilityMode of [true, false]) {
    const model = modelFromWeights(config, weights, { compatibilityMode });
    const { cache } = model.runWithCache(prompt, { pos: positions, logits: "none" });
    const output = cache.get("unembed.hook_in").data;
    const logits = positions.map((_, at) =>
      model.unembedding.logits(output.subarray(at * dModel, (at + 1) * dModel)),
    );
    for (const unit of units) {
      const found = { bound: 0, roundingBound: 0, error: 0, rounding: 0, ofSpread: 0, actual: 0 };
      for (const [answer, wrong] of pairs) {
        const options = { unit, pos: positions, cache, answer, wrong, allowRawWeights: true };
        const { attributions } = directLogitAttribution(model, prompt, options);
        for (const [at, { scores, check }] of attributions.entries()) {
          const spread = standardDeviation(logits[at]);
          const { bound, roundingBound, error, rounding } = check;
          expect(bound + roundingBound).toBeLessThan(1e-4 * spread);

          const logit = logits[at][answer] - logits[at][wrong];
          const rows = scores.data;
          const sum = unit === "layer" ? rows[rows.length - 1] : rows.reduce((total, row) => total + row, 0);
          const actual = Math.abs(sum + check.bias - logit);
          expect(actual).toBeLessThanOrEqual(bound + roundingBound);

          found.bound = Math.max(found.bound, bound);
          found.roundingBound = Math.max(found.roundingBound, roundingBound);
          found.error = Math.max(found.error, Math.abs(error));
          found.rounding = Math.max(found.rounding, Math.abs(rounding));
          found.ofSpread = Math.max(found.ofSpread, (bound + roundingBound) / spread);
          found.actual = Math.max(found.actual, actual);
        }
      }
      const spreads = logits.map((row) => standardDeviation(row).toFixed(3)).join(", ");
      const numbers = Object.entries(found).map(([name, value]) => `${name} ${value.toExponential(1)}`);
      console.info(
        `${compatibilityMode ? "folded" : "raw"}, ${unit}: ${numbers.join(", ")}; spreads ${spreads}`,
      );
    }
  }
});

function standardDeviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
