import { describe, expect, test } from "vitest";
import { logitLens } from "../../src/dla/index.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { expectedJson, modelFolder } from "../support/fixtures.ts";

/** TransformerLens 4.3.0's own logit_lens, mids included, of one answer per prompt: scripts/fixtures/lens.py. */
interface Expected {
  readonly transformerLens: {
    readonly logitLens: readonly {
      readonly model: "raw" | "folded";
      readonly prompts: number[][];
      readonly pos: number;
      readonly answer: number[];
      readonly labels: string[];
      /** [row][prompt], as are probabilities, ranks and entropies. */
      readonly logits: number[][];
      readonly probabilities: number[][];
      readonly ranks: number[][];
      readonly entropies: number[][];
      /** [row][prompt][3] */
      readonly top: number[][][];
    }[];
  };
}

// As of attributions in transformerLens.test.ts: both sides are float32, theirs folds in float32 too, and on
// `outliers`, where logits reach 700, one unit in the last place is 6e-5.
const tolerance = 1e-4;

describe.each(["base", "exact-gelu", "inverse-layer", "outliers", "tiny-head", "untied"])(
  "TransformerLens's logit_lens on the model %s",
  async (name) => {
    const records = expectedJson<Expected>(name).transformerLens.logitLens;
    const raw = await fromPretrained(modelFolder(name));
    const models = { raw, folded: raw.enableCompatibilityMode() };

    test("there are records of raw and folded weights, at the last position and an inner one", () => {
      expect(records.map(({ model, pos }) => [model, pos])).toEqual([
        ["raw", -1],
        ["raw", 2],
        ["folded", -1],
        ["folded", 2],
      ]);
    });

    test.each(records)("weights $model, pos $pos: logit, probability, rank, entropy, top tokens", (want) => {
      const model = models[want.model];
      const options = { pos: want.pos, answer: want.answer, top: 3, allowRawWeights: true };
      const { labels, lenses } = logitLens(model, want.prompts, options);
      expect(labels).toEqual(want.labels);
      expect(lenses.map(({ prompt }) => prompt)).toEqual(want.prompts.map((_, prompt) => prompt));
      for (const [prompt, lens] of lenses.entries()) {
        const of = <Value>(values: readonly (readonly Value[])[]) => values.map((row) => row[prompt]);
        expect([...lens.ranks!]).toEqual(of(want.ranks));
        expect(lens.top.map((tokens) => tokens.map(({ id }) => id))).toEqual(of(want.top));
        const [logits, probabilities, entropies] = [want.logits, want.probabilities, want.entropies].map(of);
        for (const [row, label] of labels.entries()) {
          const where = `${label}, prompt ${prompt}`;
          expect(Math.abs(lens.logits![row] - logits[row]), where).toBeLessThan(tolerance);
          // every logit off by d: p by a factor of e²ᵈ at most; and below float32's normal range theirs is 0
          const p = lens.probabilities![row];
          expect(Math.abs(p - probabilities[row]), where).toBeLessThan(
            p * Math.expm1(2 * tolerance) + 2 ** -126,
          );
          // |dH| ≤ d Σ p |ln p + H| ≤ 2 d ln V
          expect(Math.abs(lens.entropies[row] - entropies[row]), where).toBeLessThan(
            2 * tolerance * Math.log(model.config.dVocab),
          );
        }
      }
    });
  },
);
