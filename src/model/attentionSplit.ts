import type { Kernels } from "../tensor/index.ts";
import type { Block } from "./parameters.ts";
import type { FinalNorm } from "./writers.ts";

/**
 * How heads come by the activation that they write: each mixes its values of all positions up to its own, and a value is
 * linear in the normalized residual stream of its position.
 *
 *   z[p, head] = Σ_s pattern[head, p, s] · value[s, head]        value[s] = norm(x[s]) · W_V + b_V
 */
export interface AttentionSplit {
  /** [batch, head, queryPos, keyPos]; a query's entries sum to 1. */
  readonly patternHook: string;
  /** [batch, pos, head, size] */
  readonly valueHook: string;
  /** What normalizes the residual stream that values read. */
  readonly norm: Pick<FinalNorm, "centred" | "gamma" | "beta" | "scaleHook">;
  /** [head · size] */
  readonly b_V: Float32Array;
  /** W_V [dModel, head · size], unpacked anew at each call. */
  W_V(): Float32Array;
  /** W_O [head · size, dModel], unpacked anew at each call. */
  W_O(): Float32Array;
}

/** The attention of a GPT-2's block. */
export function gpt2Attention(
  kernels: Kernels,
  { ln1, W_V, b_V, W_O }: Block,
  here: `blocks.${number}`,
): AttentionSplit {
  return {
    patternHook: `${here}.attn.hook_pattern`,
    valueHook: `${here}.attn.hook_v`,
    norm: {
      centred: true,
      gamma: ln1?.gamma ?? null,
      beta: ln1?.beta ?? null,
      scaleHook: `${here}.ln1.hook_scale`,
    },
    b_V,
    W_V: () => kernels.unpack(W_V),
    W_O: () => kernels.unpack(W_O),
  };
}
