import { type Kernels, type MemoryPlan, type PackedMatrix, pack } from "../tensor/index.ts";
import type { BlockWeights, PackedBlock } from "./checkpoint/weights.ts";
import type { Gpt2Config } from "./config.ts";
import type { Embedding } from "./embedding.ts";

/** LayerNorm's affine part: x ⊙ gamma + beta, both [dModel]. */
export interface Affine {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
}

/** One block ready to run. A norm that is folded away is null. */
export interface Block extends Omit<PackedBlock, "ln1_w" | "ln1_b" | "ln2_w" | "ln2_b"> {
  readonly ln1: Affine | null;
  readonly ln2: Affine | null;
}

/** What the forward pass runs on. */
export interface Gpt2Parameters {
  readonly config: Gpt2Config;
  readonly kernels: Kernels;
  readonly embedding: Embedding;
  readonly blocks: readonly Block[];
  readonly lnFinal: Affine | null;
}

/** A block's matrices and their sizes, in the order in which they are used. */
export function matrixSizes({
  dModel,
  dMlp,
}: Gpt2Config): Readonly<
  Record<"W_Q" | "W_K" | "W_V" | "W_O" | "W_in" | "W_out", readonly [number, number]>
> {
  return {
    W_Q: [dModel, dModel],
    W_K: [dModel, dModel],
    W_V: [dModel, dModel],
    W_O: [dModel, dModel],
    W_in: [dModel, dMlp],
    W_out: [dMlp, dModel],
  };
}

/** How many tokens a run may have whose activations all lie beside the weights; of longer ones, some lie elsewhere. */
const PLANNED_TOKENS = 1024;

/** What the blocks' matrices and a run need of a backend. */
export function memoryPlan(config: Gpt2Config, threads: number): MemoryPlan {
  const { nLayers, nCtx, dModel, dMlp, dHead } = config;
  const block = Object.values(matrixSizes(config)).map(([inner, cols]) => ({ inner, cols }));
  const tokens = Math.max(nCtx, PLANNED_TOKENS);
  // what a block holds of each token at one time; for each thread, a head's keys and values and some queries' scores
  const perToken = 17 * dModel + 2 * dMlp + 64;
  const attention = threads * (2 * (dHead + 8) + 20) * (nCtx + 16);
  return {
    matrices: Array.from({ length: nLayers }, () => block).flat(),
    activations: tokens * perToken + attention + 16_384,
  };
}

/** Copies a block's matrices into the backend's layout; the vectors are kept as they are. */
export function packBlock(kernels: Kernels, config: Gpt2Config, weights: BlockWeights): PackedBlock {
  return mapMatrices(config, weights, (W, [inner, cols]) => pack(kernels, W, inner, cols));
}

/** The weights of a block that can be folded without changing it: copies; a norm folded away as gamma 1 and beta 0. */
export function copyBlock(kernels: Kernels, config: Gpt2Config, block: Block): PackedBlock {
  const { ln1, ln2, ...rest } = block;
  const identity: Affine = {
    gamma: new Float32Array(config.dModel).fill(1),
    beta: new Float32Array(config.dModel),
  };
  const { gamma: ln1_w, beta: ln1_b } = ln1 ?? identity;
  const { gamma: ln2_w, beta: ln2_b } = ln2 ?? identity;
  return mapMatrices(config, { ln1_w, ln1_b, ln2_w, ln2_b, ...rest }, (W: PackedMatrix) => kernels.copy(W));
}

/** A block as the forward pass wants it. */
export function readyBlock({ ln1_w, ln1_b, ln2_w, ln2_b, ...rest }: PackedBlock): Block {
  return { ...rest, ln1: affine(ln1_w, ln1_b), ln2: affine(ln2_w, ln2_b) };
}

/** An affine part, or null when it changes nothing. */
export function affine(gamma: Float32Array, beta: Float32Array): Affine | null {
  return gamma.every((value) => value === 1) && beta.every((value) => value === 0) ? null : { gamma, beta };
}

function mapMatrices<From>(
  config: Gpt2Config,
  block: BlockWeights<From>,
  map: (W: From, size: readonly [number, number]) => PackedMatrix,
): PackedBlock {
  const sizes = matrixSizes(config);
  return {
    ...block,
    W_Q: map(block.W_Q, sizes.W_Q),
    W_K: map(block.W_K, sizes.W_K),
    W_V: map(block.W_V, sizes.W_V),
    W_O: map(block.W_O, sizes.W_O),
    W_in: map(block.W_in, sizes.W_in),
    W_out: map(block.W_out, sizes.W_out),
  };
}
