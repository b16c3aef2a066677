import type { Kernels, PackedMatrix } from "../tensor/index.ts";
import type { BlockWeights } from "./checkpoint/weights.ts";
import type { Gpt2Config } from "./config.ts";
import type { Embedding } from "./embedding.ts";

/** LayerNorm's affine part: x ⊙ gamma + beta, both [dModel]. */
export interface Affine {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
}

/** One block ready to run: `BlockWeights` with its matrices packed. A norm that is folded away is null. */
export interface Block {
  readonly ln1: Affine | null;
  readonly W_Q: PackedMatrix;
  readonly b_Q: Float32Array;
  readonly W_K: PackedMatrix;
  readonly b_K: Float32Array;
  readonly W_V: PackedMatrix;
  readonly b_V: Float32Array;
  readonly W_O: PackedMatrix;
  readonly b_O: Float32Array;
  readonly ln2: Affine | null;
  readonly W_in: PackedMatrix;
  readonly b_in: Float32Array;
  readonly W_out: PackedMatrix;
  readonly b_out: Float32Array;
}

/** What the forward pass runs on. */
export interface Gpt2Parameters {
  readonly config: Gpt2Config;
  readonly kernels: Kernels;
  readonly embedding: Embedding;
  readonly blocks: readonly Block[];
  readonly lnFinal: Affine | null;
}

/** Packs a block's matrices; the biases are kept as they are. */
export function packBlock(kernels: Kernels, config: Gpt2Config, weights: BlockWeights): Block {
  const { dModel, dMlp } = config;
  const { b_Q, b_K, b_V, b_O, b_in, b_out } = weights;
  return {
    ln1: affine(weights.ln1_w, weights.ln1_b),
    W_Q: kernels.pack(weights.W_Q, dModel, dModel),
    b_Q,
    W_K: kernels.pack(weights.W_K, dModel, dModel),
    b_K,
    W_V: kernels.pack(weights.W_V, dModel, dModel),
    b_V,
    W_O: kernels.pack(weights.W_O, dModel, dModel),
    b_O,
    ln2: affine(weights.ln2_w, weights.ln2_b),
    W_in: kernels.pack(weights.W_in, dModel, dMlp),
    b_in,
    W_out: kernels.pack(weights.W_out, dMlp, dModel),
    b_out,
  };
}

/** The inverse of packBlock, bit for bit; a norm folded away comes back as gamma 1 and beta 0. */
export function unpackBlock(kernels: Kernels, config: Gpt2Config, block: Block): BlockWeights {
  const identity: Affine = {
    gamma: new Float32Array(config.dModel).fill(1),
    beta: new Float32Array(config.dModel),
  };
  const { gamma: ln1_w, beta: ln1_b } = block.ln1 ?? identity;
  const { gamma: ln2_w, beta: ln2_b } = block.ln2 ?? identity;
  const { b_Q, b_K, b_V, b_O, b_in, b_out } = block;
  return {
    ln1_w,
    ln1_b,
    W_Q: kernels.unpack(block.W_Q),
    b_Q,
    W_K: kernels.unpack(block.W_K),
    b_K,
    W_V: kernels.unpack(block.W_V),
    b_V,
    W_O: kernels.unpack(block.W_O),
    b_O,
    ln2_w,
    ln2_b,
    W_in: kernels.unpack(block.W_in),
    b_in,
    W_out: kernels.unpack(block.W_out),
    b_out,
  };
}

/** An affine part, or null when it changes nothing. */
export function affine(gamma: Float32Array, beta: Float32Array): Affine | null {
  return gamma.every((value) => value === 1) && beta.every((value) => value === 0) ? null : { gamma, beta };
}
