import { afterEach, describe, expect, test, vi } from "vitest";
import { directLogitAttribution, type Unit } from "../../src/dla/index.ts";
import { type Gpt2, hookNames, hookShapes } from "../../src/model/index.ts";
import { tinyModel } from "../support/tinyModel.ts";

afterEach(() => vi.restoreAllMocks());

const nCtx = 40;
const config = { nLayers: 3, nHeads: 6, dModel: 12, dHead: 2, dMlp: 7, nCtx };
const ids = Array.from({ length: nCtx }, (_, i) => (5 * i) % 17);
const model = tinyModel({ config }).enableCompatibilityMode();
const gated = hookNames(1).filter((name) => /hook_(attn_in|[qkv]_input|result|mlp_in)$/.test(name)).length;

/** How many numbers the largest array has that a kernel reads or writes while `run` runs. */
function largestArray(of: Gpt2, run: () => unknown): number {
  const methods = Object.keys(of.kernels).filter(
    (name) => typeof of.kernels[name as "add"] === "function",
  ) as "add"[];
  const spies = methods.map((name) => vi.spyOn(of.kernels, name));
  run();
  const calls = spies.flatMap(({ mock }) => mock.calls as unknown[][]);
  expect(calls.length).toBeGreaterThan(0);
  vi.restoreAllMocks();
  const isArray = (value: unknown) => value instanceof Float32Array || value instanceof Float64Array;
  return Math.max(...calls.flat().map((value) => (isArray(value) ? value.length : 0)));
}

describe("B4: head rows at one position", () => {
  const everyHead = nCtx * config.nHeads * config.dModel;

  test.each<Unit>(["head", "full", "source"])("unit %s: nothing of [pos, head, dModel] is made", (unit) => {
    expect(largestArray(model, () => directLogitAttribution(model, ids, { unit, answer: 1 }))).toBeLessThan(
      everyHead,
    );
  });

  test("where the results themselves are asked for, it is seen", () => {
    const names = "blocks.0.attn.hook_result" as const;
    expect(largestArray(model, () => model.runWithCache(ids, { names, pos: -1 }))).toBe(everyHead);
  });

  test.each([[[-1]], [[3]], [[0, 7, -1]]])("at %j: as many rows are read as positions asked for", (pos) => {
    const project = vi.spyOn(model.kernels, "projectParts");
    directLogitAttribution(model, ids, { unit: "head", answer: 1, pos });
    const rows = project.mock.calls.map((call) => call[6]);
    expect(rows).toEqual(Array(config.nLayers).fill(pos.length));
  });
});

describe("B5: a run keeps", () => {
  test("without names each of TransformerLens's activations once, none of its aliases", () => {
    const { cache } = model.runWithCache(ids);
    const perBlock = Object.keys(hookShapes).filter((name) => name.startsWith("blocks.")).length;
    expect(cache.names).toHaveLength(6 + config.nLayers * (perBlock - gated));
    expect(new Set(cache.names).size).toBe(cache.names.length);
    for (const name of cache.names) expect(hookNames(config.nLayers)).toContain(name);
  });

  test("with names and positions these alone, in arrays of their own size", () => {
    const names = [
      "hook_embed",
      "blocks.1.attn.hook_pattern",
      "blocks.1.mlp.hook_post",
      "unembed.hook_in",
    ] as const;
    const { cache } = model.runWithCache(ids, { names, pos: [2, -1], logits: "none" });
    expect(cache.names).toEqual(names);
    const sizes = [config.dModel, config.nHeads * nCtx, config.dMlp, config.dModel];
    for (const [i, name] of names.entries()) {
      const { data } = cache.get(name);
      expect(data.length, name).toBe(2 * sizes[i]);
      expect(data.buffer.byteLength, `${name}: no view of more`).toBe(data.byteLength);
    }
  });

  test.each<[Unit, number]>([
    ["component", 0],
    ["layer", 0],
    ["head", config.nLayers * config.dModel],
    ["neuron", config.nLayers * config.dMlp],
    ["full", config.nLayers * (config.dModel + config.dMlp)],
  ])("for an attribution by %s what its rows and check read, at the position asked for", (unit, split) => {
    const run = vi.spyOn(model, "runWithCache");
    directLogitAttribution(model, ids, { unit, answer: 1 });
    expect(run).toHaveBeenCalledTimes(1);
    const { cache } = run.mock.results[0].value as ReturnType<Gpt2["runWithCache"]>;
    const kept = cache.names.map((name) => cache.get(name).data);
    // the writes, the final residual and the norm's output, and its scale; and what the unit divides them by
    const writes = (2 + 2 * config.nLayers) * config.dModel;
    const numbers = kept.reduce((sum, { length }) => sum + length, 0);
    expect(numbers).toBe(writes + 2 * config.dModel + 1 + split);
    expect(kept.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)).toBe(4 * numbers);
  });
});
