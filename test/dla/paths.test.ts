import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { type Attribution, directLogitAttribution, toJSON, top } from "../../src/dla/index.ts";
import { CheckError } from "../../src/errors.ts";
import { ActivationCache, type HookName } from "../../src/model/index.ts";
import { toTable } from "../../src/report/index.ts";
import { prompt, randomGpt2 } from "../support/arbitraries.ts";
import { wordModel } from "./wordModel.ts";

const raw = wordModel();
const folded = raw.enableCompatibilityMode();
const ids = raw.toTokens("When Mary and John went to the store, John gave a drink to");
const asked = { answer: " Mary", wrong: " John", unit: "path" } as const;
const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

/** The rows of a result by label and source, each a list by writer. */
function pathsOf({ scores }: Attribution): number[][] {
  const [labels, columns, depth] = scores.shape;
  return Array.from({ length: labels * columns }, (_, i) => [
    ...scores.data.subarray(i * depth, (i + 1) * depth),
  ]);
}

const drawn = randomGpt2.chain(({ model, config }) => {
  const token = fc.integer({ min: 0, max: config.dVocab - 1 });
  return fc
    .record({
      isFolded: fc.boolean(),
      prompts: fc.array(prompt(config), { minLength: 1, maxLength: 3 }),
      answer: token,
      wrong: token,
    })
    .map(({ isFolded, ...rest }) => ({
      model: isFolded ? model.enableCompatibilityMode() : model,
      ...rest,
      [fc.toStringMethod]: () => JSON.stringify({ config, isFolded, ...rest }),
    }));
});

test("paths sum to their source, whatever the prompts' lengths; a head reads only what was written before it", () => {
  fc.assert(
    fc.property(drawn, ({ model, prompts, answer, wrong }) => {
      const options = { answer, wrong, pos: "all", allowRawWeights: true } as const;
      const divided = directLogitAttribution(model, prompts, { ...options, unit: "path" });
      const whole = directLogitAttribution(model, prompts, { ...options, unit: "source" });
      const labels = model.writers.map(({ label }) => label);
      expect(divided.axes).toEqual(["head", "source", "writer"]);
      expect(divided.writers).toEqual([...labels, "rounding", "bias"]);
      expect(divided.labels).toEqual(whole.labels);
      for (const [i, attribution] of divided.attributions.entries()) {
        const { pos, scores, sources } = attribution;
        const source = whole.attributions[i];
        expect(scores.shape).toEqual([whole.labels.length, pos + 2, labels.length + 2]);
        expect(sources).toEqual(source.sources);
        for (const [k, row] of pathsOf(attribution).entries()) {
          const size = sum(row.map(Math.abs));
          expect(Math.abs(sum(row) - source.scores.data[k])).toBeLessThanOrEqual(2 ** -48 * size);
          const isBias = (k + 1) % (pos + 2) === 0;
          const layer = /^L(\d+)H/.exec(divided.labels[Math.floor(k / (pos + 2))])?.[1];
          if (isBias || layer === undefined) {
            expect(row.slice(0, -1).every((value) => value === 0)).toBe(true);
          } else {
            expect(row.at(-1)).toBe(0);
            expect(row.slice(2 + 2 * Number(layer), -2).every((value) => value === 0)).toBe(true);
          }
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("what float32 lost is small beside what was written", () => {
  for (const model of [raw, folded]) {
    const [attribution] = directLogitAttribution(model, ids, {
      ...asked,
      allowRawWeights: true,
    }).attributions;
    for (const row of pathsOf(attribution)) {
      expect(Math.abs(row.at(-2)!)).toBeLessThanOrEqual(2 ** -18 * sum(row.map(Math.abs)));
    }
  }
});

test("a run keeps at every position what is read there, and of the last block its values alone", () => {
  const run = vi.spyOn(folded, "runWithCache");
  directLogitAttribution(folded, ids, asked);
  const { cache } = run.mock.results[0].value as { cache: ActivationCache };
  const every = cache.names.filter((name) => cache.positionsOf(name).length === ids.length);
  expect(every).toEqual([
    ...["hook_embed", "hook_pos_embed", "blocks.0.ln1.hook_scale", "blocks.0.attn.hook_v"],
    ...["blocks.0.hook_attn_out", "blocks.0.hook_mlp_out", "blocks.1.ln1.hook_scale", "blocks.1.attn.hook_v"],
  ]);
  run.mockRestore();
});

describe.each([
  ["folded", folded],
  ["raw", raw],
])("the check, %s", (_, model) => {
  const options = { ...asked, allowRawWeights: true };
  const { cache } = model.runWithCache(ids, { logits: "none" });

  /** Attributes with an activation changed at one position. */
  function forged(name: HookName, pos: number, change: (value: number, i: number) => number) {
    const { shape, data } = cache.get(name);
    const activations = new Map(cache.names.map((held) => [held, cache.get(held)]));
    const changed = data.slice();
    const row = changed.subarray((pos * data.length) / ids.length, ((pos + 1) * data.length) / ids.length);
    row.set(row.map(change));
    activations.set(name, { shape, data: changed });
    const given = new ActivationCache(cache.model, cache.tokens, cache.positions, activations);
    return () => directLogitAttribution(model, ids, { ...options, cache: given });
  }

  test("catches what was not written where it says: a write or a scale of any source", () => {
    for (const pos of [0, 2, ids.length - 1]) {
      for (const name of [
        ...(["hook_embed", "hook_pos_embed", "blocks.0.hook_attn_out", "blocks.0.hook_mlp_out"] as const),
        ...(["blocks.0.ln1.hook_scale", "blocks.1.ln1.hook_scale"] as const),
      ]) {
        expect(
          forged(name, pos, (value) => 2 * value),
          `${name} ${pos}`,
        ).toThrow(CheckError);
        expect(
          forged(name, pos, () => Number.NaN),
          `${name} ${pos} NaN`,
        ).toThrow(CheckError);
      }
      // a hundredth part of one write
      expect(forged("blocks.0.hook_mlp_out", pos, (value) => 1.01 * value)).toThrow(CheckError);
    }
  });

  test("and a hook between the residual stream and what reads it", () => {
    for (const name of [
      "blocks.1.hook_resid_pre",
      "blocks.1.hook_v_input",
      "blocks.1.ln1.hook_normalized",
    ] as const) {
      const bend = ({ data }: { data: Float32Array }) => {
        for (let i = 0; i < data.length; i++) data[i] += (i % 3) - 0.5;
      };
      const hooked = model.runWithCache(ids, { hooks: [[name, bend]], logits: "none" }).cache;
      expect(() => directLogitAttribution(model, ids, { ...options, cache: hooked }), name).toThrow(
        CheckError,
      );
    }
  });

  test("holds where a hook changed a write, a pattern or a scale, which the run goes on with", () => {
    for (const name of [
      "hook_embed",
      "blocks.0.hook_mlp_out",
      "blocks.1.attn.hook_pattern",
      "blocks.1.ln1.hook_scale",
    ] as const) {
      const bend = ({ data }: { data: Float32Array }) => {
        for (let i = 0; i < data.length; i++) data[i] *= 1 + (i % 3);
      };
      const hooked = model.runWithCache(ids, { hooks: [[name, bend]], logits: "none" }).cache;
      const { attributions } = directLogitAttribution(model, ids, { ...options, cache: hooked });
      const source = directLogitAttribution(model, ids, { ...options, cache: hooked, unit: "source" });
      pathsOf(attributions[0]).forEach((row, k) => {
        const size = sum(row.map(Math.abs));
        expect(Math.abs(sum(row) - source.attributions[0].scores.data[k])).toBeLessThanOrEqual(
          2 ** -48 * size,
        );
      });
    }
  });
});

test("names and documents have all three axes", () => {
  const result = directLogitAttribution(folded, ids, asked);
  const [attribution] = result.attributions;
  const [label] = top(result, 50).flatMap((row) => (row.label.startsWith("L") ? row.label : []));
  const [, layer, head, source, writer] = /^L(\d)H(\d) ← ".*"\((\d+)\) ← (\w+)$/.exec(label)!;
  const [, columns, depth] = attribution.scores.shape;
  const index =
    ((2 * Number(layer) + Number(head)) * columns + Number(source)) * depth + result.writers!.indexOf(writer);
  const most = Math.max(...attribution.scores.data.subarray(0, -1).map(Math.abs)); // the last is the remainder
  expect(Math.abs(attribution.scores.data[index])).toBe(most);
  const document = toJSON(result);
  expect(document.writers).toEqual(result.writers);
  expect((document.attributions[0].scores as number[][][]).flat()).toEqual(pathsOf(attribution));
  expect(toTable(result, { top: 3 })).toContain(label);
});
