import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Attributable, directLogitAttribution, mean, toJSON, top } from "../../src/dla/index.ts";
import { ValueError } from "../../src/errors.ts";
import {
  type Gpt2,
  type LinearSplit,
  modelFromWeights,
  type ResidualWriter,
  throughNorm,
} from "../../src/model/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { directionOf, gpt2AndPrompt, randomModel, weightsOf } from "../support/arbitraries.ts";
import { backends } from "../support/backends.ts";
import { expectSameBytes } from "../support/bits.ts";
import { referenceAttribution, referenceLogit } from "../support/reference.ts";
import { stubModel } from "../support/stubModel.ts";
import { tinyConfig, tinyModel } from "../support/tinyModel.ts";

const ids = [3, 1, 4, 1, 5];
const units = ["component", "head", "neuron", "full"] as const;

/** The logit when `write` is taken out of x, by running the norm on what is left, less the logit; the norm's `beta` cancels. */
function bruteForce(
  x: readonly number[],
  write: readonly number[],
  norm: Gpt2["finalNorm"],
  w: ArrayLike<number>,
) {
  const rest = x.map((value, i) => value - write[i]);
  const sizes = x.map((value, i) => Math.abs(value) + Math.abs(write[i]));
  const [before, after] = [x, rest].map((stream) => referenceLogit(stream, norm, w, sizes));
  return { change: after.logit - before.logit, error: before.error + after.error };
}

describe("leaveOneOut is what removing a row's write from the captured final residual and running the norm anew changes", () => {
  test("raw and folded, by every unit of parts, near-constant residuals among them", () => {
    const asked = gpt2AndPrompt.chain((drawn) => {
      const token = fc.nat(drawn.config.dVocab - 1);
      const unit = fc.constantFrom(...units);
      return fc
        .record({ folded: fc.boolean(), unit, answer: token, wrong: fc.option(token, { nil: undefined }) })
        .map((options) => ({ ...drawn, ...options }));
    });
    fc.assert(
      fc.property(asked, ({ model: raw, config, ids, folded, unit, answer, wrong }) => {
        const model = folded ? raw.enableCompatibilityMode() : raw;
        const options = { unit, answer, wrong, pos: "all", allowRawWeights: true } as const;
        const result = directLogitAttribution(model, ids, { ...options, leaveOneOut: true });
        const { cache } = model.runWithCache(ids, { logits: "none" });
        const weights = weightsOf(model);
        const w = Float64Array.from(
          directionOf(model, answer, wrong) ?? model.unembedding.token(answer).column,
        );
        for (const { pos, scores, leaveOneOut } of result.attributions) {
          const read = (hook: string) => {
            const { data } = cache.get(hook);
            return data.subarray((pos * data.length) / ids.length, ((pos + 1) * data.length) / ids.length);
          };
          const reference = { config, unit, read, weights, answer, wrong, direction: w, betaRow: !folded };
          const { labels, writes } = referenceAttribution(reference);
          const x = [...read(model.finalNorm.inputHook)];
          expect(leaveOneOut!.shape).toEqual(scores.shape);
          for (const [row, label] of labels.entries()) {
            const { change, error } = bruteForce(x, writes[row], model.finalNorm, w);
            const want = label === "beta" ? -scores.data[row] : change;
            expect(Math.abs(leaveOneOut!.data[row] - want), label).toBeLessThanOrEqual(error);
          }
        }
        // and it changes nothing else
        const without = directLogitAttribution(model, ids, options);
        expect(result.attributions.map(({ leaveOneOut, ...rest }) => rest)).toEqual(without.attributions);
      }),
      { numRuns: 150 },
    );
  });

  const attention = { name: "attn_out", part: "attn", heads: 2 };
  test.each([
    ["LayerNorm", {}],
    ["RMSNorm, which does not centre", { norm: "rms" }],
    ["RMSNorm without gamma", { norm: "rms", affine: false }],
    ["RMSNorm, weights as trained", { norm: "rms", compatibilityMode: false }],
    ["LayerNorm, weights as trained", { compatibilityMode: false }],
  ] as const)("of a model that is not GPT-2: %s", (_, options) => {
    const stub = stubModel({
      blocks: Array(2).fill({ type: "attn+mlp", writes: [attention, { name: "mlp_out" }] }),
      ...options,
    });
    // what divides into two heads of two divides into four neurons
    const neuronsOf = ({ heads }: ResidualWriter) =>
      heads && { ...heads, parts: heads.parts * heads.size, size: 1 };
    const divided = stub.writers.map((writer) => {
      const neurons = neuronsOf(writer);
      return neurons ? { ...writer, neurons: { ...neurons, read: readOne(neurons) } } : writer;
    });
    const model = { ...stub, writers: divided };
    const w = Float64Array.from(model.unembedding.difference(7, 10).column);
    for (const unit of ["component", "head", "neuron"] as const) {
      const asked = { answer: 7, wrong: 10, unit, leaveOneOut: true, allowRawWeights: true } as const;
      const { labels, attributions } = directLogitAttribution(model, ids, asked);
      const [{ scores, leaveOneOut }] = attributions;
      const { x, writes } = written(model, unit);
      expect(labels.slice(0, writes.length)).toHaveLength(writes.length);
      for (const [row, write] of writes.entries()) {
        const { change, error } = bruteForce(x, write, model.finalNorm, w);
        expect(Math.abs(leaveOneOut!.data[row] - change), labels[row]).toBeLessThanOrEqual(error);
        expect(error).toBeLessThan(1e-9 * (1 + Math.abs(change)));
      }
      if (labels.at(-1) === "beta") expect(leaveOneOut!.data.at(-1)).toBe(0 - scores.data.at(-1)!);
      expect(labels).toHaveLength(writes.length + (labels.at(-1) === "beta" ? 1 : 0));
    }
  });
});

/** A split's reading part by part, written out. */
function readOne({ parts, size, weights }: LinearSplit): LinearSplit["read"] {
  return (activations, directions) => {
    const W = weights();
    const inner = parts * size;
    const dModel = W.length / inner;
    const rows = activations.length / inner;
    const scores = new Float64Array(rows * parts);
    const writes = new Float64Array(rows * dModel);
    const magnitudes = new Float32Array(rows * dModel);
    for (let r = 0; r < rows; r++) {
      for (let k = 0; k < inner; k++) {
        for (let i = 0; i < dModel; i++) {
          const product = activations[r * inner + k] * W[k * dModel + i];
          scores[r * parts + Math.floor(k / size)] += product * directions[r * dModel + i];
          writes[r * dModel + i] += product;
          magnitudes[r * dModel + i] += Math.abs(product);
        }
      }
    }
    return { scores, writes, magnitudes };
  };
}

/** The stub's final residual at the last position, and what the rows of a unit read of it. */
function written(
  model: Attributable,
  unit: "component" | "head" | "neuron",
): { x: number[]; writes: number[][] } {
  const { cache } = model.runWithCache([ids], { names: () => true, pos: [4], logits: "none" });
  const read = (hook: string) => [...cache.get(hook).data];
  const x = read(model.finalNorm.inputHook);
  if (unit === "component") return { x, writes: model.writers.map(({ hook }) => read(hook)) };
  const writes: number[][] = [];
  const remainder = x.map(() => 0);
  for (const { hook, ...splits } of model.writers) {
    const split = splits[unit === "head" ? "heads" : "neurons"];
    const kept = split ? [...split.bias] : read(hook);
    for (const [i, value] of kept.entries()) remainder[i] += value;
    if (!split) continue;
    for (let part = 0; part < split.parts; part++) {
      // a part alone is what the layer writes when the others are zero
      const own = (_: number, i: number) => Math.floor(i / split.size) === part;
      const z = Float32Array.from(read(split.hook), (value, i) => (own(value, i) ? value : 0));
      writes.push([...split.read(z, new Float64Array(x.length)).writes]);
    }
  }
  return { x, writes: [...writes, remainder] };
}

/** A model whose writers are `writes` at every token: one block, of which attention and MLP write biases alone. */
function writing(writes: Record<"embed" | "attn" | "mlp", (i: number) => number>): Gpt2 {
  const { config, weights } = randomModel({ ...tinyConfig, nLayers: 1, tieWordEmbeddings: false }, 3);
  const fill = (into: Float32Array, of: (i: number) => number) =>
    into.set(into.map((_, i) => of(i % config.dModel)));
  const [block] = weights.blocks;
  fill(weights.W_E, writes.embed);
  for (const W of [weights.W_pos, block.W_O, block.W_out]) W.fill(0);
  fill(block.b_O, writes.attn);
  fill(block.b_out, writes.mlp);
  return modelFromWeights(config, weights);
}

test("a run whose scale a hook changed attributes by that scale, and has no norm to compute anew", () => {
  const model = tinyModel();
  const cacheOf = (factor: number) => {
    const scaled = ({ data }: Tensor) => {
      for (let i = 0; i < data.length; i++) data[i] *= factor;
    };
    return model.runWithCache(ids, { hooks: [["ln_final.hook_scale", scaled]] }).cache;
  };
  const asked = (factor: number, options: object) =>
    directLogitAttribution(model, undefined, {
      ...{ cache: cacheOf(factor), answer: 1, wrong: 2, allowRawWeights: true },
      ...options,
    });
  expect(() => asked(1, { leaveOneOut: true })).not.toThrow();
  expect(() => asked(1 + 2 ** -16, {})).not.toThrow();
  expect(() => asked(1 + 2 ** -16, { leaveOneOut: true })).toThrow(
    /position 4: got scale .* in ln_final.hook_scale, expected .* within .*hook_resid_post with eps/,
  );
});

describe("where the scale changes most", () => {
  const wave = (i: number) => Math.cos(1.7 * i);

  test("a component that is the whole residual takes all of the logit with it, the others' rows with theirs", () => {
    const model = writing({ embed: wave, attn: () => 0, mlp: () => 0 });
    const options = { answer: 1, wrong: 2, leaveOneOut: true, allowRawWeights: true };
    const [{ scores, leaveOneOut }] = directLogitAttribution(model, ids, options).attributions;
    // without it nothing is left to read, √eps or not; frozen and anew differ by the scale's float32 alone
    expect(leaveOneOut!.data[0]).toBeCloseTo(-scores.data[0], 5);
    expect([...leaveOneOut!.data.subarray(1, 4)]).toEqual([0, 0, 0]);

    // nor where nothing is added to the variance of nothing; of what is so large, eps is below the scale's rounding
    const large = writing({ embed: (i) => 1e6 * wave(i), attn: () => 0, mlp: () => 0 });
    const bare = Object.create(large, { finalNorm: { value: { ...large.finalNorm, eps: 0 } } });
    const [sharp] = directLogitAttribution(bare, ids, options).attributions;
    expect(sharp.leaveOneOut!.data[0]).toBeCloseTo(-sharp.scores.data[0], 5);
  });

  test("without one that dominates, the rest is read at its own scale", () => {
    const model = writing({ embed: (i) => 1000 * wave(i), attn: (i) => 1e-3 * wave(i + 4), mlp: () => 0 });
    const options = { answer: 1, wrong: 2, leaveOneOut: true, allowRawWeights: true };
    const [{ scores, leaveOneOut }] = directLogitAttribution(model, ids, options).attributions;
    const [embed] = scores.data;
    // the attention's own row is a millionth; without the embedding it is all, at a thousandth's scale
    expect(Math.abs(scores.data[2])).toBeLessThan(1e-5 * Math.abs(embed));
    expect(Math.abs(leaveOneOut!.data[0] + embed)).toBeGreaterThan(0.1);
    const x = Array.from({ length: tinyConfig.dModel }, (_, i) => Math.fround(1000 * wave(i)));
    const own = Array.from(x, (value, i) => Math.fround(value + Math.fround(1e-3 * wave(i + 4))));
    const w = model.unembedding.difference(1, 2).column;
    const { change, error } = bruteForce(own, x, model.finalNorm, w);
    expect(error).toBeLessThan(1e-4);
    expect(Math.abs(leaveOneOut!.data[0] - change)).toBeLessThanOrEqual(error);
  });

  test("a neuron that writes all, nearly all or far more than all of the residual, and one that writes a trillionth", () => {
    for (const rest of [0, 1e-6, 1e-3, 0.3]) {
      for (const power of [1e-12, 1, 1e6]) {
        const { config, weights } = randomModel({ ...tinyConfig, nLayers: 1, tieWordEmbeddings: false }, 3);
        const [block] = weights.blocks;
        for (const W of [weights.W_E, weights.W_pos, block.W_O, block.b_O, block.W_in, block.W_out])
          W.fill(0);
        block.b_in.set([0.5, 0.7, -0.3]);
        block.b_out.set(block.b_out.map((_, i) => rest * wave(i + 4) || 0));
        // a mean that the norm does not see, far greater than what it does
        for (const n of [0, 1])
          for (let i = 0; i < config.dModel; i++)
            block.W_out[n * config.dModel + i] = (n === 0 ? power : 1e-12) * wave(i) + (n === 0 ? 0 : 10);
        const model = modelFromWeights(config, weights);
        const { cache } = model.runWithCache(ids, { pos: -1, logits: "none" });
        const x = [...cache.get(model.finalNorm.inputHook).data];
        const post = cache.get("blocks.0.mlp.hook_post").data;
        const options = {
          answer: 1,
          wrong: 2,
          leaveOneOut: true,
          allowRawWeights: true,
          unit: "neuron",
        } as const;
        const [{ leaveOneOut }] = directLogitAttribution(model, ids, options).attributions;
        const w = model.unembedding.difference(1, 2).column;
        for (const n of [0, 1, 2]) {
          const write = x.map((_, i) => post[n] * block.W_out[n * config.dModel + i]);
          const { change, error } = bruteForce(x, write, model.finalNorm, w);
          const at = `neuron ${n}, power ${power}, rest ${rest}`;
          expect(Math.abs(leaveOneOut!.data[n] - change), at).toBeLessThanOrEqual(error);
        }
        expect(leaveOneOut!.data[2]).toBe(0);
        if (power > 1e-12 || rest < 0.3) continue;
        // of so small a write twelve digits and more are lost in a difference of logits; to first order it is this
        const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
        const variance =
          x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length + model.finalNorm.eps;
        const c = x.map((_, i) => post[0] * block.W_out[i]);
        const dot = (a: ArrayLike<number>) => c.reduce((sum, value, i) => sum + a[i] * value, 0);
        const u = throughNorm(model.finalNorm, Float64Array.from(w));
        const logit = u.reduce((sum, value, i) => sum + value * x[i], 0);
        const slope = dot(u) - (logit * dot(x.map((value) => value - mean))) / (x.length * variance);
        const want = -slope / Math.sqrt(variance);
        expect(Math.abs(leaveOneOut!.data[0] / want - 1)).toBeLessThan(1e-9);
      }
    }
  });

  test("what the scale adds: (L − a)(σ/σ₋ − 1), with a sign of its own", () => {
    // removing a write of the opposite sign makes the residual larger, so all that is left counts less
    const model = writing({ embed: wave, attn: (i) => -0.5 * wave(i), mlp: () => 0 });
    const options = { answer: 1, wrong: 2, leaveOneOut: true, allowRawWeights: true };
    const [{ scores, leaveOneOut }] = directLogitAttribution(model, ids, options).attributions;
    // x = wave/2, x − c = wave: the same direction, so but for eps the logit stays, though the row is −L
    expect(scores.data[2]).toBeCloseTo(-scores.data[0] / 2, 4);
    expect(Math.abs(leaveOneOut!.data[2])).toBeLessThan(1e-3 * Math.abs(scores.data[2]));
  });
});

test.each(backends)(
  "the weights that heads are made with are the model's own on every backend: %s",
  async (_, make) => {
    const kernels = await make();
    const { config, weights } = randomModel({ ...tinyConfig, nHeads: 5, dHead: 7, dModel: 35 }, 5);
    const model = modelFromWeights(config, weights, { kernels });
    const [read] = model.writers.flatMap(({ heads }) => heads ?? []);
    expectSameBytes(read.weights(), Float32Array.from(weights.blocks[0].W_O), "W_O");
    kernels.dispose();
  },
);

describe("the option", () => {
  const model = tinyModel().enableCompatibilityMode();
  const options = { answer: 1, wrong: 2, leaveOneOut: true } as const;

  test("is refused for running residuals, before anything runs", () => {
    const stub = stubModel({ blocks: [] });
    const attribute = () => directLogitAttribution(stub, ids, { ...options, unit: "layer" });
    expect(attribute).toThrow(ValueError);
    expect(attribute).toThrow(
      'directLogitAttribution: got leaveOneOut with unit "layer", expected unit "component", "head", "neuron" or "full"; ' +
        "a running residual holds all that came before, so none of its rows can be out. Leave the option out.",
    );
    expect(stub.runs).toBe(0);
  });

  test.each(["source", "path"] as const)(
    "is refused for unit %s, whose rows are parts of what a head reads",
    (unit) => {
      expect(() => directLogitAttribution(model, ids, { ...options, unit })).toThrow(
        `directLogitAttribution: got leaveOneOut with unit "${unit}", expected unit "component", "head", "neuron" or "full". Leave the option out.`,
      );
    },
  );

  test("gives a batch the numbers of its prompts alone, and of a cache", () => {
    const prompts = [ids, [2, 7], ids.toReversed()];
    for (const unit of units) {
      const together = directLogitAttribution(model, prompts, { ...options, unit }).attributions;
      for (const [i, prompt] of prompts.entries()) {
        const [alone] = directLogitAttribution(model, prompt, { ...options, unit }).attributions;
        expect(together[i].leaveOneOut).toEqual(alone.leaveOneOut);
        const { cache } = model.runWithCache(prompt);
        const [cached] = directLogitAttribution(model, undefined, { ...options, unit, cache }).attributions;
        expect(cached.leaveOneOut).toEqual(alone.leaveOneOut);
      }
    }
  });

  test("adds one field to results and documents, and leaves mean and top as they are", () => {
    const plain = directLogitAttribution(model, [ids, [2, 7]], { ...options, leaveOneOut: false });
    const result = directLogitAttribution(model, [ids, [2, 7]], options);
    expect(Object.keys(plain.attributions[0])).not.toContain("leaveOneOut");
    expect(mean(result)).toEqual(mean(plain));
    expect(top(result, 3)).toEqual(top(plain, 3));
    const document = toJSON(result);
    for (const [i, { leaveOneOut, ...rest }] of document.attributions.entries()) {
      expect(leaveOneOut).toEqual([...result.attributions[i].leaveOneOut!.data]);
      expect(rest).toEqual(toJSON(plain).attributions[i]);
    }
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });
});
