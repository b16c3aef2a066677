import { describe, expect, test } from "vitest";
import { directLogitAttribution, dla, type Unit } from "../../src/dla/index.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { directionOf, weightsOf } from "../support/arbitraries.ts";
import { expectedJson, modelFolder } from "../support/fixtures.ts";
import { referenceAttribution } from "../support/reference.ts";

/** TransformerLens 4.3.0's own results on small folded models: scripts/fixtures/lens.py. */
interface Expected {
  readonly transformerLens: {
    readonly directLogitAttribution: readonly {
      readonly prompts: number[][];
      readonly unit: Unit;
      readonly pos: number;
      readonly answer: number[];
      readonly wrong: number[] | null;
      readonly labels: string[];
      /** [component][prompt] */
      readonly scores: number[][];
      /** Its float32 logits (differences), their b_U, and Hugging Face's in float64. */
      readonly logit: number[];
      readonly b_U: number[];
      readonly logit64: number[];
    }[];
    readonly dla: readonly {
      readonly prompts: number[][];
      readonly answerTokens: number[][];
      readonly accumulated: boolean;
      readonly labels: string[];
      readonly scores: number[];
    }[];
    readonly fullDecomposition: {
      readonly prompts: number[][];
      readonly answer: number[];
      readonly wrong: number[];
      readonly labels: string[];
      /** [component][prompt] */
      readonly scores: number[][];
    };
  };
}

// Both sides are float32; theirs folds in float32 too, and on `outliers` the residual stream reaches 1e3.
const tolerance = 1e-4;

describe.each(["base", "exact-gelu", "inverse-layer", "outliers", "tiny-head", "untied"])(
  "TransformerLens on the model %s",
  async (name) => {
    const { transformerLens } = expectedJson<Expected>(name);
    const model = await fromPretrained(modelFolder(name), { compatibilityMode: true });

    test("there are records of every unit, and of both values of accumulated", () => {
      const units = transformerLens.directLogitAttribution.map(({ unit }) => unit);
      expect([...new Set(units)]).toEqual(["component", "layer", "head"]);
      expect(transformerLens.dla.map(({ accumulated }) => accumulated)).toEqual([false, false, true, true]);
    });

    test.each(transformerLens.directLogitAttribution)(
      "direct_logit_attribution: unit $unit, pos $pos, wrong $wrong",
      ({ prompts, unit, pos, answer, wrong, labels, scores, logit, b_U, logit64 }) => {
        const result = directLogitAttribution(model, prompts, { unit, pos, answer, ...(wrong && { wrong }) });
        const { cache } = model.runWithCache(prompts, { pos, logits: "none" });
        expect(result.labels).toEqual(labels);
        expect(result.attributions.map(({ prompt }) => prompt)).toEqual(prompts.map((_, prompt) => prompt));
        for (const [prompt, { scores: got, check }] of result.attributions.entries()) {
          expect(got.shape).toEqual([labels.length]);
          for (const [row, want] of scores.entries()) {
            expect(Math.abs(got.data[row] - want[prompt]), `${labels[row]}, prompt ${prompt}`).toBeLessThan(
              tolerance,
            );
          }
          expect(Math.abs(check.logit - logit[prompt])).toBeLessThan(tolerance);
          expect(Math.abs(check.logit - logit64[prompt])).toBeLessThan(tolerance);
          expect(Math.abs(check.bias - b_U[prompt])).toBeLessThan(tolerance);
          // the rows are the float64 reference's on the captured activations
          const read = (hook: string) => {
            const { data } = cache.get(hook);
            return data.subarray(
              (prompt * data.length) / prompts.length,
              ((prompt + 1) * data.length) / prompts.length,
            );
          };
          const asked = { answer: answer[prompt], wrong: wrong?.[prompt] };
          const { rows } = referenceAttribution({
            config: model.config,
            unit,
            read,
            weights: weightsOf(model),
            direction: directionOf(model, answer[prompt], wrong?.[prompt]),
            ...asked,
          });
          const size = rows.reduce((total, row) => total + Math.abs(row), 0);
          for (const [row, want] of rows.entries()) {
            expect(Math.abs(got.data[row] - want), labels[row]).toBeLessThanOrEqual(1e-9 * size);
          }
          // theirs sum to their logit less b_U; so must ours, to their numbers
          const sum =
            unit === "layer" ? got.data.at(-1)! : got.data.reduce((total, value) => total + value, 0);
          expect(Math.abs(sum - (logit[prompt] - b_U[prompt]))).toBeLessThan(tolerance);
        }
      },
    );

    test.each(transformerLens.dla)(
      "dla of pull request 1316: answers $answerTokens, accumulated $accumulated",
      ({ prompts, answerTokens, accumulated, labels, scores }) => {
        const result = dla(model, prompts, answerTokens, { accumulated });
        expect(result.labels).toEqual(labels);
        expect(result.scores).toBeInstanceOf(Float64Array);
        expect(result.scores).toHaveLength(labels.length);
        for (const [row, want] of scores.entries()) {
          expect(Math.abs(result.scores[row] - want), labels[row]).toBeLessThan(tolerance);
        }
        expect(result.checks).toHaveLength(prompts.length);
      },
    );

    test("get_full_resid_decomposition: labels, order and rows of unit full", () => {
      const { prompts, answer, wrong, labels, scores } = transformerLens.fullDecomposition;
      const result = directLogitAttribution(model, prompts, { unit: "full", answer, wrong });
      expect(result.labels).toEqual(labels);
      for (const [prompt, { scores: got }] of result.attributions.entries()) {
        for (const [row, want] of scores.entries()) {
          expect(Math.abs(got.data[row] - want[prompt]), `${labels[row]}, prompt ${prompt}`).toBeLessThan(
            tolerance,
          );
        }
      }
    });
  },
);
