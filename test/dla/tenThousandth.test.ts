import { describe, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import {
  type AttributionOptions,
  directLogitAttribution,
  logitLens,
  type Unit,
} from "../../src/dla/index.ts";
import { CheckError } from "../../src/errors.ts";
import { ActivationCache, type Gpt2, throughNorm } from "../../src/model/index.ts";

const raw = await demoModel();
const units: readonly Unit[] = ["component", "layer", "head", "neuron", "full", "source", "path"];
const cases = [
  ["When Mary and John went to the store, John gave a drink to", " Mary", " John"],
  ["Repeat: drink garden Tuesday lamp drink garden", " Tuesday", " lamp"],
  ["The capital of France is", " Paris", " Rome"],
  ["Monday, Tuesday, Wednesday,", " Thursday", " Friday"],
  ["The bags near the cabinet", " are", " is"],
  ["The war lasted from the year 1730 to the year 17", "60", "20"],
] as const;

/** A cache like another, one activation moved along a vector at the last position, which is the last of its data. */
function moved(cache: ActivationCache, name: string, by: Float64Array): ActivationCache {
  const activations = new Map(cache.names.map((held) => [held, cache.get(held)]));
  const { shape, data } = cache.get(name);
  const copy = data.slice();
  for (let i = 0; i < by.length; i++) copy[copy.length - by.length + i] += by[i];
  activations.set(name, { shape, data: copy });
  return new ActivationCache(cache.model, cache.tokens, cache.positions, activations);
}

/** The multiple of a vector whose dot product with it is `product`. */
function along(vector: Float64Array, product: number): Float64Array {
  const square = vector.reduce((sum, value) => sum + value * value, 0);
  return vector.map((value) => (value * product) / square);
}

/** The numbers of the check that failed, as its error gives them. */
function failedCheck(attribute: () => unknown) {
  try {
    attribute();
  } catch (error) {
    expect(error).toBeInstanceOf(CheckError);
    const numbers = /rounding (\S+) \(expected at most (\S+)\), error (\S+) \(expected at most (\S+)\)/;
    const [rounding, roundingBound, readout, bound] = numbers
      .exec((error as CheckError).message)!
      .slice(1)
      .map(Number);
    return { rounding, roundingBound, error: readout, bound };
  }
  return expect.fail("passes");
}

describe.each([
  ["in compatibility mode", raw.enableCompatibilityMode()],
  ["as trained", raw],
])("of the demo model, weights %s,", (_, model) => {
  describe.each(cases)("%s", (prompt, answer, wrong) => {
    const { cache, logits } = model.runWithCache(prompt, { logits: "last" });
    const spread = Math.max(...logits.data) - Math.min(...logits.data);
    const tokens = [answer, wrong].map((token) => model.toSingleToken(token));
    const pair = Float64Array.from(model.unembedding.difference(tokens[0], tokens[1]).column);
    const [scale] = cache.get("ln_final.hook_scale").data.slice(-1);
    const u = throughNorm(model.finalNorm, pair);
    /** The same run's, without the logits: then the attribution computes them from the final norm's output. */
    const uncaptured = withoutLogits(model, cache);

    const asked = (given: ActivationCache, unit: Unit): AttributionOptions => {
      return { unit, answer, wrong, cache: given, allowRawWeights: true };
    };

    test.each(units)(
      "B15: rows off by 1e-4 of the logits' spread are refused, either way; unit %s",
      (unit) => {
        const [{ check }] = directLogitAttribution(model, prompt, asked(cache, unit)).attributions;
        for (const name of wholeWrites(model, unit)) {
          for (const off of [1e-4 * spread, -1e-4 * spread]) {
            const forged = moved(cache, name, along(u, off * scale));
            const failed = failedCheck(() => directLogitAttribution(model, prompt, asked(forged, unit)));
            expect(Math.abs(failed.rounding - (check.rounding - off)), name).toBeLessThan(
              1e-2 * Math.abs(off),
            );
            expect(Math.abs(failed.rounding), name).toBeGreaterThan(failed.roundingBound);
            expect(Math.abs(failed.error), name).toBeLessThanOrEqual(failed.bound);
          }
        }
      },
    );

    test.each(units)(
      "B15: a logit off by as much, in the cache or as computed, is refused; unit %s",
      (unit) => {
        for (const [name, given] of [
          ["unembed.hook_out", cache],
          ["unembed.hook_in", uncaptured],
        ] as const) {
          const [{ check }] = directLogitAttribution(model, prompt, asked(given, unit)).attributions;
          for (const off of [1e-4 * spread, -1e-4 * spread]) {
            const only = new Float64Array(model.config.dVocab).map((_, id) => (id === tokens[0] ? off : 0));
            const by = name === "unembed.hook_out" ? only : along(pair, off);
            const forged = moved(given, name, by);
            const failed = failedCheck(() => directLogitAttribution(model, prompt, asked(forged, unit)));
            expect(Math.abs(failed.error - (check.error - off)), name).toBeLessThan(1e-2 * Math.abs(off));
            expect(Math.abs(failed.error), name).toBeGreaterThan(failed.bound);
            expect(Math.abs(failed.rounding), name).toBeLessThanOrEqual(failed.roundingBound);
          }
        }
      },
    );

    test("B15: the logit lens refuses both too", () => {
      for (const off of [1e-4 * spread, -1e-4 * spread]) {
        for (const [name, by] of [
          ["hook_embed", along(u, off * scale)],
          ["unembed.hook_in", along(pair, off)],
        ] as const) {
          const forged = moved(uncaptured, name, by);
          const lens = () =>
            logitLens(model, prompt, { answer, wrong, cache: forged, allowRawWeights: true });
          expect(lens, name).toThrow(CheckError);
        }
      }
    });
  });
});

/** Writes that the unit reads as they are, and once: it does not divide them, and by path no head reads them too. */
function wholeWrites({ writers }: Gpt2, unit: Unit): string[] {
  const hooks = writers.map(({ hook }) => hook);
  if (unit === "component" || unit === "layer") return hooks;
  return unit === "neuron" || unit === "full" ? hooks.slice(0, 2) : hooks.slice(-1);
}

function withoutLogits(model: Gpt2, cache: ActivationCache): ActivationCache {
  const names = cache.names.filter((name) => name !== "unembed.hook_out");
  const activations = new Map(names.map((name) => [name, cache.get(name)]));
  return new ActivationCache(model, cache.tokens, cache.positions, activations);
}
