import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AttributableCache,
  type AttributionResult,
  directLogitAttribution,
  type Unit,
} from "../../src/dla/index.ts";
import { type Gpt2, type Gpt2Config, tokenColumn } from "../../src/model/index.ts";
import {
  directionOf,
  gpt2AndPrompt,
  type RandomModel,
  randomModel,
  weightsOf,
} from "../support/arbitraries.ts";
import { referenceAttribution } from "../support/reference.ts";

const units: readonly Unit[] = ["component", "layer", "head", "neuron", "full", "source", "path"];

const smallest: Gpt2Config = {
  ...{
    nLayers: 1,
    nHeads: 1,
    dModel: 1,
    dHead: 1,
    dMlp: 1,
    nCtx: 4,
    dVocab: 3,
    eps: 1e-5,
    bosTokenId: undefined,
  },
  ...{
    activation: "geluTanh",
    scaleAttnWeights: true,
    scaleAttnByInverseLayerIdx: false,
    tieWordEmbeddings: true,
  },
};

/** A model, raw or folded, a prompt and what is asked of it. */
interface Asked {
  readonly model: Gpt2;
  readonly ids: number[];
  readonly unit: Unit;
  readonly answer: number;
  readonly wrong: number | undefined;
}

const asked: fc.Arbitrary<Asked> = gpt2AndPrompt.chain(
  ({ model, config, ids }: RandomModel & { ids: number[] }) => {
    const token = fc.integer({ min: 0, max: config.dVocab - 1 });
    return fc
      .record({
        folded: fc.boolean(),
        unit: fc.constantFrom(...units),
        answer: token,
        wrong: fc.option(token, { nil: undefined }),
      })
      .map(({ folded, ...rest }) => ({
        model: folded ? model.enableCompatibilityMode() : model,
        ids,
        ...rest,
        [fc.toStringMethod]: () => JSON.stringify({ config, ids, folded, ...rest }),
      }));
  },
);

function attribute({ model, ids, unit, answer, wrong }: Asked, cache?: AttributableCache): AttributionResult {
  const allowRawWeights = !model.compatibilityMode;
  const options = { unit, pos: "all", answer, allowRawWeights, ...(cache && { cache }) } as const;
  return directLogitAttribution(model, ids, wrong === undefined ? options : { ...options, wrong });
}

/** The float64 sum of the rows; the rows of unit layer are running sums. */
function total(unit: Unit, rows: Float64Array): number {
  return unit === "layer" ? rows.at(-1)! : rows.reduce((sum, row) => sum + row, 0);
}

describe("the rows sum to the model's own logit (difference) less the b_U term", () => {
  test("|sum + bias − logit| ≤ bound + roundingBound, raw and folded, one token and two, every unit", () => {
    fc.assert(
      fc.property(asked, (drawn) => {
        const { model, ids, unit, answer, wrong } = drawn;
        const { dVocab } = model.config;
        const { logits: run, cache } = model.runWithCache(ids, { logits: "all" });
        const logits = run.data;
        const { unembedding, finalNorm } = model;
        const of = (read: (token: number) => number) =>
          wrong === undefined ? read(answer) : read(answer) - read(wrong);
        // what is in no row: b_U, and on raw weights LayerNorm's beta where the rows are running sums
        const w = Float64Array.from(tokenColumn(unembedding, answer, wrong).column);
        const beta = w.reduce((sum, value, i) => sum + value * (finalNorm.beta?.[i] ?? 0), 0);
        const bias = of((token) => unembedding.token(token).bias) + (unit === "layer" ? beta : 0);

        const result = attribute(drawn, cache);
        expect(result.attributions).toHaveLength(ids.length);
        const alone = attribute(drawn); // a run of its own, which computes what it needs
        result.attributions.forEach(({ scores }, i) => {
          expect(alone.attributions[i].scores).toEqual(scores);
        });
        for (const { pos, scores, check } of result.attributions) {
          const logit = of((token) => logits[pos * dVocab + token]);
          const sum = total(unit, scores.data);
          const tolerance = check.bound + check.roundingBound;
          expect(Math.abs(sum + bias - logit), `position ${pos}`).toBeLessThanOrEqual(tolerance);

          // and the check says what it was held to
          expect(check.logit).toBe(logit);
          const size = scores.data.reduce((most, row) => most + Math.abs(row), 0);
          expect(Math.abs(check.sum - sum)).toBeLessThanOrEqual(2 ** -45 * size);
          expect(check.error).toBe(check.sum + check.rounding + check.bias - check.logit);
          expect(Math.abs(check.error)).toBeLessThanOrEqual(check.bound);
          expect(Math.abs(check.rounding)).toBeLessThanOrEqual(check.roundingBound);
          expect(Math.abs(check.bias - bias)).toBeLessThanOrEqual(1e-12 * (1 + Math.abs(bias)));
        }
      }),
      { numRuns: 600 },
    );
  });

  test("without all logits, to the difference of the two that the run computes, which is theirs but for rounding", () => {
    fc.assert(
      fc.property(asked, (drawn) => {
        const { model, ids, answer, wrong } = drawn;
        const { accuracy, unembedding } = model;
        const { dVocab, dModel } = model.config;
        const { logits, cache } = model.runWithCache(ids, { names: "unembed.hook_in", logits: "all" });
        const { data } = cache.get("unembed.hook_in");
        const tokens = wrong === undefined ? [answer] : [answer, wrong];
        for (const { pos, check } of attribute(drawn).attributions) {
          const output = data.subarray(pos * dModel, (pos + 1) * dModel);
          const [a, b = 0] = tokens.map((token) => logits.data[pos * dVocab + token]);
          // float32 products with float32 columns: of each token, and of their difference
          const columns = [
            ...tokens.map((token) => unembedding.token(token)),
            ...(wrong === undefined ? [] : [unembedding.difference(answer, wrong)]),
          ];
          const limit = columns.reduce((total, { column, bias }) => {
            const size = output.reduce((sum: number, v, i) => sum + Math.abs(v * column[i]), Math.abs(bias));
            return total + accuracy.dotError(output, column, bias) + 2 ** -22 * size + 2 ** -149;
          }, 0);
          expect(Math.abs(check.logit - (a - b)), `position ${pos}`).toBeLessThanOrEqual(limit);
          if (wrong === undefined) expect(check.logit).toBe(a);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("of a direction, to its dot product with the final norm's output", () => {
    fc.assert(
      fc.property(asked, fc.infiniteStream(fc.integer({ min: -1000, max: 1000 })), (drawn, numbers) => {
        const { model, ids, unit } = drawn;
        const direction = Float64Array.from(numbers.take(model.config.dModel), (value) => value / 300);
        const options = { unit, direction, allowRawWeights: true };
        const [{ scores, check }] = directLogitAttribution(model, ids, options).attributions;
        const { cache } = model.runWithCache(ids, { names: "unembed.hook_in", pos: -1, logits: "none" });
        const output = cache.get("unembed.hook_in").data;
        const logit = direction.reduce((sum, value, i) => sum + value * output[i], 0);
        const { beta } = model.finalNorm;
        const inNoRow =
          unit === "layer" && beta ? direction.reduce((sum, value, i) => sum + value * beta[i], 0) : 0;
        const tolerance = check.bound + check.roundingBound;
        expect(Math.abs(total(unit, scores.data) + inNoRow - logit)).toBeLessThanOrEqual(tolerance);
      }),
      { numRuns: 200 },
    );
  });
});

test("a direction may be as small as float64 has them: what underflows is in the bound", () => {
  const { model } = randomModel({ ...smallest, dModel: 5, nHeads: 1, dHead: 5 }, 1);
  for (const value of [5e-324, 1e-310, 1e-300]) {
    const direction = Float64Array.from([value, -value, 0, 2 * value, value]);
    for (const of of [model, model.enableCompatibilityMode()]) {
      for (const unit of units) {
        const options = { unit, direction, allowRawWeights: true, pos: "all" } as const;
        expect(() => directLogitAttribution(of, [0, 1, 2], options)).not.toThrow();
      }
    }
  }
});

test("rows are within 1e-9 · Σ|row| of the float64 reference on the captured activations", () => {
  fc.assert(
    fc.property(asked, (drawn) => {
      const { model, ids, unit, answer, wrong } = drawn;
      const { config } = model;
      const { cache } = model.runWithCache(ids, { logits: "none" });
      const result = attribute(drawn);
      for (const { pos, scores } of result.attributions) {
        const read = (hook: string) => {
          const { data } = cache.get(hook);
          return data.subarray((pos * data.length) / ids.length, ((pos + 1) * data.length) / ids.length);
        };
        const weights = weightsOf(model);
        const direction = directionOf(model, answer, wrong);
        const betaRow = !model.compatibilityMode;
        const readAll = (hook: string) => cache.get(hook).data;
        const asked = { config, unit, read, readAll, pos, weights, answer, wrong, direction, betaRow };
        const want = referenceAttribution(asked);
        expect(scores.data).toHaveLength(want.rows.length);
        expect(result.labels).toEqual(want.labels);
        const size = want.rows.reduce((sum, row) => sum + Math.abs(row), 0);
        want.rows.forEach((row, i) => {
          // where all rows nearly vanish by cancellation, what float64 may do to their terms
          const tolerance = Math.max(1e-9 * size, 2 ** -46 * want.magnitudes[i]);
          expect(Math.abs(scores.data[i] - row), want.labels[i]).toBeLessThanOrEqual(tolerance);
        });
      }
    }),
    { numRuns: 300 },
  );
});
