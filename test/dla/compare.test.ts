import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AttributionOptions,
  checkHolds,
  compare,
  directLogitAttribution,
  mean,
  top,
} from "../../src/dla/index.ts";
import { ValueError } from "../../src/errors.ts";
import { randomGpt2 } from "../support/arbitraries.ts";
import { tinyModel } from "../support/tinyModel.ts";

const raw = tinyModel();
const model = raw.enableCompatibilityMode();
const clean = [3, 1, 4, 1, 5];
const corrupted = [3, 1, 9, 1, 5];
const options = { answer: 1, wrong: 2 } as const;
const attribute = (input: number[] | number[][], more: AttributionOptions = {}, of = model) =>
  directLogitAttribution(of, input, { ...options, ...more });

test("the rows' difference sums to that of the logits less their biases, within both bounds, for every unit", () => {
  const asked = randomGpt2.chain(({ model, config }) => {
    const token = fc.nat(config.dVocab - 1);
    const length = fc.integer({ min: 1, max: config.nCtx });
    return length.chain((size) => {
      const ids = fc.array(token, { minLength: size, maxLength: size });
      return fc
        .record({
          a: ids,
          b: ids,
          answers: fc.tuple(token, token),
          wrong: fc.option(token, { nil: undefined }),
          unit: fc.constantFrom("component", "layer", "head"),
          folded: fc.boolean(),
        })
        .map((drawn) => ({ ...drawn, model: drawn.folded ? model.enableCompatibilityMode() : model }));
    });
  });
  fc.assert(
    fc.property(asked, ({ model, a, b, answers, wrong, unit }) => {
      const { dVocab } = model.config;
      const results = [a, b].map((ids, i) => {
        const { cache } = model.runWithCache([ids], { logits: "all" });
        const asked = { answer: answers[i], wrong, unit, pos: "all", allowRawWeights: true } as const;
        return directLogitAttribution(model, [ids], { ...asked, cache });
      });
      const { attributions } = compare(results[0], results[1]);
      expect(attributions).toHaveLength(a.length);
      const logits = [a, b].map((ids) => model.run([ids], { logits: "all" }).data);
      const bias = (i: number) => {
        const { finalNorm, unembedding } = model;
        const tokens = wrong === undefined ? [answers[i]] : [answers[i], wrong];
        const [plus, minus = 0] = tokens.map((id) => {
          const { column, bias } = unembedding.token(id);
          const beta = finalNorm.beta?.reduce((sum, value, k) => sum + value * column[k], 0) ?? 0;
          return bias + (unit === "layer" ? beta : 0);
        });
        return plus - minus;
      };
      for (const [pos, { scores, check }] of attributions.entries()) {
        const read = (i: number) => {
          const at = (id: number) => logits[i][pos * dVocab + id];
          return at(answers[i]) - (wrong === undefined ? 0 : at(wrong)) - bias(i);
        };
        const { data } = scores;
        const sum = unit === "layer" ? data.at(-1)! : data.reduce((total, row) => total + row, 0);
        const tolerance = check.bound + check.roundingBound;
        expect(Math.abs(sum - (read(0) - read(1)))).toBeLessThanOrEqual(tolerance);
        expect(checkHolds(check)).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});

describe("compare", () => {
  test("pairs by label and position, and says of what", () => {
    const [a, b] = [clean, corrupted].map((ids) => attribute(ids, { pos: "all", leaveOneOut: true }));
    const comparison = compare(a, b);
    const { unit, axes, labels, model: described } = a;
    expect(comparison).toMatchObject({ unit, axes, labels, model: described });
    expect(comparison.prompts).toEqual({ a: a.prompts, b: b.prompts });
    for (const [pos, pair] of comparison.attributions.entries()) {
      const [one, other] = [a.attributions[pos], b.attributions[pos]];
      const site = { prompt: 0, pos, answer: one.answer, wrong: one.wrong };
      expect([pair.a, pair.b]).toEqual([site, site]);
      for (const of of ["scores", "leaveOneOut"] as const) {
        expect(pair[of]!.shape).toEqual(one[of]!.shape);
        const want = Array.from(one[of]!.data, (row, i) => row - other[of]!.data[i]);
        expect([...pair[of]!.data]).toEqual(want);
      }
      for (const of of ["sum", "rounding", "bias", "logit", "error"] as const)
        expect(pair.check[of]).toBe(one.check[of] - other.check[of]);
      for (const of of ["bound", "roundingBound"] as const)
        expect(pair.check[of]).toBe(one.check[of] + other.check[of]);
    }
    // the first two tokens are the same
    expect(Math.max(...comparison.attributions[1].scores.data.map(Math.abs))).toBe(0);
    expect(Math.max(...comparison.attributions[2].scores.data.map(Math.abs))).toBeGreaterThan(1e-3);
  });

  test("pairs several prompts in order, each at one position, wherever that is", () => {
    const a = attribute([clean, [7, 2]]);
    const b = attribute([[9], corrupted], { answer: 4 });
    const { attributions } = compare(a, b);
    expect(attributions.map(({ a, b }) => [a.pos, b.pos])).toEqual([
      [4, 0],
      [1, 4],
    ]);
    expect(attributions[0].b.answer).toEqual({ id: 4, text: null });
    expect(compare(attribute(clean, { pos: 1 }), attribute(clean, { pos: 3 })).attributions).toHaveLength(1);
  });

  test("gives mean and top what they need", () => {
    const comparison = compare(attribute([clean, clean]), attribute([corrupted, clean]));
    const [first, second] = comparison.attributions.map(({ scores }) => scores.data);
    const { scores } = mean(comparison);
    expect([...scores.data]).toEqual(Array.from(first, (row, i) => (row + second[i]) / 2));
    const greatest = Math.max(...scores.data.map(Math.abs));
    expect(Math.abs(top(comparison, 1)[0].score)).toBe(greatest);
  });

  test("has leaveOneOut where both have it", () => {
    const [a, b] = [attribute(clean, { leaveOneOut: true }), attribute(corrupted)];
    expect(compare(a, b).attributions[0]).not.toHaveProperty("leaveOneOut");
    expect(compare(b, a).attributions[0]).not.toHaveProperty("leaveOneOut");
  });

  test("takes results of two backends: they agree within the bounds", () => {
    const a = attribute(clean);
    const b = { ...a, model: { ...a.model, backend: "another" } };
    expect(compare(a, b).attributions[0].check.logit).toBe(0);
  });

  const other = tinyModel({ config: { nLayers: 1 } }).enableCompatibilityMode();
  const direction = new Float64Array(model.config.dModel).fill(1);
  test.each([
    [
      "the model",
      () => attribute(clean, {}, other),
      /model: got gpt2 \(2 layers × 3 heads, dModel 12, dVocab 17\) in A and gpt2 \(1 layers/,
    ],
    [
      "its weights",
      () => attribute(clean, { allowRawWeights: true }, raw),
      /weights: got in compatibility mode in A and as trained in B/,
    ],
    ["the unit", () => attribute(clean, { unit: "head" }), /unit: got "component" in A and "head" in B/],
    [
      "the labels",
      () => ({ ...attribute(clean), labels: attribute(clean).labels.toReversed() }),
      /labels: got "embed" in A and "1_mlp_out" in B/,
    ],
    [
      "the number of rows",
      () => ({ ...attribute(clean), labels: ["embed"] }),
      /number of rows: got 6 in A and 1 in B/,
    ],
    [
      "the number of prompts",
      () => attribute([clean, clean]),
      /number of prompts: got 1 in A and 2 in B, expected the same\. Attribute both with one model and the same options\./,
    ],
    [
      "the length, where there are several positions",
      () => attribute([3, 1], { pos: "all" }),
      /prompt 0: length: got 5 tokens in A and 2 tokens in B, expected the same, since several positions pair one by one/,
    ],
    [
      "the positions",
      () => attribute(clean, { pos: [0, 2] }),
      /prompt 0: positions: got 4 in A and 0, 2 in B/,
    ],
    [
      "what is read",
      () => attribute(clean, { wrong: undefined }),
      /got the logit of a token less that of a token in A and the logit of a token in B/,
    ],
    [
      "a token and a direction",
      () => directLogitAttribution(model, clean, { direction }),
      /prompt 0: target: got the logit of a token less that of a token in A and a direction in B/,
    ],
  ])("says what differs: %s", (_, b, message) => {
    const a = attribute(clean);
    expect(() => compare(a, b())).toThrow(ValueError);
    expect(() => compare(a, b())).toThrow(message);
  });
});
