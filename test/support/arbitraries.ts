import fc from "fast-check";
import {
  type BlockWeights,
  type Gpt2,
  type Gpt2Config,
  modelFromWeights,
  type OuterWeights,
} from "../../src/model/index.ts";
import { readRow } from "../../src/model/table.ts";
import { random } from "./random.ts";
import type { ReferenceWeights } from "./reference.ts";

/** A checkpoint in memory. */
export type Weights = OuterWeights & { readonly blocks: readonly BlockWeights[] };

/**
 * How weights are drawn: all of one size; with a few dims of the residual stream of about 1e3, as real GPT-2 has;
 * or so that the residual stream is nearly constant over dModel, with a spread of about sqrt(eps), where a
 * misplaced eps shows.
 */
export type Flavour = "plain" | "outliers" | "nearConstant";

/** A GPT-2 drawn at random: the config and weights it is made of, as trained, and the model. */
export interface RandomModel {
  readonly config: Gpt2Config;
  readonly weights: Weights;
  readonly model: Gpt2;
}

/** Small configs with every switch; sizes on and off the kernels' tiles, 1 among them. */
export const config: fc.Arbitrary<Gpt2Config> = fc
  .record({
    nLayers: fc.integer({ min: 1, max: 3 }),
    nHeads: fc.integer({ min: 1, max: 4 }),
    dHead: fc.integer({ min: 1, max: 5 }),
    dMlp: fc.integer({ min: 1, max: 11 }),
    nCtx: fc.integer({ min: 1, max: 12 }),
    dVocab: fc.integer({ min: 2, max: 30 }),
    eps: fc.constantFrom(1e-5, 1e-12, 1e-3),
    activation: fc.constantFrom("geluTanh", "geluErf", "relu", "silu", "tanh"),
    scaleAttnWeights: fc.boolean(),
    scaleAttnByInverseLayerIdx: fc.boolean(),
    tieWordEmbeddings: fc.boolean(),
  })
  .map((drawn) => ({ ...drawn, dModel: drawn.nHeads * drawn.dHead, bosTokenId: undefined }));

/** A small GPT-2 in memory. Bulk weights come from a seed, so what shrinks is the structure. */
export const randomGpt2: fc.Arbitrary<RandomModel> = fc
  .record({
    config,
    seed: fc.integer(),
    flavour: fc.constantFrom<Flavour>("plain", "outliers", "nearConstant"),
  })
  .map(({ config, seed, flavour }) => randomModel(config, seed, flavour))
  // a counterexample is told by its config, not by its weights
  .map((drawn) => Object.assign(drawn, { [fc.toStringMethod]: () => JSON.stringify(drawn.config) }));

/** The ids of one prompt that a model takes. */
export function prompt({ nCtx, dVocab }: Gpt2Config): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 0, max: dVocab - 1 }), { minLength: 1, maxLength: nCtx });
}

/** Prompts of one length. */
export function batch(config: Gpt2Config): fc.Arbitrary<number[][]> {
  return prompt(config).chain(({ length }) => {
    const other = fc.array(fc.integer({ min: 0, max: config.dVocab - 1 }), {
      minLength: length,
      maxLength: length,
    });
    return fc.array(other, { minLength: 1, maxLength: 4 });
  });
}

/** A model and a prompt for it. */
export const gpt2AndPrompt: fc.Arbitrary<RandomModel & { readonly ids: number[] }> = randomGpt2.chain(
  (drawn) =>
    prompt(drawn.config).map((ids) => ({
      ...drawn,
      ids,
      [fc.toStringMethod]: () => JSON.stringify({ config: drawn.config, ids }),
    })),
);

/** Weights from a seed, every one a float32, with LayerNorm gains and biases that matter. */
export function randomModel(config: Gpt2Config, seed: number, flavour: Flavour = "plain"): RandomModel {
  const weights = randomWeights(config, seed, flavour);
  return { config, weights, model: modelFromWeights(config, weights) };
}

/** Weights from a seed; see randomModel. */
export function randomWeights(config: Gpt2Config, seed: number, flavour: Flavour = "plain"): Weights {
  const { dModel, dMlp, dVocab, nCtx, nLayers } = config;
  const next = random(seed);
  const noise = () => 2 * next() - 1;
  const filled = (length: number, value: (i: number) => number) =>
    Float32Array.from({ length }, (_, i) => value(i));
  const around = (centre: number, spread: number, length: number) =>
    filled(length, () => centre + spread * noise());
  const matrix = (inner: number, cols: number, size = 1) =>
    around(0, (1.5 * size) / Math.sqrt(inner), inner * cols);

  // what the residual stream's dims are written with
  const write = flavour === "nearConstant" ? Math.sqrt(config.eps) : 1;
  const level = flavour === "nearConstant" ? noise() : 0;
  const outliers = new Map(
    flavour === "outliers" ? [0, 1].map(() => [Math.floor(next() * dModel), 1e3 * noise()]) : [],
  );
  const table = (rows: number) =>
    filled(
      rows * dModel,
      (i) => level + write * noise() + (outliers.get(i % dModel) ?? 0) * (1 + 0.1 * noise()),
    );

  const block = (): BlockWeights => ({
    ln1_w: around(0.8, 0.7, dModel),
    ln1_b: around(0, 0.4, dModel),
    W_Q: matrix(dModel, dModel),
    W_K: matrix(dModel, dModel),
    W_V: matrix(dModel, dModel),
    b_Q: around(0, 0.4, dModel),
    b_K: around(0, 0.4, dModel),
    b_V: around(0, 0.4, dModel),
    W_O: matrix(dModel, dModel, write),
    b_O: around(0, 0.4 * write, dModel),
    ln2_w: around(0.8, 0.7, dModel),
    ln2_b: around(0, 0.4, dModel),
    W_in: matrix(dModel, dMlp),
    b_in: around(0, 0.4, dMlp),
    W_out: matrix(dMlp, dModel, write),
    b_out: around(0, 0.4 * write, dModel),
  });
  return {
    W_E: table(dVocab),
    W_pos: around(0, write, nCtx * dModel),
    lnFinal_w: around(0.8, 0.7, dModel),
    lnFinal_b: around(0, 0.4, dModel),
    W_U: config.tieWordEmbeddings ? null : around(0, 1, dVocab * dModel),
    blocks: Array.from({ length: nLayers }, block),
  };
}

/** A model's own float32 weights, folded where it is: what the reference computes with. */
export function weightsOf(model: Gpt2): ReferenceWeights {
  const { config, kernels, embedding, unembedding, lnFinal } = model;
  const { dModel, dVocab } = config;
  const rows = (count: number, row: (i: number) => ArrayLike<number>) =>
    Float32Array.from(Array.from({ length: count }, (_, i) => Array.from(row(i))).flat());
  const one = new Float32Array(dModel).fill(1);
  const zero = new Float32Array(dModel);
  const embedded = (id: number) => {
    const row = readRow(embedding.W_E, id);
    if (!embedding.centred) return row;
    const mean = row.reduce((total, value) => total + value, 0) / dModel;
    return row.map((value) => value - mean);
  };
  return {
    W_E: rows(dVocab, embedded),
    W_pos: embedding.W_pos,
    lnFinal_w: lnFinal?.gamma ?? one,
    lnFinal_b: lnFinal?.beta ?? zero,
    W_U: rows(dVocab, (token) => unembedding.token(token).column),
    b_U: Float32Array.from({ length: dVocab }, (_, token) => unembedding.token(token).bias),
    blocks: model.blocks.map(({ ln1, ln2, b_Q, b_K, b_V, b_O, b_in, b_out, ...matrices }) => ({
      ln1_w: ln1?.gamma ?? one,
      ln1_b: ln1?.beta ?? zero,
      W_Q: kernels.unpack(matrices.W_Q),
      W_K: kernels.unpack(matrices.W_K),
      W_V: kernels.unpack(matrices.W_V),
      b_Q,
      b_K,
      b_V,
      W_O: kernels.unpack(matrices.W_O),
      b_O,
      ln2_w: ln2?.gamma ?? one,
      ln2_b: ln2?.beta ?? zero,
      W_in: kernels.unpack(matrices.W_in),
      b_in,
      W_out: kernels.unpack(matrices.W_out),
      b_out,
    })),
  };
}

/** What the reference is to read of two tokens: the model's own column of their difference. */
export function directionOf(
  model: Gpt2,
  answer: number,
  wrong: number | undefined,
): Float32Array | undefined {
  return wrong === undefined ? undefined : model.unembedding.difference(answer, wrong).column;
}
