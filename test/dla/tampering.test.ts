import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Attribution, directLogitAttribution, type Unit } from "../../src/dla/index.ts";
import { CheckError } from "../../src/errors.ts";
import { ActivationCache, type Gpt2, type HookName, modelFromWeights } from "../../src/model/index.ts";
import { directionOf, gpt2AndPrompt, randomWeights, weightsOf } from "../support/arbitraries.ts";
import { referenceAttribution } from "../support/reference.ts";
import { tinyConfig } from "../support/tinyModel.ts";
import { wordModel } from "./wordModel.ts";

const units: readonly Unit[] = ["component", "layer", "head", "neuron", "full", "source"];
const total = (unit: Unit, rows: ArrayLike<number>) =>
  unit === "layer" ? rows[rows.length - 1] : sum(Array.from(rows));
const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

/** A cache like another, one activation replaced. */
function replaced(cache: ActivationCache, name: string, data: Float32Array): ActivationCache {
  const { shape } = cache.get(name);
  const activations = new Map(cache.names.map((held) => [held, cache.get(held)]));
  return new ActivationCache(
    cache.model,
    cache.tokens,
    cache.positions,
    activations.set(name, { shape, data }),
  );
}

/** What replaces an activation: nothing, a multiple of it, or what it is on another prompt of the same length. */
type Tampering = "dropped" | "foreign" | { readonly scaledBy: number };

function tamper(kind: Tampering, own: Float32Array, foreign: Float32Array): Float32Array {
  if (kind === "dropped") return new Float32Array(own.length);
  return kind === "foreign" ? foreign : own.map((value) => value * kind.scaledBy);
}

const tampered = gpt2AndPrompt.chain(({ model, config, ids }) => {
  const token = fc.integer({ min: 0, max: config.dVocab - 1 });
  return fc
    .record({
      folded: fc.boolean(),
      unit: fc.constantFrom(...units),
      writer: fc.integer({ min: 0, max: model.writers.length - 1 }),
      other: fc.array(token, { minLength: ids.length, maxLength: ids.length }),
      answer: token,
      wrong: fc.option(token, { nil: undefined }),
      kind: fc.oneof(
        fc.constantFrom<Tampering>("dropped", "foreign"),
        // from a change that rounding hides to one that nothing does
        fc
          .tuple(fc.integer({ min: -30, max: 30 }), fc.constantFrom(1, -1))
          .map(([power, sign]) => ({ scaledBy: 1 + sign * 2 ** power })),
      ),
    })
    .map(({ folded, ...rest }) => ({
      model: folded ? model.enableCompatibilityMode() : model,
      ids,
      ...rest,
      [fc.toStringMethod]: () => JSON.stringify({ config, ids, folded, ...rest }),
    }));
});

describe("the check fails when a row is dropped, scaled or another prompt's", () => {
  test("as soon as that changes the sum by more than the bounds, and no sooner", () => {
    const seen = { thrown: 0, passed: 0 };
    fc.assert(
      fc.property(tampered, ({ model, ids, unit, writer, other, answer, wrong, kind }) => {
        const { hook, heads, neurons } = model.writers[writer];
        const values = heads?.attention && { hook: heads.attention.valueHook };
        const split = {
          component: undefined,
          layer: undefined,
          head: heads,
          neuron: neurons,
          full: heads ?? neurons,
          source: values,
          path: values,
        };
        const name = split[unit]?.hook ?? hook; // what the row is made of
        const { cache } = model.runWithCache(ids, { logits: "none" });
        const foreign = model.runWithCache(other, { logits: "none" }).cache;
        const forged = replaced(cache, name, tamper(kind, cache.get(name).data, foreign.get(name).data));

        const [was, is] = [cache, forged].map((from) => {
          const read = (hook: string) => {
            const { data } = from.get(hook);
            return data.subarray(data.length - data.length / ids.length);
          };
          const readAll = (hook: string) => from.get(hook).data;
          const pos = ids.length - 1;
          const weights = weightsOf(model);
          const direction = directionOf(model, answer, wrong);
          const asked = { config: model.config, read, readAll, pos, weights, answer, wrong, direction };
          const rows = (unit: Unit) => referenceAttribution({ ...asked, unit });
          return {
            sum: total(unit, rows(unit).rows),
            size: sum((["component", "full", "source"] as const).flatMap((unit) => rows(unit).magnitudes)),
          };
        });
        const moved = is.sum - was.sum;
        const noise = 2 ** -44 * (is.size + was.size); // float64's

        const before = check(model, ids, unit, answer, wrong, cache);
        const after = check(model, ids, unit, answer, wrong, forged);
        after.thrown ? seen.thrown++ : seen.passed++;
        expect(before.thrown).toBe(false);
        expect(Math.abs(after.rounding - (before.rounding - moved))).toBeLessThanOrEqual(noise);

        // Every write, forged or not, is in at most so many additions, each rounded by 2⁻²⁴ of what it adds up.
        const additions = model.writers.length + 1;
        const limit = additions * 2 ** -23 * (is.size + was.size);
        if (Math.abs(moved) > limit) expect(after.thrown, `moved by ${moved}, limit ${limit}`).toBe(true);

        // and what the bound has room for passes
        const room = after.roundingBound - Math.abs(before.rounding);
        if (Math.abs(moved) < room - noise)
          expect(after.thrown, `moved by ${moved}, room ${room}`).toBe(false);
      }),
      { numRuns: 1000 },
    );
    expect(Math.min(seen.thrown, seen.passed)).toBeGreaterThan(10);
  });

  /** The check's numbers, from the result or from the error that carries them. */
  function check(
    model: Gpt2,
    ids: number[],
    unit: Unit,
    answer: number,
    wrong: number | undefined,
    cache: ActivationCache,
  ) {
    const options = { unit, answer, ...(wrong !== undefined && { wrong }), cache, allowRawWeights: true };
    try {
      const [{ check }] = directLogitAttribution(model, ids, options).attributions;
      return { thrown: false, rounding: check.rounding, roundingBound: check.roundingBound };
    } catch (error) {
      expect(error).toBeInstanceOf(CheckError);
      const { message } = error as CheckError;
      expect(message).toContain(`directLogitAttribution: prompt 0, position ${ids.length - 1}: `);
      const [, rounding, roundingBound] = /rounding (\S+) \(expected at most (\S+)\)/.exec(message)!;
      return { thrown: true, rounding: Number(rounding), roundingBound: Number(roundingBound) };
    }
  }
});

const raw = wordModel();
const folded = raw.enableCompatibilityMode();
const ids = raw.toTokens("When Mary and John went to the store, John gave a drink to");
const answer = raw.toSingleToken(" Mary");
const wrong = raw.toSingleToken(" John");
const bend = (data: Float32Array) => {
  for (let i = 0; i < data.length; i++) data[i] += (i % 3) - 0.5;
};

/** Attributes a run with a hook that changes one activation in place; and what the run's own logits say. */
function hooked(model: Gpt2, unit: Unit, name: HookName, change: (data: Float32Array) => void) {
  const hooks = [[name, ({ data }: { data: Float32Array }) => change(data)]] as const;
  const { cache, logits } = model.runWithCache(ids, { hooks });
  const at = (ids.length - 1) * model.config.dVocab;
  return {
    logit: logits.data[at + answer] - logits.data[at + wrong],
    attribute: () =>
      directLogitAttribution(model, ids, { unit, answer, wrong, cache, allowRawWeights: true })
        .attributions[0],
  };
}

function expectSum({ scores, check }: Attribution, unit: Unit, logit: number): void {
  expect(Math.abs(total(unit, scores.data) + check.bias - logit)).toBeLessThanOrEqual(
    check.bound + check.roundingBound,
  );
}

describe.each([
  ["folded", folded],
  ["raw", raw],
])("a cache from a run with hooks, %s", (_, model) => {
  test.each([
    "blocks.0.hook_resid_pre",
    "blocks.0.hook_resid_mid",
    "blocks.0.hook_resid_post",
    "blocks.1.hook_resid_pre",
    "blocks.1.hook_resid_mid",
    "blocks.1.hook_resid_post",
    "ln_final.hook_normalized",
    "unembed.hook_in",
    "unembed.hook_out",
  ] as const)("that change %s, which nothing wrote: CheckError with the numbers", (name) => {
    for (const unit of units) {
      const { attribute } = hooked(model, unit, name, bend);
      expect(attribute).toThrow(CheckError);
      expect(attribute).toThrow(/rounding \S+ \(expected at most \S+\), error \S+ \(expected at most \S+\)/);
    }
  });

  test.each([
    "hook_embed",
    "hook_pos_embed",
    "blocks.0.hook_attn_out",
    "blocks.0.hook_mlp_out",
    "blocks.1.hook_attn_out",
    "blocks.1.hook_mlp_out",
    "blocks.0.attn.hook_z",
    "blocks.1.attn.hook_z",
    "blocks.1.attn.hook_pattern",
    "blocks.1.attn.hook_result",
    "blocks.1.mlp.hook_post",
    "ln_final.hook_scale",
  ] as const)("that change %s, which is a write or makes one: exact", (name) => {
    const untouched = folded.run(ids, { logits: "last" }).data;
    for (const unit of ["component", "layer"] as const) {
      const { attribute, logit } = hooked(model, unit, name, bend);
      expectSum(attribute(), unit, logit);
      expect(Math.abs(logit - (untouched[answer] - untouched[wrong]))).toBeGreaterThan(1e-3);
    }
  });

  test("of heads, a changed z is exact; what they did not write themselves is a CheckError", () => {
    for (const name of [
      "hook_embed",
      "blocks.0.attn.hook_z",
      "blocks.1.attn.hook_z",
      "blocks.1.hook_mlp_out",
    ] as const) {
      const { attribute, logit } = hooked(model, "head", name, bend);
      expectSum(attribute(), "head", logit);
    }
    for (const name of [
      "blocks.0.hook_attn_out",
      "blocks.1.hook_attn_out",
      "blocks.1.attn.hook_result",
    ] as const) {
      expect(hooked(model, "head", name, bend).attribute).toThrow(CheckError);
    }
  });

  test.each(units)("that write something uncentred, which no LayerNorm sees: unit %s is exact", (unit) => {
    const lift = (data: Float32Array) => {
      for (let i = 0; i < data.length; i++) data[i] += 5;
    };
    const plain = directLogitAttribution(model, ids, { unit, answer, wrong, allowRawWeights: true });
    for (const name of ["hook_embed", "blocks.1.hook_mlp_out"] as const) {
      const { attribute, logit } = hooked(model, unit, name, lift);
      const lifted = attribute();
      expectSum(lifted, unit, logit);
      lifted.scores.data.forEach((row, i) => {
        expect(row).toBeCloseTo(plain.attributions[0].scores.data[i], 4);
      });
    }
  });
});

test("a NaN or an infinity anywhere in what is added up fails the check", () => {
  for (const [name, value] of [
    ["blocks.1.hook_mlp_out", Number.NaN],
    ["blocks.1.hook_resid_post", Number.NaN],
    ["unembed.hook_in", Number.NaN],
    ["ln_final.hook_scale", Number.NaN],
    ["hook_embed", Number.POSITIVE_INFINITY],
    ["ln_final.hook_scale", 0],
  ] as const) {
    const { cache } = folded.runWithCache(ids, { logits: "none" });
    const forged = replaced(cache, name, cache.get(name).data.slice().fill(value));
    const attribute = () => directLogitAttribution(folded, ids, { answer, wrong, cache: forged });
    expect(attribute, `${name} ${value}`).toThrow(CheckError);
  }
});

test("an infinite logit, or bounds that are no bounds, fail the check too", () => {
  const huge = randomWeights(tinyConfig, 1);
  huge.lnFinal_b.fill(5);
  const W_U = huge.W_E.slice().fill(3e38, 0, tinyConfig.dModel);
  const overflowing = modelFromWeights(tinyConfig, { ...huge, W_U });
  expect(() =>
    directLogitAttribution(overflowing, [1, 2, 3], { answer: 0, wrong: 1, allowRawWeights: true }),
  ).toThrow(CheckError);
  const direction = new Float64Array(folded.config.dModel).fill(1e307);
  direction[0] = -1e307;
  expect(() => directLogitAttribution(folded, ids, { direction })).toThrow(CheckError);
});

test("every attribution is checked, not the first alone", () => {
  const { cache } = folded.runWithCache([ids, ids, ids], { logits: "none" });
  const name = "blocks.0.hook_mlp_out";
  const { dModel } = folded.config;
  for (const at of [0, ids.length + 4, 3 * ids.length - 1]) {
    const data = cache.get(name).data.slice();
    bend(data.subarray(at * dModel, (at + 1) * dModel));
    const forged = replaced(cache, name, data);
    const where = `prompt ${Math.floor(at / ids.length)}, position ${at % ids.length}: `;
    expect(() => directLogitAttribution(folded, undefined, { answer, pos: "all", cache: forged })).toThrow(
      where,
    );
  }
});
