import { describe, expect, test } from "vitest";
import { directLogitAttribution, logitLens, type Unit } from "../../src/dla/index.ts";
import { wordModel } from "./wordModel.ts";

const units: readonly Unit[] = ["component", "layer", "head", "neuron", "full", "source", "path"];

// Those whose place is elsewhere: knownDefects.test.ts has the list.
describe("defects of TransformerLens 4.3.0 that could arise here", () => {
  const raw = wordModel();
  const model = raw.enableCompatibilityMode();
  const long = "When Mary and John went to the store, John gave a drink to";
  const short = "Mary went to the";

  test("B1: a model whose weights were not processed is refused, not silently without its gamma", () => {
    expect(() => directLogitAttribution(raw, long, { answer: " Mary" })).toThrow(/compatibility mode/);
    // and allowed by name it is exact: the sum differs from what leaving out gamma gives
    const options = { answer: " Mary", wrong: " John", allowRawWeights: true };
    const [{ scores, check }] = directLogitAttribution(raw, long, options).attributions;
    const { data: logits } = raw.run(long, { logits: "last" });
    const logit = logits[raw.toSingleToken(" Mary")] - logits[raw.toSingleToken(" John")];
    const sum = scores.data.reduce((total, row) => total + row, 0);
    expect(Math.abs(sum - logit)).toBeLessThanOrEqual(check.bound + check.roundingBound);
    const normalized = raw.runWithCache(long, { names: "ln_final.hook_normalized", pos: -1 }).cache;
    const ungained = normalized.get("ln_final.hook_normalized").data.reduce((total, value, i) => {
      const [plus, minus] = [" Mary", " John"].map(
        (token) => raw.unembedding.token(raw.toSingleToken(token)).column,
      );
      return total + value * (plus[i] - minus[i]);
    }, 0);
    expect(Math.abs(ungained - logit)).toBeGreaterThan(0.1);
  });

  test("B1b: a cache of the raw model is not the folded one's, although its sums would be right", () => {
    const { cache } = raw.runWithCache(long, { logits: "none" });
    for (const unit of units) {
      expect(() => directLogitAttribution(model, long, { answer: " Mary", unit, cache })).toThrow(
        /another model/,
      );
    }
  });

  test("B2: prompts of unequal length are attributed each at its own last position, as alone", () => {
    for (const unit of units) {
      const options = { unit, answer: " Mary", wrong: " John" };
      const both = directLogitAttribution(model, [short, long], options).attributions;
      const alone = [short, long].map((text) => directLogitAttribution(model, text, options).attributions[0]);
      expect(both).toEqual([alone[0], { ...alone[1], prompt: 1 }]);
      expect(both.map(({ pos }) => pos)).toEqual(
        [short, long].map((text) => model.toTokens(text).length - 1),
      );
    }
  });

  test("B3: answers in a list of strings, at every position", () => {
    const options = { answer: [" Mary", " John"], wrong: [" John", " Mary"], pos: "all" } as const;
    for (const unit of units) {
      const { attributions } = directLogitAttribution(model, [short, long], { ...options, unit });
      const lengths = [short, long].map((text) => model.toTokens(text).length);
      expect(attributions).toHaveLength(lengths[0] + lengths[1]);
      for (const { prompt, pos, ...rest } of attributions) {
        const answer = options.answer[prompt];
        expect(rest.answer?.text).toBe(answer);
        const own = { unit, pos, answer, wrong: options.wrong[prompt] };
        const [alone] = directLogitAttribution(model, [short, long][prompt], own).attributions;
        expect(rest).toMatchObject({ scores: alone.scores, check: alone.check });
      }
    }
  });

  test("B13: unit layer is not the logit lens, and says so; they are equal in the last row only", () => {
    const { scores, check } = directLogitAttribution(model, long, { answer: " Mary", unit: "layer" })
      .attributions[0];
    const { labels, lenses } = logitLens(model, long, { answer: " Mary" });
    expect(directLogitAttribution(model, long, { answer: " Mary", unit: "layer" }).labels).toEqual(labels);
    const apart = lenses[0].logits!.map((logit, row) => Math.abs(logit - check.bias - scores.data[row]));
    expect(apart.at(-1)).toBeLessThanOrEqual(check.bound + check.roundingBound);
    for (const difference of apart.slice(0, -1)) expect(difference).toBeGreaterThan(0.05);
    // frozen, as there, they are the same in every row
    const frozen = logitLens(model, long, { answer: " Mary", scale: "frozen" }).lenses[0].logits!;
    for (const [row, logit] of frozen.entries()) expect(logit - check.bias).toBeCloseTo(scores.data[row], 5);
  });

  test("B14: −1 is no token, and neither is one past the end, an empty prompt, or an answer of two tokens", () => {
    const { dVocab } = model.config;
    for (const answer of [-1, dVocab, 0.5]) {
      expect(() => directLogitAttribution(model, long, { answer })).toThrow(
        `got token id ${answer}, expected`,
      );
      expect(() => directLogitAttribution(model, long, { answer: 1, wrong: answer })).toThrow(`id ${answer}`);
      expect(() => directLogitAttribution(model, [1, answer], { answer: 1 })).toThrow(`token id ${answer}`);
    }
    expect(() => directLogitAttribution(model, [[]], { answer: 1 })).toThrow("empty prompt");
    expect(() => directLogitAttribution(model, long, { answer: " gave a" })).toThrow("which is 2 tokens");
  });
});
