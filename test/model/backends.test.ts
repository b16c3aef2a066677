import { afterAll, describe, expect, test } from "vitest";
import { ValueError } from "../../src/errors.ts";
import { type Gpt2, modelFromWeights } from "../../src/model/index.ts";
import { randomWeights } from "../support/arbitraries.ts";
import { backends } from "../support/backends.ts";
import { tolerances } from "../support/noise.ts";
import { random } from "../support/random.ts";
import { asTrained, referenceForward } from "../support/reference.ts";
import { tinyConfig } from "../support/tinyModel.ts";

/** The whole context of GPT-2; so wide, off the vectors' width, that threads share the rows. */
const config = { ...tinyConfig, nLayers: 1, nHeads: 2, dHead: 9, dModel: 18, dMlp: 21, nCtx: 1024 };
const weights = randomWeights(config, 1);
const next = random(1);
const ids = Array.from({ length: config.nCtx }, () => Math.floor(next() * config.dVocab));
const hook = "unembed.hook_out";
const want = referenceForward(config, asTrained(weights), ids).get(hook)!;
const tolerance = tolerances(config, asTrained(weights), ids, { roundedSums: true }).get(hook)!;

describe.each(backends)("%s", async (_, make) => {
  const kernels = await make();
  const model: Gpt2 = modelFromWeights(config, weights, { kernels });
  afterAll(() => model.dispose());

  test("1024 positions: every logit is the float64 reference's but for rounding", () => {
    const { data } = model.run([ids]);
    expect(data).toHaveLength(want.length);
    const worst = data.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i])), 0);
    expect(worst).toBeLessThanOrEqual(tolerance);
    expect(tolerance).toBeLessThan(1e-4);
  });

  test("no prompt, an empty one and one beyond the context are refused", () => {
    for (const input of [[], [[]], [[1], []], [[...ids, 1]]]) {
      expect(() => model.run(input)).toThrow(ValueError);
    }
    expect(model.run([[1]], { logits: "last" }).data.every(Number.isFinite)).toBe(true);
  });
});
