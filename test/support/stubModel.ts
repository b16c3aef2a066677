import type { Attributable, AttributableCache } from "../../src/dla/index.ts";
import type { AttentionSplit, LinearSplit, ResidualWriter } from "../../src/model/index.ts";
import { jsKernels, type Tensor } from "../../src/tensor/index.ts";

/** One thing that writes: a part of its block's type, or none declared; divided into heads, and these into sources, where asked. */
export interface StubWrite {
  readonly name: string;
  readonly part?: string;
  readonly heads?: number;
  readonly attention?: boolean;
}

export interface StubOptions {
  /** Each block's type, as layerTypes() is to give it, and what writes in it. */
  readonly blocks: readonly { readonly type: string; readonly writes: readonly StubWrite[] }[];
  /** Default "layer": LayerNorm, which centres. "rms": RMSNorm, which does not. */
  readonly norm?: "layer" | "rms";
  /** Whether the final norm has gamma, beta and the unembedding a bias; default true. */
  readonly affine?: boolean;
  readonly compatibilityMode?: boolean;
  /** What its products are off by, of the sum of magnitudes, as a backend in float32 throughout may be. */
  readonly productError?: number;
  /** Activations beside those of the writers, which nothing adds to the residual stream. */
  readonly bystanders?: readonly string[];
}

/** A model that attribution knows nothing of but what it declares, and that counts its runs. */
export interface StubModel extends Attributable {
  runs: number;
  /** The logits of a prompt's positions, [pos][token], by the stub's own forward pass. */
  logits(prompt: readonly number[]): number[][];
}

const dModel = 6;
const dVocab = 11;
const nCtx = 8;
const size = 2;

/** Numbers of about 1 that depend on all of `seeds`. */
function noise(...seeds: number[]): number {
  return Math.fround(Math.cos(seeds.reduce((sum, seed, i) => sum + seed * (1.3 + 0.71 * i), 0.4)));
}

const vector = (length: number, ...seeds: number[]) =>
  Float32Array.from({ length }, (_, i) => noise(i, ...seeds));

/**
 * A residual stream of dModel 6: embeddings, then what the blocks write, each write a function of token, position
 * and of the residual stream so far; a norm, and an unembedding of 11 tokens. Float32 where a model's is.
 */
export function stubModel(options: StubOptions): StubModel {
  const { blocks, norm = "layer", affine = true, compatibilityMode = true, bystanders = [] } = options;
  const { productError = 0 } = options;
  const gamma = affine ? vector(dModel, 21) : null;
  const beta = affine ? vector(dModel, 22) : null;
  const columns = Array.from({ length: dVocab }, (_, token) => vector(dModel, 23, token));
  const biases = vector(dVocab, 24);
  const eps = 1e-5;

  const writers: ResidualWriter[] = [
    { label: "embed", hook: "hook_embed", layer: null },
    { label: "pos_embed", hook: "hook_pos_embed", layer: null },
    ...blocks.flatMap(({ writes }, layer) =>
      writes.map(({ name, part, heads, attention }): ResidualWriter => {
        const hook = `blocks.${layer}.hook_${name}`;
        return {
          label: `${layer}_${name}`,
          hook,
          layer,
          ...(part === undefined ? {} : { part }),
          ...(heads !== undefined && {
            heads: {
              ...split(`blocks.${layer}.attn.hook_z`, heads, layer),
              ...(attention && { attention: attentionOf(layer, heads) }),
            },
          }),
        };
      }),
    ),
  ];

  function attentionOf(layer: number, heads: number): AttentionSplit {
    const here = `blocks.${layer}`;
    return {
      patternHook: `${here}.attn.hook_pattern`,
      valueHook: `${here}.attn.hook_v`,
      norm: {
        centred: norm === "layer",
        gamma: affine ? vector(dModel, 41, layer) : null,
        beta: affine ? vector(dModel, 42, layer) : null,
        scaleHook: `${here}.ln1.hook_scale`,
      },
      b_V: vector(heads * size, 43, layer),
      W_V: () => vector(dModel * heads * size, 44, layer),
      W_O: () =>
        Float32Array.from({ length: heads * size * dModel }, (_, i) =>
          noise(Math.floor(i / dModel), i % dModel, layer),
        ),
    };
  }

  /** LayerNorm or RMSNorm before its affine part. */
  function normalize(x: Float32Array) {
    const mean = norm === "layer" ? x.reduce((sum, value) => sum + value, 0) / dModel : 0;
    const squares = x.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const scale = Float32Array.of(Math.sqrt(squares / dModel + eps));
    return { scale, normalized: x.map((value) => (value - mean) / scale[0]) };
  }

  /** A head's pattern at a position: [keyPos], of which those up to there sum to 1. */
  function patternOf(layer: number, head: number, pos: number, length: number): Float32Array {
    const weights = Array.from({ length }, (_, s) => (s <= pos ? 1.5 + noise(46, layer, head, pos, s) : 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return Float32Array.from(weights, (weight) => weight / total);
  }

  /** The values that a layer reads of x, and z, mixed of the values so far and this one. */
  function attend(
    activations: Map<string, Float32Array>,
    earlier: readonly Map<string, Float32Array>[],
    { b_V, W_V, norm, valueHook, patternHook }: AttentionSplit,
    layer: number,
    x: Float32Array,
    length: number,
  ): Float32Array {
    const { scale, normalized } = normalize(x);
    const read = normalized.map((value, i) => value * (norm.gamma?.[i] ?? 1));
    const input = read.map((value, i) => value + (norm.beta?.[i] ?? 0));
    const W = W_V();
    const off = (sum: number, product: number) => sum + product + productError * Math.abs(product);
    const v = b_V.map((bias, c) =>
      input.reduce((sum, value, i) => off(sum, value * W[i * b_V.length + c]), bias),
    );
    activations.set(norm.scaleHook, scale);
    activations.set(valueHook, v);
    const values = [...earlier.map((before) => before.get(valueHook)!), v];
    const patterns = Array.from({ length: v.length / size }, (_, head) =>
      patternOf(layer, head, earlier.length, length),
    );
    activations.set(patternHook, Float32Array.from(patterns.flatMap((pattern) => [...pattern])));
    return v.map((_, c) => {
      const weights = patterns[Math.floor(c / size)];
      return values.reduce((sum, value, s) => off(sum, weights[s] * value[c]), 0);
    });
  }

  /** The activations at every position, by hook. */
  function runAll(prompt: readonly number[]): Map<string, Float32Array>[] {
    const all: Map<string, Float32Array>[] = [];
    for (const pos of prompt.keys()) all.push(runAt(prompt, pos, all));
    return all;
  }

  function runAt(
    prompt: readonly number[],
    pos: number,
    earlier: readonly Map<string, Float32Array>[],
  ): Map<string, Float32Array> {
    const token = prompt[pos];
    const activations = new Map<string, Float32Array>();
    for (const [k, name] of bystanders.entries()) activations.set(name, vector(dModel, 31, k, token, pos));
    const x = new Float32Array(dModel);
    for (const [k, { hook, heads }] of writers.entries()) {
      const write = vector(dModel, 32, k, k === 1 ? 0 : token, k === 0 ? 0 : pos);
      if (heads) {
        const { attention } = heads;
        const z = attention
          ? attend(activations, earlier, attention, layerOf(k), x, prompt.length)
          : vector(heads.parts * size, 33, k, token, pos);
        activations.set(heads.hook, z);
        write.set(write.map((_, i) => apply(heads.parts, k, z, i) + heads.bias[i]));
      } else if (k > 1) {
        write.set(write.map((value, i) => value + 0.3 * x[(i + 1) % dModel]));
      }
      activations.set(hook, write);
      for (let i = 0; i < dModel; i++) x[i] += write[i];
    }
    const { scale, normalized } = normalize(x);
    activations.set("final.hook_in", x);
    activations.set("final.hook_scale", scale);
    activations.set(
      "final.hook_out",
      gamma && beta ? normalized.map((value, i) => value * gamma[i] + beta[i]) : normalized,
    );
    return activations;
  }

  /** The product of the writer's z and W_O that `split` projects with; W_O[i, j] = noise(i, j, writer). */
  function apply(parts: number, writer: number, z: Float32Array, j: number): number {
    let sum = 0;
    for (let i = 0; i < parts * size; i++) {
      const product = z[i] * noise(i, j, layerOf(writer));
      sum += product + productError * Math.abs(product);
    }
    return sum;
  }
  const layerOf = (writer: number) => writers[writer].layer!;

  function split(hook: string, parts: number, layer: number): LinearSplit {
    return {
      hook,
      parts,
      size,
      bias: vector(dModel, 34, layer),
      weights: () =>
        Float32Array.from({ length: parts * size * dModel }, (_, at) =>
          noise(Math.floor(at / dModel), at % dModel, layer),
        ),
      read(activations, directions) {
        const rows = directions.length / dModel;
        const term = (r: number, i: number, j: number) =>
          activations[r * parts * size + i] * noise(i, j, layer);
        const each = <T>(count: number, of: (r: number, i: number) => T) =>
          Array.from({ length: rows * count }, (_, at) => of(Math.floor(at / count), at % count));
        const total = (count: number, of: (i: number) => number) =>
          Array.from({ length: count }, (_, i) => of(i)).reduce((sum, value) => sum + value, 0);
        const scores = each(parts, (r, part) =>
          total(dModel, (j) => directions[r * dModel + j] * total(size, (i) => term(r, part * size + i, j))),
        );
        return {
          scores: Float64Array.from(scores),
          writes: Float64Array.from(each(dModel, (r, j) => total(parts * size, (i) => term(r, i, j)))),
          magnitudes: Float32Array.from(
            each(dModel, (r, j) => total(parts * size, (i) => Math.abs(term(r, i, j)))),
          ),
        };
      },
    };
  }

  /** Of rows of the norm's output, one after the other. */
  function readColumns(outputs: Float32Array, tokens: readonly number[]): Float32Array {
    return Float32Array.from({ length: (outputs.length / dModel) * tokens.length }, (_, at) => {
      const start = Math.floor(at / tokens.length) * dModel;
      const token = tokens[at % tokens.length];
      const bias = affine ? biases[token] : 0;
      const output = outputs.subarray(start, start + dModel);
      return output.reduce((sum, value, i) => sum + value * columns[token][i], 0) + bias;
    });
  }

  const model: StubModel = {
    name: "stub",
    backend: "stub",
    accuracy: {
      ...jsKernels.accuracy,
      accumulation: (n) => jsKernels.accuracy.accumulation(n) + productError,
    },
    config: { nLayers: blocks.length, nHeads: 1, dModel, dVocab, nCtx, bosTokenId: undefined },
    tokenizer: undefined,
    compatibilityMode,
    writers,
    finalNorm: {
      centred: norm === "layer",
      gamma,
      beta,
      eps,
      inputHook: "final.hook_in",
      scaleHook: "final.hook_scale",
      outputHook: "final.hook_out",
    },
    unembedding: {
      hook: "final.hook_logits",
      token: (token) => ({ column: columns[token], bias: affine ? biases[token] : 0 }),
      difference: (a, b) => ({
        column: columns[a].map((value, i) => value - columns[b][i]),
        bias: affine ? Math.fround(biases[a] - biases[b]) : 0,
      }),
      read: (output, { column, bias }) =>
        Math.fround(output.reduce((sum, value, i) => sum + value * column[i], bias)),
      logits: (output, tokens = columns.map((_, token) => token)) => readColumns(output, tokens),
    },
    layerTypes: () => blocks.map(({ type }) => type),
    runs: 0,
    runWithCache(input, { names, pos, everyPos }) {
      model.runs++;
      const rows = input.map(runAll);
      const positionsOf = (name: string) => (everyPos?.(name) ? [...input[0].keys()] : pos);
      const cache: AttributableCache = {
        model,
        tokens: input,
        positions: pos,
        has: names,
        positionsOf,
        get(name) {
          const held = rows.map((all) => positionsOf(name).map((at) => all[at].get(name)!));
          if (!name.endsWith("hook_pattern")) return stack(held.flat());
          const heads = held[0][0].length / input[0].length;
          const queries = held.map((ofPrompt) =>
            Array.from({ length: heads }, (_, head) =>
              ofPrompt.map((row) => row.subarray(head * input[0].length, (head + 1) * input[0].length)),
            ),
          );
          const shape = [input.length, heads, held[0].length, input[0].length];
          return { shape, data: stack(queries.flat(2)).data };
        },
      };
      return { cache };
    },
    logits: (prompt) =>
      runAll(prompt).map((activations) => [
        ...readColumns(
          activations.get("final.hook_out")!,
          columns.map((_, id) => id),
        ),
      ]),
  };
  return model;
}

function stack(rows: readonly Float32Array[]): Tensor {
  const data = Float32Array.from(rows.flatMap((row) => [...row]));
  return { shape: [rows.length, rows[0].length], data };
}
