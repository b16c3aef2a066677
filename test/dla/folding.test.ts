import fc from "fast-check";
import { expect, test } from "vitest";
import { directLogitAttribution, type Unit } from "../../src/dla/index.ts";
import { gpt2AndPrompt } from "../support/arbitraries.ts";
import { ALLOWANCE, SAMPLES } from "../support/noise.ts";
import { random } from "../support/random.ts";
import {
  asTrained,
  foldReference,
  mapWeights,
  type Numbers,
  type ReferenceWeights,
  referenceAttribution,
  referenceForward,
} from "../support/reference.ts";

const drawn = gpt2AndPrompt.chain(({ model, config, weights, ids }) => {
  const token = fc.integer({ min: 0, max: config.dVocab - 1 });
  return fc
    .record({
      unit: fc.constantFrom<Unit>("component", "layer", "head", "neuron", "full", "source"),
      answer: token,
      wrong: fc.option(token, { nil: undefined }),
    })
    .map((asked) => ({
      ...{ model, config, ids },
      weights: asked.wrong === undefined ? withCentredLogits(asTrained(weights)) : asTrained(weights),
      ...asked,
      [fc.toStringMethod]: () => JSON.stringify({ config, ids, ...asked }),
    }));
});
type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

/** W_U less its mean over the vocabulary, as folding has it: it shifts a token's rows, and no difference. */
function withCentredLogits(weights: ReferenceWeights): ReferenceWeights {
  const dModel = weights.lnFinal_w.length;
  const means = new Float64Array(dModel);
  const dVocab = weights.W_U.length / dModel;
  for (let i = 0; i < weights.W_U.length; i++) means[i % dModel] += weights.W_U[i] / dVocab;
  return { ...weights, W_U: Float64Array.from(weights.W_U, (value, i) => value - means[i % dModel]) };
}

/** The rows at the last position in float64, every activation as it is or shaken by what one rounding may do. */
function exactRows(
  { model, config, ids, unit, answer, wrong }: Drawn,
  weights: ReferenceWeights,
  shake?: () => number,
) {
  const roundsSums = model.accuracy.accumulation(1) > 2 ** -40;
  const activations = referenceForward(config, weights, ids, (name, value, magnitudes) => {
    const isCopy = /_(attn_in|[qkv]_input|mlp_in)$|hook_result$/.test(name);
    if (!shake || isCopy) return value;
    const size = (v: number, i: number) => (roundsSums ? magnitudes[i] : v);
    return value.map((v, i) => (v === -Infinity ? v : v + 2 ** -24 * shake() * size(v, i)));
  });
  const read = (hook: string): Numbers => {
    const whole = Float64Array.from(activations.get(hook)!);
    return whole.subarray(whole.length - whole.length / ids.length);
  };
  const readAll = (hook: string) => activations.get(hook)!;
  const pos = ids.length - 1;
  return { read, ...referenceAttribution({ config, unit, read, readAll, pos, weights, answer, wrong }) };
}

/**
 * How far float32 may move the rows: Monte Carlo arithmetic, as in support/noise.ts, with every activation and every
 * folded weight off by a full unit roundoff up or down. Worst-case bounds would exceed the rows themselves within two
 * layers. A multiple of the largest deviation of any row is allowed for.
 */
function tolerance(asked: Drawn, weights: ReferenceWeights, isFolded: boolean): number {
  const next = random(asked.ids.length);
  const sign = () => (next() < 0.5 ? -1 : 1);
  const { rows } = exactRows(asked, weights);
  let worst = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const shaken = isFolded
      ? mapWeights(weights, (values) => Float64Array.from(values, (v) => v * (1 + 2 ** -24 * sign())))
      : weights;
    exactRows(asked, shaken, sign).rows.forEach((row, i) => {
      worst = Math.max(worst, ALLOWANCE * Math.abs(row - rows[i]));
    });
  }
  return worst;
}

/** What folding the value biases takes from each head, for the remainder or the biases: (b_V + beta1 W_V) W_O[head]. */
function movedFromHeads(asked: Drawn, read: (hook: string) => Numbers): number[] {
  const { config, weights, answer, wrong } = asked;
  const { dModel, nHeads, nLayers } = config;
  const { rows } = referenceAttribution({
    ...{ config, unit: "head", weights, answer, wrong },
    read(hook) {
      if (hook === "ln_final.hook_scale") return read(hook);
      if (!hook.endsWith("hook_z")) return new Float64Array(dModel);
      const { W_V, b_V, ln1_b } = weights.blocks[Number(hook.split(".")[1])];
      return Float64Array.from(b_V, (value, c) => {
        let total = value;
        for (let i = 0; i < dModel; i++) total += ln1_b[i] * W_V[i * dModel + c];
        return total;
      });
    },
  });
  return rows.slice(0, nHeads * nLayers);
}

test("raw and folded weights give the same rows; folded value biases move from the heads to the remainder", () => {
  const ratios: number[] = [];
  fc.assert(
    fc.property(drawn, (asked) => {
      const { model, config, weights, ids, unit, answer, wrong } = asked;
      const folded = directLogitAttribution(model.enableCompatibilityMode(), ids, {
        ...{ unit, answer },
        ...(wrong !== undefined && { wrong }),
      });
      // of one token, a folded row is relative to the vocabulary's mean
      const start = answer * config.dModel;
      const direction = Float64Array.from(weights.W_U).slice(start, start + config.dModel);
      const raw = directLogitAttribution(model, ids, {
        ...(wrong === undefined ? { direction } : { answer, wrong }),
        ...{ unit, allowRawWeights: true },
      });
      expect(raw.labels).toEqual([...folded.labels, ...(unit === "layer" ? [] : ["beta"])]);

      const exact = exactRows(asked, weights);
      const ofHeads = ["head", "full", "source"].includes(unit) ? movedFromHeads(asked, exact.read) : [];
      const columns = unit === "source" ? ids.length + 1 : 1; // the last is what no source has
      const moved = Array.from(folded.attributions[0].scores.data, () => 0);
      for (const [head, row] of ofHeads.entries()) moved[(head + 1) * columns - 1] = row;
      moved[moved.length - 1] -= ofHeads.reduce((sum, row) => sum + row, 0); // `remainder`, or `bias`
      const asFolded = foldReference(config, weights, { centreUnembedding: wrong === undefined });
      const limit = tolerance(asked, weights, false) + tolerance(asked, asFolded, true);
      const size = exact.rows.reduce((most, row) => Math.max(most, Math.abs(row)), 0);
      const noise = 2 ** -44 * Math.max(...exact.magnitudes);
      moved.forEach((_, i) => {
        const label = folded.labels[Math.floor(i / columns)];
        const [got, want] = [
          folded.attributions[0].scores.data[i],
          raw.attributions[0].scores.data[i] - moved[i],
        ];
        if (!(Math.abs(got - want) <= limit + noise)) {
          expect.fail(`${label}: folded ${got}, raw ${want}, expected within ${limit} of each other`);
        }
      });
      if (size > 0) ratios.push(limit / size);
    }),
    { numRuns: 200, seed: 1 }, // fixed, since the tolerance is an estimate: a rare draw may exceed it
  );
  // the comparison means something: the usual tolerance is far below the rows
  expect(ratios.sort((a, b) => a - b)[Math.floor(ratios.length / 2)]).toBeLessThan(1e-4);
});
