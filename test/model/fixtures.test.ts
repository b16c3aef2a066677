/**
 * What transformers and TransformerLens say of the checkpoints in test/fixtures/models. Both compute in float32
 * with float32 sums, and TransformerLens folds in float32 too; see `tolerances`.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { directLogitAttribution } from "../../src/dla/index.ts";
import {
  type Gpt2,
  type HookName,
  hookNames,
  modelFromFiles,
  type ResidualStack,
} from "../../src/model/index.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { weightsOf } from "../support/arbitraries.ts";
import { expectedJson, expectedTensors, modelFolder, modelNames } from "../support/fixtures.ts";
import { tolerances } from "../support/noise.ts";
import {
  foldReference,
  logSoftmax,
  type Numbers,
  type ReferenceWeights,
  referenceForward,
} from "../support/reference.ts";

interface Document {
  readonly prompts: number[][];
  readonly transformerLens?: {
    readonly prompt: number[];
    readonly labels: Record<string, string[]>;
    readonly logitAttrs: { of: string; answer: number; wrong: number };
    readonly hookOrder: { model: Kind; flags: string[]; names: HookName[] }[];
  };
}

type Kind = "raw" | "folded";

const documents = new Map(modelNames.map((name) => [name, expectedJson<Document>(name)]));
const withLens = modelNames.filter((name) => documents.get(name)!.transformerLens);
const models = new Map<string, Promise<Gpt2>>();

function load(name: string, kind: Kind): Promise<Gpt2> {
  const key = `${name} ${kind}`;
  const loaded =
    models.get(key) ??
    fromPretrained(modelFolder(name), { compatibilityMode: kind === "folded", onWarning: () => {} });
  models.set(key, loaded);
  return loaded;
}

test("there are fixtures", () => {
  expect(modelNames.length).toBeGreaterThanOrEqual(18);
  expect(withLens.length).toBeGreaterThanOrEqual(6);
});

describe.each(modelNames)("%s, against transformers", (name) => {
  const { prompts } = documents.get(name)!;
  const expected = expectedTensors(name);

  test("the reference has transformers' float64 logits to 1e-12", async () => {
    const model = await load(name, "raw");
    for (const [k, ids] of prompts.entries()) {
      const want = expected.get(`hf64.logits.${k}`)!.data;
      const got = referenceForward(model.config, weightsOf(model), ids).get("unembed.hook_out")!;
      expectAllWithin(got, want, 1e-12 * largest(want), `prompt ${k}`); // some 1e3 operations of 2⁻⁵³, amplified
    }
  });

  test("logits are its float64 ones within the error of float32, and near its own float32 ones", async () => {
    const model = await load(name, "raw");
    for (const [k, ids] of prompts.slice(0, 3).entries()) {
      const got = model.run([ids]).data;
      const weights = weightsOf(model);
      const own = tolerances(model.config, weights, ids).get("unembed.hook_out")!;
      const theirs = tolerances(model.config, weights, ids, { roundedSums: true }).get("unembed.hook_out")!;
      expectAllWithin(got, expected.get(`hf64.logits.${k}`)!.data, own, `prompt ${k}, float64`);
      expectAllWithin(got, expected.get(`hf.logits.${k}`)!.data, own + theirs, `prompt ${k}, float32`);
    }
  });

  test("folded, its log-probabilities are those of the float64 logits", async () => {
    const raw = await load(name, "raw");
    const model = await load(name, "folded");
    const { config } = model;
    const exact = foldReference(config, weightsOf(raw));
    for (const [k, ids] of prompts.slice(0, 3).entries()) {
      const tolerance = tolerances(config, exact, ids, { weightRoundings: 1 }).get("unembed.hook_out")!;
      const got = logSoftmax(model.run([ids]).data, config.dVocab);
      const want = logSoftmax(expected.get(`hf64.logits.${k}`)!.data, config.dVocab);
      expectAllWithin(got, want, 2 * tolerance, `prompt ${k}`); // a logit's error, and that of log Σ e^logit
    }
  });
});

describe("B10: what TransformerLens ignores or refuses", () => {
  /** A fixture's model with its config changed. */
  async function changed(name: string, changes: object): Promise<Gpt2> {
    const read = (file: string) => readFileSync(`${modelFolder(name)}/${file}`);
    const config = { ...JSON.parse(read("config.json").toString()), ...changes };
    const files = {
      "config.json": new TextEncoder().encode(JSON.stringify(config)),
      "model.safetensors": read("model.safetensors"),
    };
    return modelFromFiles(files, { onWarning: () => {} });
  }

  test("scale_attn_weights: false is honoured: the attributed difference is transformers', not the scaled one's", async () => {
    const unscaled = await load("unscaled", "raw");
    const scaled = await changed("unscaled", { scale_attn_weights: true });
    for (const [k, ids] of documents.get("unscaled")!.prompts.entries()) {
      if (ids.length === 1) continue; // one key: its pattern is 1 whatever the scale
      const { config } = unscaled;
      const logits = expectedTensors("unscaled").get(`hf64.logits.${k}`)!.data.slice(-config.dVocab);
      const [answer, wrong] = [3, 11];
      const want = logits[answer] - logits[wrong];
      const own = tolerances(config, weightsOf(unscaled), ids, { weightRoundings: 1 }).get(
        "unembed.hook_out",
      )!;
      for (const model of [unscaled, unscaled.enableCompatibilityMode()]) {
        const options = { answer, wrong, allowRawWeights: true };
        const [{ check }] = directLogitAttribution(model, ids, options).attributions;
        const attributed = check.sum + check.bias;
        expect(Math.abs(attributed - want)).toBeLessThanOrEqual(2 * own + check.bound + check.roundingBound);
      }
      const { data } = scaled.run([ids], { logits: { tokens: [answer, wrong] } });
      expect(Math.abs(data[0] - data[1] - want), `prompt ${k}`).toBeGreaterThan(0.05);
    }
  });

  test.each([
    ["a config without model_type", "padded-vocab"],
    ["nanoGPT's layout, every linear layer transposed", "nanogpt"],
  ])("%s loads, and has transformers' logits", async (_, name) => {
    const model = await load(name, "raw");
    for (const [k, ids] of documents.get(name)!.prompts.entries()) {
      const own = tolerances(model.config, weightsOf(model), ids).get("unembed.hook_out")!;
      expectAllWithin(model.run([ids]).data, expectedTensors(name).get(`hf64.logits.${k}`)!.data, own, name);
    }
  });
});

describe.each(withLens.flatMap((name) => [[name, "raw"] as const, [name, "folded"] as const]))(
  "%s %s, against TransformerLens",
  (name, kind) => {
    const { prompt, labels, logitAttrs, hookOrder } = documents.get(name)!.transformerLens!;
    const expected = expectedTensors(name);
    const under = (prefix: string) =>
      [...expected].flatMap(([key, value]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
      );

    /** The model, all it computes on the prompt, and how far TransformerLens may be from that. */
    async function run() {
      const model = await load(name, kind);
      const { logits, cache } = model.runWithCache([prompt], { names: () => true });
      return { model, logits, cache, tolerance: apart(model, kind, prompt) };
    }

    test("activations", async () => {
      const { model, logits, cache, tolerance } = await run();
      const names = hookNames(model.config.nLayers) as string[];
      const recorded = under(`tl.${kind}.`).filter(([hook]) => names.includes(hook));
      expect(recorded.length).toBeGreaterThanOrEqual(13);
      for (const [hook, { shape, data }] of recorded) {
        const got = cache.get(hook);
        expect(got.shape, hook).toEqual(shape);
        // a masked score of the raw bridge is float32's lowest number
        const want = data.map((value) => (value < -3e38 && hook.endsWith("attn_scores") ? -Infinity : value));
        expectAllWithin(got.data, want, tolerance.get(hook)!, hook);
      }
      const want = expected.get(`tl.${kind}.logits`)!;
      expect(logits.shape).toEqual(want.shape);
      expectAllWithin(logits.data, want.data, tolerance.get("unembed.hook_out")!, "logits");
    });

    test("every hook is called, in its order", async () => {
      const model = await load(name, kind);
      for (const { flags, names } of hookOrder.filter((record) => record.model === kind)) {
        const called: string[] = [];
        model.runWithHooks(
          [prompt],
          [[(hook) => names.includes(hook), (_, point) => void called.push(point.name)]],
        );
        // hook_mlp_in comes before hook_resid_mid there, and after it here: it is what the MLP takes from it
        const order = flags.includes("use_hook_mlp_in") ? names.map(swapMlpIn) : names;
        expect(called, flags.join()).toEqual(order);
      }
    });

    test("decompositions: rows, labels, order", async () => {
      const { model, cache, tolerance } = await run();
      const { nLayers, dModel } = model.config;
      const rows = Math.max(
        ...[...tolerance].filter(([hook]) => /_out$|resid|embed/.test(hook)).map(([, t]) => t),
      );
      check("decompose_resid", cache.decomposeResid(), () => rows);
      check("accumulated_resid", cache.accumulatedResid({ inclMid: true }), () => rows);

      // (x − mean)/scale of a row that is off by e: 2e/scale, and as much from the scale, times (x − mean)/scale ≤ √D
      const gamma = largest(model.lnFinal?.gamma ?? [1]);
      const affine = largest(model.lnFinal?.beta ?? [0]);
      check("accumulated_resid.apply_ln", cache.accumulatedResid({ inclMid: true, applyLn: true }), (row) => {
        const values = cache.accumulatedResid({ inclMid: true }).stack.data;
        const scale = smallestScale(values, row, prompt.length, dModel, model.config.eps);
        const normalized = Math.sqrt(dModel);
        return (
          gamma * ((2 * rows * (1 + normalized)) / scale + dModel * 2 ** -24 * normalized) + 2 ** -23 * affine
        );
      });

      const heads = Math.max(
        ...Array.from({ length: nLayers }, (_, l) => tolerance.get(`blocks.${l}.attn.hook_result`)!),
      );
      check(
        "stack_head_results",
        cache.stackHeadResults({ inclRemainder: true }),
        (row, count) => (row < count - 1 ? heads : rows + count * heads), // theirs is resid_post − Σ heads
      );

      function check(which: string, ours: ResidualStack, within: (row: number, count: number) => number) {
        const want = expected.get(`tl.${kind}.${which}`)!;
        expect(ours.labels, which).toEqual(labels[which]);
        expect(ours.stack.shape, which).toEqual(want.shape);
        expect(ours.positions).toEqual(prompt.map((_, pos) => pos));
        const size = want.data.length / ours.labels.length;
        ours.labels.forEach((label, row) => {
          const part = (x: Numbers) => Array.from(x).slice(row * size, (row + 1) * size);
          expectAllWithin(
            part(ours.stack.data),
            part(want.data),
            within(row, ours.labels.length),
            `${which} ${label}`,
          );
        });
      }
    });

    if (kind === "raw") return;

    test("folded weights", async () => {
      const raw = weightsOf(await load(name, "raw"));
      const ours = weightsOf(await load(name, "folded"));
      const { config } = await load(name, "folded");
      const recorded = under("tl.folded.weights.");
      expect(recorded.length).toBe(8 + 16 * config.nLayers - 2);
      for (const [weight, want] of recorded) {
        const got = weightAs(weight, ours, want.shape);
        expectAllWithin(got, want.data, foldingError(weight, raw), weight);
      }
    });

    test("logit_attrs", async () => {
      const { model, cache, tolerance } = await run();
      const { dModel } = model.config;
      const stack = cache.decomposeResid();
      const { answer, wrong } = logitAttrs;
      const scales = cache.get("ln_final.hook_scale").data;
      const scaleError = tolerance.get("ln_final.hook_scale")!;
      for (const [which, tokens] of [
        ["token", { answer }],
        ["pair", { answer, wrong }],
      ] as const) {
        const want = expected.get(`tl.folded.logit_attrs.${which}`)!;
        const got = cache.logitAttrs(stack, tokens);
        expect(got.shape).toEqual(want.shape);
        const column = (token: number) => Array.from(model.unembedding.token(token).column, Math.abs);
        const w = column(answer).map((value, i) => value + (which === "pair" ? column(wrong)[i] : 0));
        got.data.forEach((value, at) => {
          const row = Array.from(stack.stack.data.subarray(at * dModel, (at + 1) * dModel), Math.abs);
          const label = stack.labels[Math.floor(at / prompt.length)];
          const hook = /^\d/.test(label) ? label.replace(/^(\d+)_/, "blocks.$1.hook_") : `hook_${label}`;
          const rowError = tolerance.get(hook)!;
          const [scale] = scales.subarray(at % prompt.length);
          const weightError = foldingError("unembed.W_U", weightsOf(model));
          // the row's error, that of the weights, and a float32 sum of dModel products
          const sums = w.reduce(
            (total, wi, i) =>
              total + rowError * wi + weightError * row[i] + (dModel + 2) * 2 ** -24 * row[i] * wi,
            0,
          );
          const bound = sums / scale + (Math.abs(value) * scaleError) / scale;
          expectAllWithin([value], [want.data[at]], bound, `${which} ${label}`);
        });
      }
    });

    const doubled = under("tl.folded.doubled.");
    if (doubled.length === 0) return; // only two models' fixtures hold them
    test("logits where a hook doubles an activation", async () => {
      const model = await load(name, kind);
      expect(doubled.length).toBeGreaterThan(36);
      for (const [hook, want] of doubled) {
        const got = model.runWithHooks(
          [prompt],
          [[hook as HookName, ({ shape, data }) => ({ shape, data: data.map((v) => 2 * v) })]],
        );
        const edit = (at: string, value: Numbers) =>
          at === hook ? Float64Array.from(value, (v) => 2 * v) : value;
        const exact = referenceForward(model.config, weightsOf(model), prompt, edit).get("unembed.hook_out")!;
        const theirs = apart(model, kind, prompt, edit).get("unembed.hook_out")!;
        expectAllWithin(got.data, exact, theirs, `${hook}, the reference`);
        expectAllWithin(got.data, want.data, theirs, hook);
      }
    });
  },
);

/**
 * How far TransformerLens's activations may lie from ours: its float32 sums and its float32 folding, with four
 * roundings behind a weight (gamma, the mean over dModel, the mean over the vocabulary, the last); and as much
 * again for our own, which are fewer.
 */
function apart(
  model: Gpt2,
  kind: Kind,
  ids: number[],
  hook?: (name: string, value: Float64Array) => Numbers,
) {
  const theirs = tolerances(model.config, weightsOf(model), ids, {
    roundedSums: true,
    weightRoundings: kind === "folded" ? 4 : 0,
    ...(hook ? { hook } : {}),
  });
  return new Map([...theirs].map(([name, error]) => [name, 2 * error]));
}

function swapMlpIn(name: string, index: number, names: readonly string[]): string {
  if (name.endsWith("hook_mlp_in")) return names[index + 1];
  return names[index - 1]?.endsWith("hook_mlp_in") ? names[index - 1] : name;
}

/** One of our weights in TransformerLens's layout. */
function weightAs(name: string, { blocks, ...outer }: ReferenceWeights, shape: readonly number[]): Numbers {
  const [, layer, part] = /^blocks\.(\d+)\.(.*)$/.exec(name) ?? [];
  if (part === undefined) {
    const renamed = { "ln_final.w": "lnFinal_w", "ln_final.b": "lnFinal_b" }[name] ?? name.split(".")[1];
    const values = outer[renamed as keyof typeof outer];
    return name === "unembed.W_U" ? headsFirst(values, [shape[1], shape[0], 1]) : values;
  }
  const block = blocks[Number(layer)];
  const key = part.startsWith("ln") ? part.replace(".", "_") : part.split(".")[1];
  const values = block[key as keyof typeof block];
  return /W_[QKV]$/.test(key) ? headsFirst(values, shape) : values;
}

/** [dModel, head · dHead] as [head, dModel, dHead]. */
function headsFirst(W: Numbers, [heads, dModel, dHead]: readonly number[]): Float64Array {
  if (dHead === 1 && W.length === heads * dModel && heads !== dModel) return transposed(W, heads, dModel);
  return Float64Array.from({ length: heads * dModel * dHead }, (_, at) => {
    const [head, i, d] = [Math.floor(at / (dModel * dHead)), Math.floor(at / dHead) % dModel, at % dHead];
    return W[i * heads * dHead + head * dHead + d];
  });
}

function transposed(W: Numbers, cols: number, rows: number): Float64Array {
  return Float64Array.from({ length: rows * cols }, (_, at) => W[(at % cols) * rows + Math.floor(at / cols)]);
}

/**
 * What folding in float32 may do to a weight, ours being exact but for the last rounding: sums of dModel products
 * in the biases, means of dModel and dVocab values in the matrices, a few roundings more, all of at most the
 * largest sum of magnitudes.
 */
function foldingError(name: string, raw: ReferenceWeights): number {
  const size = raw.lnFinal_w.length;
  const roundings = (size + raw.b_U.length + 8) * 2 ** -24;
  const layer = raw.blocks[Number(/\d+/.exec(name)?.[0] ?? 0)];
  const bias = (b: Numbers, beta: Numbers, W: Numbers) => largest(b) + size * largest(beta) * largest(W);
  const b_V = bias(layer.b_V, layer.ln1_b, layer.W_V);
  const magnitudes: Record<string, number> = {
    W_E: largest(raw.W_E),
    W_pos: largest(raw.W_pos),
    W_U: largest(raw.W_U) * largest(raw.lnFinal_w),
    b_U: bias(raw.b_U, raw.lnFinal_b, raw.W_U),
    W_Q: largest(layer.W_Q) * largest(layer.ln1_w),
    W_K: largest(layer.W_K) * largest(layer.ln1_w),
    W_V: largest(layer.W_V) * largest(layer.ln1_w),
    b_Q: bias(layer.b_Q, layer.ln1_b, layer.W_Q),
    b_K: bias(layer.b_K, layer.ln1_b, layer.W_K),
    b_V: 0,
    W_O: largest(layer.W_O),
    b_O: largest(layer.b_O) + size * b_V * largest(layer.W_O),
    W_in: largest(layer.W_in) * largest(layer.ln2_w),
    b_in: bias(layer.b_in, layer.ln2_b, layer.W_in),
    W_out: largest(layer.W_out),
    b_out: largest(layer.b_out),
    w: 0,
    b: 0,
  };
  return roundings * magnitudes[name.split(".").at(-1)!];
}

function smallestScale(x: Numbers, row: number, pos: number, dModel: number, eps: number): number {
  const scales = Array.from({ length: pos }, (_, p) => {
    const values = Array.from({ length: dModel }, (_, i) => x[(row * pos + p) * dModel + i]);
    const mean = values.reduce((a, b) => a + b, 0) / dModel;
    return Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / dModel + eps);
  });
  return Math.min(...scales);
}

function largest(values: Numbers): number {
  return Array.from(values).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
}

function expectAllWithin(got: Numbers, want: Numbers, bound: number, what: string): void {
  expect(got.length, what).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    if (got[i] === want[i] || Math.abs(got[i] - want[i]) <= bound) continue;
    expect.fail(`${what}, element ${i}: got ${got[i]}, expected ${want[i]} within ${bound}`);
  }
}
