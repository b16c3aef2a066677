import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import {
  type Attribution,
  type AttributionResult,
  directLogitAttribution,
  mean,
  toJSON,
  top,
} from "../../src/dla/index.ts";
import { CheckError, ValueError } from "../../src/errors.ts";
import { ActivationCache, type HookName } from "../../src/model/index.ts";
import { toTable } from "../../src/report/index.ts";
import { prompt, randomGpt2 } from "../support/arbitraries.ts";
import { stubModel } from "../support/stubModel.ts";
import { wordModel } from "./wordModel.ts";

const raw = wordModel();
const folded = raw.enableCompatibilityMode();
const text = "When Mary and John went to the store, John gave a drink to";
const ids = raw.toTokens(text);
const asked = { answer: " Mary", wrong: " John", unit: "source" } as const;

/** The rows of a result with further axes, one list per label. */
function rowsOf({ scores }: Attribution): number[][] {
  const [labels, columns] = scores.shape;
  return Array.from({ length: labels }, (_, i) => [...scores.data.subarray(i * columns, (i + 1) * columns)]);
}

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

const drawn = randomGpt2.chain(({ model, config }) => {
  const token = fc.integer({ min: 0, max: config.dVocab - 1 });
  return fc
    .record({
      isFolded: fc.boolean(),
      prompts: fc.array(prompt(config), { minLength: 1, maxLength: 4 }),
      answer: token,
      wrong: token,
    })
    .map(({ isFolded, ...rest }) => ({
      model: isFolded ? model.enableCompatibilityMode() : model,
      ...rest,
      [fc.toStringMethod]: () => JSON.stringify({ config, isFolded, ...rest }),
    }));
});

test("a head's sources and its bias sum to the head, whatever the prompts' lengths; what is no head's is all bias", () => {
  fc.assert(
    fc.property(drawn, ({ model, prompts, answer, wrong }) => {
      const options = { answer, wrong, pos: "all", allowRawWeights: true } as const;
      const divided = directLogitAttribution(model, prompts, { ...options, unit: "source" });
      const whole = directLogitAttribution(model, prompts, { ...options, unit: "head" });
      expect(divided.axes).toEqual(["head", "source"]);
      expect(divided.labels).toEqual(whole.labels);
      for (const [i, attribution] of divided.attributions.entries()) {
        const { pos, scores, check, sources } = attribution;
        const head = whole.attributions[i];
        expect(scores.shape).toEqual([whole.labels.length, pos + 2]);
        const ownTokens = prompts[attribution.prompt].slice(0, pos + 1);
        expect(sources).toEqual([...ownTokens.map(String), "bias"]);
        // z is the values mixed and rounded, which the check counts
        const tolerance = check.roundingBound + head.check.roundingBound;
        for (const [k, row] of rowsOf(attribution).entries()) {
          expect(Math.abs(sum(row) - head.scores.data[k]), whole.labels[k]).toBeLessThanOrEqual(tolerance);
          if (/H/.test(whole.labels[k])) continue;
          expect(row.at(-1)).toBe(head.scores.data[k]);
          expect(row.slice(0, -1).every((value) => value === 0)).toBe(true);
        }
        if (!model.compatibilityMode) continue;
        for (const row of rowsOf(attribution).slice(0, -1)) expect(row.at(-1)).toBe(0);
      }
    }),
    { numRuns: 200 },
  );
});

test("with the rest of its layer, a head's sources are what attention wrote", () => {
  for (const model of [raw, folded]) {
    const options = { ...asked, allowRawWeights: true };
    const [sources] = directLogitAttribution(model, text, options).attributions;
    const [component] = directLogitAttribution(model, text, { ...options, unit: "component" }).attributions;
    const { nLayers, nHeads } = model.config;
    const attention = sum(Array.from({ length: nLayers }, (_, l) => component.scores.data[2 + 2 * l]));
    const biases = sum(
      model.writers.map(({ heads }) => {
        const w = model.unembedding.difference(raw.toSingleToken(" Mary"), raw.toSingleToken(" John")).column;
        const { gamma } = model.finalNorm;
        const u = Array.from(w, (value, i) => value * (gamma?.[i] ?? 1));
        const centre = sum(u) / u.length;
        return heads ? sum(u.map((value, i) => (value - centre) * heads.bias[i])) : 0;
      }),
    );
    const names = ["ln_final.hook_scale"] as const;
    const { cache } = model.runWithCache(text, { names, pos: -1, logits: "none" });
    const ofHeads = sum(
      rowsOf(sources)
        .slice(0, nLayers * nHeads)
        .flat(),
    );
    expect(ofHeads + biases / cache.get(names[0]).data[0]).toBeCloseTo(attention, 4);
  }
});

describe("what a run keeps", () => {
  test("the values at every position, all else where it is attributed", () => {
    const run = vi.spyOn(folded, "runWithCache");
    directLogitAttribution(folded, ids, asked);
    const { cache } = run.mock.results[0].value as { cache: ActivationCache };
    for (const name of cache.names) {
      const { shape } = cache.get(name);
      const isValue = name.endsWith("hook_v");
      expect(cache.positionsOf(name), name).toEqual(isValue ? [...ids.keys()] : [ids.length - 1]);
      expect(shape[name.endsWith("pattern") ? 2 : 1], name).toBe(isValue ? ids.length : 1);
    }
    run.mockRestore();
  });

  test("a given cache may hold the values alone at every position, and the others in any order", () => {
    const everyPos = (name: HookName) => name.endsWith("hook_v");
    const { cache } = folded.runWithCache([ids, ids.toReversed()], { pos: [5, 2, -1], everyPos });
    const options = { ...asked, pos: [2, -1, 5] };
    const want = directLogitAttribution(folded, [ids, ids.toReversed()], options).attributions;
    const got = directLogitAttribution(folded, undefined, { ...options, cache }).attributions;
    expect(got.map(({ scores }) => scores)).toEqual(want.map(({ scores }) => scores));
  });

  test("one that holds values at some is a ValueError that says how to ask for all", () => {
    const { cache } = folded.runWithCache(ids, { pos: [0, 2, 4] });
    const attribute = (pos: number) => directLogitAttribution(folded, ids, { ...asked, cache, pos });
    expect(() => attribute(4)).toThrow(ValueError);
    expect(() => attribute(4)).toThrow(
      'directLogitAttribution: cache: got a cache with "blocks.0.attn.hook_v", "blocks.1.attn.hook_v" at some positions, ' +
        "expected every position up to the last attributed one. Ask for these in runWithCache's everyPos, or leave pos out.",
    );
    expect(() => attribute(0)).not.toThrow(); // it read itself alone
  });
});

describe("models whose heads declare no attention", () => {
  const model = stubModel({ blocks: [{ type: "attn", writes: [{ name: "attn_out", heads: 2 }] }] });
  test("have no sources: ValueError before anything runs", () => {
    const attribute = () => directLogitAttribution(model, [1, 2], { answer: 3, unit: "source" });
    expect(attribute).toThrow(ValueError);
    expect(attribute).toThrow(
      'got unit "source", expected another, since no writer of this model has heads that declare their attention.',
    );
    expect(model.runs).toBe(0);
  });
});

describe.each([
  ["folded", folded],
  ["raw", raw],
])("the check, %s", (_, model) => {
  const options = { ...asked, allowRawWeights: true };
  const { cache } = model.runWithCache(ids, { logits: "none" });
  const at = ids.length - 1;

  /** Attributes with one number of an activation changed. */
  function forged(name: HookName, index: number, change: (value: number) => number) {
    const { shape, data } = cache.get(name);
    const activations = new Map(cache.names.map((held) => [held, cache.get(held)]));
    const changed = data.slice();
    changed[index] = change(changed[index]);
    activations.set(name, { shape, data: changed });
    const given = new ActivationCache(cache.model, cache.tokens, cache.positions, activations);
    return () => directLogitAttribution(model, ids, { ...options, cache: given });
  }

  test("catches a changed value and a changed entry of a pattern, of any source", () => {
    const { nHeads, dHead, nLayers } = model.config;
    for (let layer = 0; layer < nLayers; layer++) {
      for (const source of [0, 3, at]) {
        const value = (source * nHeads + 1) * dHead;
        const weight = (ids.length + at) * ids.length + source; // head 1
        expect(forged(`blocks.${layer}.attn.hook_v`, value, (v) => v + 3)).toThrow(CheckError);
        expect(forged(`blocks.${layer}.attn.hook_pattern`, weight, (v) => v + 0.3)).toThrow(CheckError);
        expect(
          forged(`blocks.${layer}.attn.hook_v`, value, (v) => Math.fround(v * (1 + 2 ** -23))),
        ).not.toThrow();
      }
      expect(forged(`blocks.${layer}.attn.hook_v`, 0, () => Number.NaN)).toThrow(CheckError);
    }
  });

  test("lets what is not read be anything", () => {
    const early = { ...options, pos: 4 };
    const { shape, data } = cache.get("blocks.0.attn.hook_v");
    const activations = new Map(cache.names.map((held) => [held, cache.get(held)]));
    activations.set("blocks.0.attn.hook_v", {
      shape,
      data: data.slice().fill(Number.NaN, (5 * data.length) / ids.length),
    });
    const given = new ActivationCache(cache.model, cache.tokens, cache.positions, activations);
    expect(directLogitAttribution(model, ids, { ...early, cache: given })).toEqual(
      directLogitAttribution(model, ids, { ...early, cache }),
    );
  });

  test("holds for a run whose pattern or values a hook changed, be the pattern's sum what it may", () => {
    for (const name of [
      "blocks.1.attn.hook_pattern",
      "blocks.1.attn.hook_v",
      "blocks.0.attn.hook_v",
    ] as const) {
      const bend = ({ data }: { data: Float32Array }) => {
        for (let i = 0; i < data.length; i++) data[i] *= i % 3;
      };
      const hooked = model.runWithCache(ids, { hooks: [[name, bend]], logits: "none" }).cache;
      const [source] = directLogitAttribution(model, ids, { ...options, cache: hooked }).attributions;
      const head = directLogitAttribution(model, ids, { ...options, cache: hooked, unit: "head" });
      rowsOf(source).forEach((row, k) => {
        expect(Math.abs(sum(row) - head.attributions[0].scores.data[k])).toBeLessThanOrEqual(
          source.check.roundingBound + head.attributions[0].check.roundingBound,
        );
      });
    }
    const bent = model.runWithCache(ids, {
      hooks: [["blocks.1.attn.hook_z", ({ data }) => void data.fill(1)]],
      logits: "none",
    }).cache;
    expect(() => directLogitAttribution(model, ids, { ...options, cache: bent })).toThrow(CheckError);
  });

  test("is as tight as a head's", () => {
    const [source] = directLogitAttribution(model, ids, options).attributions;
    const [head] = directLogitAttribution(model, ids, { ...options, unit: "head" }).attributions;
    expect(source.check.roundingBound).toBeLessThan(4 * head.check.roundingBound);
  });
});

describe("names, means and documents", () => {
  const result = directLogitAttribution(folded, text, asked);
  const several = directLogitAttribution(folded, text, { ...asked, pos: [3, 5] });
  const equallyLong = directLogitAttribution(folded, [text, text.replace("Mary", "John")], {
    ...asked,
    unit: "source",
  });

  test("top names the head and what it read, by token and position", () => {
    const [{ scores, sources }] = result.attributions;
    const columns = scores.shape[1];
    const named = top(result, scores.data.length);
    expect(new Set(named.map(({ label }) => label.replace(/^remainder ← .*/, "remainder"))).size).toBe(
      4 * columns + 1,
    );
    for (const { label, score } of named.slice(0, 10)) {
      const match = /^L(\d)H(\d) ← "(.*)"\((\d+)\)$/.exec(label);
      if (!match) continue;
      const [, layer, head, token, source] = match;
      expect(sources?.[Number(source)]).toBe(token);
      expect(scores.data[(2 * Number(layer) + Number(head)) * columns + Number(source)]).toBe(score);
    }
    expect(named.map(({ label }) => label)).toContain('L1H0 ← " Mary"(2)');
    expect(named.map(({ label }) => label)).toContain("remainder");
    expect(named.map(({ label }) => label)).toContain("L0H1 ← bias");
  });

  test("of prompts that differ there, by position alone", () => {
    const labels = top(equallyLong, 1000).map(({ label }) => label);
    expect(labels).toContain("L1H0 ← 2");
    expect(labels).toContain('L1H0 ← " and"(3)');
  });

  test("attributions of several shapes have no mean, those of one shape do", () => {
    expect(() => mean(several)).toThrow(ValueError);
    expect(() => mean(several)).toThrow(
      "mean: got scores of shapes [5, 5] and [5, 7], expected one shape. " +
        "Take the mean of attributions that have as many source positions.",
    );
    expect(() => top(several, 3)).toThrow(ValueError);
    expect(mean(equallyLong).scores.shape).toEqual(result.attributions[0].scores.shape);
  });

  test("a document has the scores nested by the axes, the sources, and no mean where there is none", () => {
    const document = toJSON(several);
    expect(document.axes).toEqual(["head", "source"]);
    expect(document.mean).toBeNull();
    several.attributions.forEach((attribution, i) => {
      expect(document.attributions[i].scores).toEqual(rowsOf(attribution));
      expect(document.attributions[i].sources).toEqual(attribution.sources);
      expect(attribution.sources).toHaveLength(attribution.pos + 2);
      expect(attribution.sources?.slice(0, 3)).toEqual(["<|endoftext|>", "When", " Mary"]);
    });
    expect(toJSON(equallyLong).mean?.scores).toHaveLength(5);
  });

  test("a table lists the greatest, and still adds up", () => {
    const table = toTable(result, { top: 2 });
    const { data } = result.attributions[0].scores;
    expect(table).toContain("by        source · ");
    expect(table).toContain(`${top(result, 2)[1].label} `);
    expect(table).toContain(`${data.filter((score) => score !== 0).length - 2} others`);
    const lines = (of: AttributionResult) => toTable(of).split("\n");
    expect(lines(result).filter((line) => / ← /.test(line))).not.toHaveLength(0);
    expect(lines(several).join()).not.toContain("mean");
    expect(lines(equallyLong).join()).toContain("mean      of 2 attributions");
  });
});
