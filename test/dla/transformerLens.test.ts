import { describe, expect, test } from "vitest";
import { directLogitAttribution, dla, logitLens, type Unit } from "../../src/dla/index.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { directionOf, weightsOf } from "../support/arbitraries.ts";
import { expectedJson, expectedTensors, modelFolder } from "../support/fixtures.ts";
import { tolerances } from "../support/noise.ts";
import { referenceAttribution } from "../support/reference.ts";
import { softmaxOf } from "../support/referenceLens.ts";

/** TransformerLens 4.3.0's own results on small folded models: scripts/fixtures/lens.py. */
interface Expected {
  readonly transformerLens: {
    readonly prompt: number[];
    readonly labels: Readonly<Record<string, string[]>>;
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

    test("logit lens: accumulated_resid with apply_ln, through the unembedding", () => {
      const { prompt, labels } = transformerLens;
      const { config } = model;
      const { dModel, dVocab } = config;
      const want = expectedTensors(name).get("tl.folded.accumulated_resid.apply_ln")!;
      const result = logitLens(model, prompt, { answer: 3, pos: "all", top: dVocab });
      expect(result.labels).toEqual(labels["accumulated_resid.apply_ln"]);
      expect(want.shape).toEqual([result.labels.length, 1, prompt.length, dModel]);
      const { W_U, b_U } = weightsOf(model);
      // a logit is off by what the norm's output is, times its column; that, by what its row is
      const residual = tolerances(config, weightsOf(model), prompt, {
        roundedSums: true,
        weightRoundings: 2,
      });
      const rowError = Math.max(...[...residual].filter(([hook]) => /resid/.test(hook)).map(([, t]) => t));
      const { cache } = model.runWithCache(prompt, { logits: "none" });
      const rows = cache.accumulatedResid({ inclMid: true }).stack.data;
      for (const { pos, top, entropies } of result.lenses) {
        for (const [k, label] of result.labels.entries()) {
          const start = (k * prompt.length + pos) * dModel;
          const x = rows.subarray(start, start + dModel);
          const mean = x.reduce((sum, value) => sum + value, 0) / dModel;
          const scale = Math.sqrt(
            x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / dModel + config.eps,
          );
          const output =
            (2 * rowError * (1 + Math.sqrt(dModel))) / scale + dModel * 2 ** -23 * Math.sqrt(dModel);
          const logits = Array.from({ length: dVocab }, (_, t) => {
            let sum = b_U[t];
            for (let i = 0; i < dModel; i++) sum += want.data[start + i] * W_U[t * dModel + i];
            return sum;
          });
          let most = 0;
          for (const { id, logit } of top[k]) {
            const weight = Array.from({ length: dModel }, (_, i) => Math.abs(W_U[id * dModel + i]));
            const tolerance = output * weight.reduce((sum, w) => sum + w, 0);
            most = Math.max(most, tolerance);
            expect(Math.abs(logit - logits[id]), `${label}, position ${pos}, token ${id}`).toBeLessThan(
              tolerance,
            );
          }
          // |dH| ≤ max|dl| Σ p |ln p + H| ≤ 2 ln V max|dl|
          expect(Math.abs(entropies[k] - softmaxOf(logits).entropy)).toBeLessThan(
            2 * Math.log(dVocab) * most,
          );
        }
      }
    });

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
