import { afterEach, describe, expect, test, vi } from "vitest";
import {
  type AttributionOptions,
  type AttributionResult,
  directLogitAttribution,
  mean,
  toJSON,
  top,
  type Unit,
} from "../../src/dla/index.ts";
import type { Gpt2, ModelInput } from "../../src/model/index.ts";
import { wordModel } from "./wordModel.ts";

const raw = wordModel();
const model = raw.enableCompatibilityMode();
const ids = model.toTokens("When Mary and John went to the store, John gave a drink to");
const [mary, john, store] = [" Mary", " John", " store"].map((token) => model.toSingleToken(token));

afterEach(() => vi.restoreAllMocks());

const attribute = (input: ModelInput | undefined, options: AttributionOptions, of: Gpt2 = model) =>
  directLogitAttribution(of, input, options);

const units: readonly Unit[] = ["component", "layer", "head", "neuron", "full", "source", "path"];
const text = "When Mary and John went to the store, John gave a drink to";
const short = "Mary went to the";

/** A result with these scores, one attribution each. */
function resultOf(labels: readonly string[], ...scores: readonly (readonly number[])[]): AttributionResult {
  const result = attribute(ids, { answer: mary });
  return {
    ...result,
    labels,
    attributions: scores.map((rows) => ({
      ...result.attributions[0],
      scores: { shape: [rows.length], data: Float64Array.from(rows) },
    })),
  };
}

describe("top", () => {
  test("B12: by magnitude: what pushes against the answer counts as much", () => {
    const result = resultOf(["a", "b", "c", "d"], [0.5, -2.498, 1, -0.25]);
    expect(top(result, 3)).toEqual([
      { label: "b", score: -2.498 },
      { label: "c", score: 1 },
      { label: "a", score: 0.5 },
    ]);
    expect(top(result, 9)).toHaveLength(4);
    expect(top(result, 0)).toEqual([]);
    expect(() => top(result, -1)).toThrow("top: got k -1, expected a whole number. Give how many rows.");
  });

  test("of the mean over attributions, ties in the rows' order", () => {
    const result = resultOf(["a", "b", "c"], [3, 1, -1], [-3, 1, -1]);
    expect(top(result, 3)).toEqual([
      { label: "b", score: 1 },
      { label: "c", score: -1 },
      { label: "a", score: 0 },
    ]);
  });
});

describe("mean", () => {
  test("and standard errors by hand", () => {
    const { scores, standardErrors } = mean(resultOf(["a", "b"], [1, 10], [2, 10], [6, 10]));
    expect(scores).toEqual({ shape: [2], data: Float64Array.of(3, 10) });
    expect(standardErrors?.shape).toEqual([2]);
    // squares 4 + 1 + 9 = 14 about the mean; over n − 1 = 2 and n = 3
    expect(standardErrors?.data[0]).toBeCloseTo(Math.sqrt(14 / 2 / 3), 14);
    expect(standardErrors?.data[1]).toBe(0);
  });

  test("of a single attribution has no standard errors", () => {
    const result = attribute(text, { answer: mary });
    expect(mean(result)).toEqual({ scores: result.attributions[0].scores, standardErrors: null });
  });
});

describe("toJSON", () => {
  const result = attribute([text, short], { answer: " Mary", wrong: [" John", store] });
  const document = toJSON(result);

  test("has exactly the documented keys", () => {
    const keys = (value: object) => Object.keys(value).sort();
    const top = "schemaVersion version model unit axes labels prompts attributions mean";
    expect(keys(document)).toEqual(top.split(" ").sort());
    expect(keys(document.model)).toEqual(
      ["name", "layers", "heads", "dModel", "dVocab", "compatibilityMode", "backend"].sort(),
    );
    for (const prompt of document.prompts) expect(keys(prompt)).toEqual(["stringTokens", "text", "tokens"]);
    for (const attribution of document.attributions) {
      expect(keys(attribution)).toEqual(["prompt", "pos", "answer", "wrong", "scores", "check"].sort());
      expect(keys(attribution.answer!)).toEqual(["id", "text"]);
      expect(keys(attribution.wrong!)).toEqual(["id", "text"]);
      expect(keys(attribution.check)).toEqual(
        ["sum", "rounding", "bias", "logit", "error", "bound", "roundingBound"].sort(),
      );
    }
    expect(keys(document.mean!)).toEqual(["scores", "standardErrors"]);
    expect(document.schemaVersion).toBe(1);
    expect(document.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  test("says what the result says", () => {
    const { unit, axes, labels, model: described, prompts, attributions } = result;
    expect(document).toMatchObject({ unit, axes, labels, model: described, prompts });
    for (const [i, { scores, ...rest }] of attributions.entries()) {
      expect(document.attributions[i]).toEqual({ ...rest, scores: [...scores.data] });
    }
    const { scores, standardErrors } = mean(result);
    expect(document.mean).toEqual({ scores: [...scores.data], standardErrors: [...standardErrors!.data] });
  });

  test.each(units)("goes through JSON unchanged; unit %s", (unit) => {
    for (const options of [{ answer: mary }, { answer: mary, wrong: john, pos: "all" as const }]) {
      const plain = toJSON(attribute([ids, ids.slice(3)], { unit, ...options }));
      expect(JSON.parse(JSON.stringify(plain))).toEqual(plain);
    }
  });

  test("a single attribution has no mean, a single token no wrong one, a direction no answer", () => {
    const one = toJSON(attribute(text, { answer: mary }));
    expect(one.mean).toBeNull();
    expect(one.attributions[0].wrong).toBeNull();
    const direction = new Float64Array(model.config.dModel).fill(1);
    expect(toJSON(attribute(text, { direction })).attributions[0].answer).toBeNull();
  });
});
