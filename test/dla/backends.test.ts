import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { directLogitAttribution, logitLens, promotedTokens } from "../../src/dla/index.ts";
import { modelFromWeights } from "../../src/model/index.ts";
import { gpt2AndPrompt } from "../support/arbitraries.ts";
import { backends } from "../support/backends.ts";
import { expectSameBytes } from "../support/bits.ts";

// the default backend's own suite is completeness.test.ts
describe.each(backends)("%s", async (_, make) => {
  const kernels = await make();
  afterAll(() => kernels.dispose());

  test("rows sum to the model's logit difference less b_U's; the last position has the bits of all of them", () => {
    const asked = fc.record({
      drawn: gpt2AndPrompt,
      unit: fc.constantFrom("component", "layer", "head", "neuron", "full", "source", "path"),
      tokens: fc.tuple(fc.nat(), fc.nat()),
    });
    fc.assert(
      fc.property(asked, ({ drawn: { config, weights, ids }, unit, tokens }) => {
        const { dVocab } = config;
        const model = modelFromWeights(config, weights, { kernels, compatibilityMode: true });
        const [answer, wrong] = tokens.map((token) => token % dVocab);
        const { logits, cache } = model.runWithCache([ids], { logits: "all" });
        const last = model.run([ids], { logits: "last" }).data;
        expectSameBytes(last, logits.data.slice(-dVocab), "the last logits");

        const b_U = model.unembedding.token(answer).bias - model.unembedding.token(wrong).bias;
        const options = { answer, wrong, unit } as const;
        const { attributions } = directLogitAttribution(model, ids, { ...options, pos: "all", cache });
        for (const { pos, scores, check } of attributions) {
          const rows = scores.data;
          const sum = unit === "layer" ? rows[rows.length - 1] : rows.reduce((total, row) => total + row, 0);
          const [a, b] = [answer, wrong].map((token) => logits.data[pos * dVocab + token]);
          const tolerance = check.bound + check.roundingBound;
          expect(Math.abs(sum + b_U - (a - b)), `position ${pos}`).toBeLessThanOrEqual(tolerance);
        }
        const [alone] = directLogitAttribution(model, ids, options).attributions;
        expectSameBytes(alone.scores.data, attributions[ids.length - 1].scores.data, "the last rows");
      }),
      { numRuns: 60 },
    );
  });

  test("the logit lens ends with the run's own logits to the bit, and promoted tokens have their check", () => {
    fc.assert(
      fc.property(gpt2AndPrompt, ({ config, weights, ids }) => {
        const { dVocab } = config;
        const model = modelFromWeights(config, weights, { kernels, compatibilityMode: true });
        const { lenses } = logitLens(model, ids, { answer: 0, pos: "all", top: dVocab });
        const { data } = model.run(ids);
        for (const { pos, top, logits } of lenses) {
          const last = new Float32Array(dVocab);
          for (const { id, logit } of top[top.length - 1]) last[id] = logit;
          expectSameBytes(last, data.slice(pos * dVocab, (pos + 1) * dVocab), `position ${pos}`);
          expect(logits!.at(-1)).toBe(last[0]);
        }
        const { sites } = promotedTokens(model, ids, { component: "L0H0", pos: "all" });
        expect(sites).toHaveLength(ids.length);
      }),
      { numRuns: 40 },
    );
  });
});
