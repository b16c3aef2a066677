import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Attributable, directLogitAttribution, erasures } from "../../src/dla/index.ts";
import { NotImplementedError, ValueError } from "../../src/errors.ts";
import { gpt2AndPrompt, weightsOf } from "../support/arbitraries.ts";
import { mapWeights } from "../support/reference.ts";
import { writeOf } from "../support/referenceLens.ts";
import { stubModel } from "../support/stubModel.ts";
import { tinyModel } from "../support/tinyModel.ts";

const ids = [3, 1, 4, 1, 5];

/** What may write and erase: with the sums of magnitudes that its elements were added up from, and which writer's it is. */
interface Part {
  readonly label: string;
  readonly write: readonly number[];
  readonly sizes: readonly number[];
  readonly stage: number;
}

/** Every pair of a part and a later writer's, whatever its share, with how far float64 may move it. */
function everyPair(parts: readonly Part[], components: readonly (readonly number[])[], centred: boolean) {
  const size = components[0].length;
  const meanOf = (of: readonly number[]) => of.reduce((a, b) => a + b, 0) / size;
  const seenOf = (c: readonly number[]) => c.map((value) => value - (centred ? meanOf(c) : 0));
  const bulkOf = (sizes: readonly number[]) => sizes.map((value) => value + (centred ? meanOf(sizes) : 0));
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  const off = 8 * (2 * size + components.length + 4) * 2 ** -53;
  return parts.flatMap((writer) => {
    const c = seenOf(writer.write);
    const bulk = bulkOf(writer.sizes);
    const square = dot(c, c);
    const noise = dot(bulk, bulk) / square;
    const ratio = (stream: readonly number[], streamBulk: readonly number[]) => {
      const value = dot(stream, c) / square;
      return { value, error: off * (dot(streamBulk, bulk) / square + Math.abs(value) * noise) };
    };
    const remaining = components.map((_, k) => {
      const total = (of: readonly (readonly number[])[]) =>
        of[0].map((_, i) => of.slice(0, k + 1).reduce((sum, c) => sum + c[i], 0));
      return ratio(total(components.map(seenOf)), total(components.map((c) => bulkOf(c.map(Math.abs)))));
    });
    return parts
      .filter(({ stage }) => stage > writer.stage)
      .map((eraser) => {
        const e = seenOf(eraser.write);
        const { value, error } = ratio(e, bulkOf(eraser.sizes));
        const cosine = dot(e, c) / Math.sqrt(square * dot(e, e));
        const visible = square / dot(writer.write, writer.write);
        return {
          writer: writer.label,
          eraser: eraser.label,
          share: -value,
          error,
          cosine,
          remaining,
          visible,
        };
      });
  });
}

/** That the erasures of one prompt are the reference's at every position. */
function expectErasures(
  model: Attributable,
  prompt: number[],
  answer: number,
  threshold: number,
  unit: "component" | "head" = "component",
  headsOf: (read: (hook: string) => Float32Array, layer: number) => Omit<Part, "stage">[] = () => [],
): void {
  const options = { answer, pos: "all", allowRawWeights: true } as const;
  const { labels, components, attributions, ...result } = erasures(model, prompt, {
    ...options,
    unit,
    threshold,
  });
  const rows = directLogitAttribution(model, prompt, { ...options, unit });
  const whole = directLogitAttribution(model, prompt, options);
  const pos = prompt.map((_, at) => at);
  const { cache } = model.runWithCache([prompt], { names: () => true, pos, logits: "none" });
  expect(labels).toEqual(rows.labels);
  expect(components).toEqual(model.writers.map(({ label }) => label));
  expect(result.unit).toBe(unit);
  for (const [at, { pairs, ...attribution }] of attributions.entries()) {
    expect(attribution).toEqual(rows.attributions[at]);
    const read = (hook: string) => {
      const { data } = cache.get(hook);
      return data.subarray((at * data.length) / pos.length, ((at + 1) * data.length) / pos.length);
    };
    const writes = model.writers.map(({ hook }) => [...read(hook)]);
    const parts = model.writers.flatMap(({ label, layer, heads }, stage): Part[] =>
      unit === "head" && heads
        ? headsOf(read, layer!).map((head) => ({ ...head, stage }))
        : [{ label, write: writes[stage], sizes: writes[stage].map(Math.abs), stage }],
    );
    const rowOf = (label: string) => {
      const of = label.startsWith("L") ? rows : whole;
      return of.attributions[at].scores.data[of.labels.indexOf(label)];
    };
    const every = everyPair(parts, writes, model.finalNorm.centred);
    for (const [i, pair] of pairs.entries()) {
      const name = `${pair.eraser} on ${pair.writer} at ${at}`;
      const want = every.find(({ writer, eraser }) => writer === pair.writer && eraser === pair.eraser)!;
      expect(Math.abs(pair.share - want.share), name).toBeLessThanOrEqual(want.error);
      expect(pair.share, name).toBeGreaterThanOrEqual(threshold);
      if (i > 0) expect(pairs[i - 1].share).toBeGreaterThanOrEqual(pair.share);
      expect(pair.cosine, name).toBeLessThanOrEqual(0);
      const cosineError = (want.error * Math.abs(want.cosine)) / Math.abs(want.share);
      expect(Math.abs(pair.cosine - want.cosine), name).toBeLessThanOrEqual(2 * cosineError + 2 ** -50);
      expect(pair.remaining).toHaveLength(components.length);
      for (const [k, { value, error }] of want.remaining.entries())
        expect(Math.abs(pair.remaining[k] - value), `${name} after ${k}`).toBeLessThanOrEqual(error);
      const [writer, eraser] = [rowOf(pair.writer), rowOf(pair.eraser)];
      expect(pair.scores).toEqual({ writer, eraser, net: writer + eraser });
    }
    // a write of which the norm sees less than float32 has is no write, give or take
    const due = every.filter(({ share, error, visible }) => share > threshold + error && visible > 1e-11);
    const found = new Set(pairs.map(({ writer, eraser }) => `${writer} ${eraser}`));
    for (const { writer, eraser } of due) expect(found).toContain(`${writer} ${eraser}`);
    expect(found.size).toBe(pairs.length);
  }
}

describe("erasures are the pairs found by writing all of them out", () => {
  test("of random GPT-2s, raw and folded", () => {
    const asked = fc.record({
      drawn: gpt2AndPrompt,
      token: fc.nat(),
      folded: fc.boolean(),
      threshold: fc.constantFrom(0, 0.1, 0.5),
    });
    fc.assert(
      fc.property(asked, ({ drawn: { model, config, ids }, token, folded, threshold }) => {
        const of = folded ? model.enableCompatibilityMode() : model;
        expectErasures(of, ids, token % config.dVocab, threshold);
      }),
      { numRuns: 150 },
    );
  });

  test("of random GPT-2s, between heads, and between these and embeddings and MLPs", () => {
    const asked = fc.record({
      drawn: gpt2AndPrompt,
      token: fc.nat(),
      folded: fc.boolean(),
      threshold: fc.constantFrom(0, 0.1, 0.5),
    });
    fc.assert(
      fc.property(asked, ({ drawn: { model, config, ids }, token, folded, threshold }) => {
        const of = folded ? model.enableCompatibilityMode() : model;
        const weights = weightsOf(of);
        const sizes = mapWeights(weights, (values) => Float64Array.from(values, Math.abs));
        expectErasures(of, ids, token % config.dVocab, threshold, "head", (read, layer) =>
          Array.from({ length: config.nHeads }, (_, head) => {
            const label = `L${layer}H${head}`;
            const magnitude = (hook: string) => read(hook).map(Math.abs);
            return {
              label,
              write: writeOf(config, weights, read, label),
              sizes: writeOf(config, sizes, magnitude, label),
            };
          }),
        );
      }),
      { numRuns: 100 },
    );
  });

  test.each(["layer", "rms"] as const)("of a model that is not GPT-2, norm %s", (norm) => {
    const block = { type: "attn+mlp", writes: [{ name: "attn_out", part: "attn" }, { name: "mlp_out" }] };
    expectErasures(stubModel({ blocks: [block, block], norm }), ids, 7, 0.1);

    const heads = { name: "attn_out", part: "attn", heads: 2 };
    const divided = { type: "attn+mlp", writes: [heads, { name: "mlp_out" }] };
    const model = stubModel({ blocks: [divided, divided], norm });
    expectErasures(model, ids, 7, 0, "head", (read, layer) => {
      const { hook, size, parts, bias, ...split } = model.writers.find((one) => one.layer === layer)!.heads!;
      return Array.from({ length: parts }, (_, head) => {
        const z = read(hook).map((value, i) => (Math.floor(i / size) === head ? value : 0));
        const { writes, magnitudes } = split.read(z, new Float64Array(bias.length));
        return {
          label: `L${layer}H${head}`,
          write: [...writes],
          sizes: [...magnitudes].map((v) => 1.01 * v),
        };
      });
    });
  });
});

/** A stub whose blocks write what they are told, through its cache. */
function told(writes: Record<string, readonly number[]>): Attributable {
  const block = { type: "attn+mlp", writes: [{ name: "attn_out", part: "attn" }, { name: "mlp_out" }] };
  const model = stubModel({ blocks: [block, block], affine: false });
  const labels = model.writers.map(({ label }) => label);
  const write = (label: string) => Float32Array.from(writes[label] ?? [0, 0, 0, 0, 0, 0]);
  const x = new Float32Array(6);
  for (const label of labels) for (const [i, value] of write(label).entries()) x[i] += value;
  const mean = x.reduce((sum, value) => sum + value, 0) / 6;
  const scale = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 6 + model.finalNorm.eps);
  const activations: Record<string, Float32Array> = {
    "final.hook_in": x,
    "final.hook_scale": Float32Array.of(scale),
    "final.hook_out": x.map((value) => (value - mean) / scale),
  };
  for (const { label, hook } of model.writers) activations[hook] = write(label);
  return {
    ...model,
    runWithCache: (input, { names, pos }) => ({
      cache: {
        model,
        tokens: input,
        positions: pos,
        has: names,
        get: (name) => ({ shape: [1, 1, activations[name].length], data: activations[name] }),
      },
    }),
  };
}

describe("examples", () => {
  const wave = [3, -1, 2, -4, 1, -1];
  const scaled = (by: number) => wave.map((value) => by * value);

  test("a write, three quarters of it taken back, and half of what was left", () => {
    const model = told({ embed: wave, "0_attn_out": scaled(-0.75), "1_mlp_out": scaled(-0.125) });
    const [{ pairs, scores }] = erasures(model, [1], { answer: 2 }).attributions;
    expect(pairs.map(({ writer, eraser, share }) => [writer, eraser, share])).toEqual([
      ["embed", "0_attn_out", 0.75],
      ["embed", "1_mlp_out", 0.125],
    ]);
    for (const { cosine, remaining, scores } of pairs) {
      expect(cosine).toBeCloseTo(-1, 14);
      expect([...remaining]).toEqual([1, 1, 0.25, 0.25, 0.25, 0.125]);
      expect(scores.net).toBeCloseTo(scores.writer + scores.eraser, 14);
    }
    // both rows are large and say opposite things, which is why the pair is shown
    expect(pairs[0].scores.writer).toBe(scores.data[0]);
    expect(pairs[0].scores.net).toBeCloseTo(scores.data[0] / 4, 12);
    expect(erasures(model, [1], { answer: 2, threshold: 0.2 }).attributions[0].pairs).toHaveLength(1);
  });

  test("only what is later erases, and only what goes against it", () => {
    const model = told({ embed: scaled(-0.5), "0_attn_out": wave, "1_mlp_out": wave });
    const [{ pairs }] = erasures(model, [1], { answer: 2 }).attributions;
    expect(pairs.map(({ writer, eraser, share }) => [writer, eraser, share])).toEqual([
      ["embed", "0_attn_out", 2],
      ["embed", "1_mlp_out", 2],
    ]);
    expect([...pairs[0].remaining]).toEqual([1, 1, -1, -1, -1, -3]);
  });

  test("a write of nothing, or of nothing but a mean and its rounding, has no pairs", () => {
    const constant = [0.1, 0.1, 0.1, 0.1, 0.1, Math.fround(0.1) + 2 ** -27];
    const model = told({ embed: constant, "0_attn_out": wave, "1_mlp_out": scaled(-0.01) });
    const [{ pairs }] = erasures(model, [1], { answer: 2, threshold: 0 }).attributions;
    const named = new Set(pairs.flatMap(({ writer, eraser }) => [writer, eraser]));
    expect(named).toEqual(new Set(["0_attn_out", "1_mlp_out"]));
  });
});

describe("the options", () => {
  const model = tinyModel().enableCompatibilityMode();

  test.each([-0.1, Number.NaN, Number.POSITIVE_INFINITY])("threshold %s is a ValueError", (threshold) => {
    const run = () => erasures(model, ids, { answer: 1, threshold });
    expect(run).toThrow(ValueError);
    expect(run).toThrow(
      `erasures: got threshold ${threshold}, expected a number from 0. Give the least share of a write that is to be taken back.`,
    );
  });

  test.each(["neuron", "layer", "heads", null])("unit %j is a ValueError, before anything runs", (unit) => {
    const stub = stubModel({ blocks: [] });
    const run = () => erasures(stub, ids, { answer: 1, unit: unit as "head" });
    expect(run).toThrow(ValueError);
    expect(run).toThrow(
      `erasures: got unit ${JSON.stringify(unit)}, expected "component" or "head". Give one of them.`,
    );
    expect(stub.runs).toBe(0);
    const headless = () => erasures(stub, ids, { answer: 1, unit: "head" });
    expect(headless).toThrow(
      'erasures: got unit "head", expected another, since no writer of this model has heads.',
    );
  });

  test("are attribution's, with its errors under this name", () => {
    expect(() => erasures(model, ids)).toThrow("erasures: got no answer");
    const mamba = stubModel({ blocks: [{ type: "mamba", writes: [] }] });
    expect(() => erasures(mamba, ids, { answer: 1 })).toThrow(NotImplementedError);
    expect(() => erasures(tinyModel(), ids, { answer: 1 })).toThrow(
      /erasures: got a model with its weights as trained/,
    );
  });

  test("prompts of several lengths give what each gives alone, in order; so does a cache", () => {
    const prompts = [ids, [2, 7], ids.toReversed(), [5]];
    for (const unit of ["component", "head"] as const) {
      const options = { answer: 1, wrong: 2, threshold: 0, unit } as const;
      const { attributions } = erasures(model, prompts, options);
      for (const [i, prompt] of prompts.entries()) {
        const [alone] = erasures(model, prompt, options).attributions;
        expect(attributions[i]).toEqual({ ...alone, prompt: i });
        const { cache } = model.runWithCache(prompt);
        const [cached] = erasures(model, undefined, { ...options, cache }).attributions;
        expect(cached.pairs).toEqual(alone.pairs);
      }
    }
  });
});
