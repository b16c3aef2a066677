import type { Kernels, PackedMatrix } from "../tensor/index.ts";
import { type AttentionSplit, gpt2Attention } from "./attentionSplit.ts";
import type { Gpt2Config } from "./config.ts";
import type { Block } from "./parameters.ts";

/** What adds to the residual stream, declared so that attribution needs to know no model. */
export interface ResidualWriter {
  /** The row's label, TransformerLens's: `embed`, `3_attn_out`. */
  readonly label: string;
  /** The hook whose activation [batch, pos, dModel] is added to the residual stream. */
  readonly hook: string;
  /** The block it lies in; null for what writes before the first. */
  readonly layer: number | null;
  /** The part of the block's layer type that this is the output of, such as `attn` in `attn+mlp`. */
  readonly part?: string;
  /** How the write divides into heads, where it does. */
  readonly heads?: LinearSplit & {
    /** How heads come by what they write, where they are attention heads. */
    readonly attention?: AttentionSplit;
  };
  /** How it divides into neurons, where it does. */
  readonly neurons?: LinearSplit;
}

/**
 * A write that is linear in another activation, so that it divides into that activation's parts:
 *
 *   write = Σ_part activation[part] · W[part] + bias
 */
export interface LinearSplit {
  /** The hook of that activation, [batch, pos, part, size]. */
  readonly hook: string;
  /** How many parts. */
  readonly parts: number;
  /** How wide each is. */
  readonly size: number;
  /** [dModel]; belongs to no part. */
  readonly bias: Float32Array;
  /** W, [parts · size, dModel], row-major: a copy, made for every call. */
  weights(): Float32Array;
  /**
   * Activations read along directions, in float64: see `SplitReading`.
   *
   * @param activations [rows, parts · size]
   * @param directions  [rows, dModel]
   */
  read(activations: Float32Array, directions: Float64Array): SplitReading;
}

/** What parts of an activation write along a direction, row by row, in float64; and the whole write that they add up to. */
export interface SplitReading {
  /** (activation[part] · W[part]) · direction, [rows, parts]. */
  readonly scores: Float64Array;
  /** activation · W, the write without its bias, [rows, dModel]. */
  readonly writes: Float64Array;
  /** Σ|activation W| of each of its elements, to a thousandth, [rows, dModel]. */
  readonly magnitudes: Float32Array;
}

/**
 * The norm between the residual stream and the unembedding:
 *
 *   output = gamma ⊙ (x − mean(x)) / scale + beta        without the mean where it does not centre (RMSNorm)
 */
export interface FinalNorm {
  /** Whether it subtracts the mean: LayerNorm does, RMSNorm does not. */
  readonly centred: boolean;
  /** [dModel], or null for 1 everywhere. */
  readonly gamma: Float32Array | null;
  /** [dModel], or null for 0 everywhere. */
  readonly beta: Float32Array | null;
  /** Added to the variance, inside the root. */
  readonly eps: number;
  /** The hook of x, [batch, pos, dModel]. */
  readonly inputHook: string;
  /** The hook of scale, [batch, pos, 1]. */
  readonly scaleHook: string;
  /** The hook of the output, [batch, pos, dModel]. */
  readonly outputHook: string;
}

/**
 * The direction u in the residual stream whose dot product with x, over the norm's scale, is what a direction w
 * reads of the norm's output, apart from beta:
 *
 *   w·output = u·x / scale + w·beta,      u = P(gamma ⊙ w),  P = I − 11ᵀ/dModel where the norm centres
 */
export function throughNorm(norm: Pick<FinalNorm, "centred" | "gamma">, w: Float64Array): Float64Array {
  const { gamma } = norm;
  const u = gamma ? w.map((value, i) => value * gamma[i]) : w.slice();
  if (!norm.centred) return u;
  const mean = u.reduce((sum, value) => sum + value, 0) / u.length;
  return u.map((value) => value - mean);
}

/** What writes in a GPT-2: the embeddings, then attention, divided into heads, and MLP of every block. */
export function gpt2Writers(
  kernels: Kernels,
  config: Gpt2Config,
  blocks: readonly Block[],
): ResidualWriter[] {
  const { nHeads, dHead, dMlp } = config;
  const split = (
    hook: string,
    W: PackedMatrix,
    bias: Float32Array,
    parts: number,
    size: number,
  ): LinearSplit => ({
    hook,
    parts,
    size,
    bias,
    weights: () => kernels.unpack(W),
    read(activations, directions) {
      const rows = activations.length / W.inner;
      const scores = new Float64Array(rows * parts);
      const writes = new Float64Array(rows * W.cols);
      const magnitudes = new Float32Array(rows * W.cols);
      kernels.projectParts(scores, writes, magnitudes, activations, W, directions, rows, parts);
      return { scores, writes, magnitudes };
    },
  });
  const sublayers = blocks.flatMap((block, layer): ResidualWriter[] => {
    const here = `blocks.${layer}` as const;
    return [
      {
        label: `${layer}_attn_out`,
        hook: `${here}.hook_attn_out`,
        layer,
        part: "attn",
        heads: {
          ...split(`${here}.attn.hook_z`, block.W_O, block.b_O, nHeads, dHead),
          attention: gpt2Attention(kernels, block, here),
        },
      },
      {
        label: `${layer}_mlp_out`,
        hook: `${here}.hook_mlp_out`,
        layer,
        part: "mlp",
        neurons: split(`${here}.mlp.hook_post`, block.W_out, block.b_out, dMlp, 1),
      },
    ];
  });
  return [
    { label: "embed", hook: "hook_embed", layer: null },
    { label: "pos_embed", hook: "hook_pos_embed", layer: null },
    ...sublayers,
  ];
}
