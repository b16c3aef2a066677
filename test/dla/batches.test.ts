import fc from "fast-check";
import { expect, test } from "vitest";
import { type Attribution, directLogitAttribution, type Unit } from "../../src/dla/index.ts";
import { prompt, randomGpt2 } from "../support/arbitraries.ts";

const units: readonly Unit[] = ["component", "layer", "head", "neuron", "full", "source", "path"];

/** A model, prompts of any lengths for it, and a pair of answers for each. */
const asked = randomGpt2.chain(({ model, config }) => {
  const token = fc.integer({ min: 0, max: config.dVocab - 1 });
  return fc
    .record({
      folded: fc.boolean(),
      unit: fc.constantFrom(...units),
      rows: fc.array(fc.record({ ids: prompt(config), answer: token, wrong: token }), {
        minLength: 1,
        maxLength: 5,
      }),
    })
    .map(({ folded, unit, rows }) => ({
      model: folded ? model.enableCompatibilityMode() : model,
      unit,
      prompts: rows.map(({ ids }) => ids),
      answer: rows.map(({ answer }) => answer),
      wrong: rows.map(({ wrong }) => wrong),
      [fc.toStringMethod]: () => JSON.stringify({ config, folded, unit, rows }),
    }));
});

/** Equal bit for bit: toEqual tells 0 from −0, and NaN from all else. */
function expectSame(got: readonly Attribution[], want: readonly Attribution[]): void {
  expect(got).toEqual(want);
}

test("a batch equals its prompts run alone, bit for bit, also when they are of unequal length", () => {
  fc.assert(
    fc.property(asked, fc.constantFrom<["all" | number]>(["all"], [-1], [0]), (drawn, [pos]) => {
      const { model, unit, prompts, answer, wrong } = drawn;
      const options = { unit, pos, allowRawWeights: true };
      const together = directLogitAttribution(model, prompts, { ...options, answer, wrong });
      const alone = prompts.flatMap((ids, prompt) => {
        const own = { ...options, answer: answer[prompt], wrong: wrong[prompt] };
        const { attributions } = directLogitAttribution(model, ids, own);
        return attributions.map((attribution) => ({ ...attribution, prompt }));
      });
      expectSame(together.attributions, alone);
    }),
    { numRuns: 200 },
  );
});

test('positions "all" equal one at a time, and a list any way round, bit for bit', () => {
  fc.assert(
    fc.property(asked, ({ model, unit, prompts, answer, wrong }) => {
      const ids = prompts[0];
      const options = { unit, answer: answer[0], wrong: wrong[0], allowRawWeights: true };
      const all = directLogitAttribution(model, ids, { ...options, pos: "all" }).attributions;
      const single = ids.map(
        (_, pos) => directLogitAttribution(model, ids, { ...options, pos }).attributions[0],
      );
      expectSame(all, single);
      const backwards = ids.map((_, i) => -1 - i);
      const list = directLogitAttribution(model, ids, { ...options, pos: backwards }).attributions;
      expectSame(list, single.toReversed());
    }),
    { numRuns: 100 },
  );
});

test("the tokens of a prompt that come later change nothing before them", () => {
  fc.assert(
    fc.property(asked, ({ model, unit, prompts, answer, wrong }) => {
      const ids = prompts[0];
      const options = { unit, answer: answer[0], wrong: wrong[0], allowRawWeights: true };
      const whole = directLogitAttribution(model, ids, { ...options, pos: "all" }).attributions;
      const prefixes = ids.map((_, pos) => directLogitAttribution(model, ids.slice(0, pos + 1), options));
      expectSame(
        whole,
        prefixes.map(({ attributions }) => attributions[0]),
      );
    }),
    { numRuns: 100 },
  );
});
