import { describe, expectObject, expectShape, tagOf, ValueError } from "../../errors.ts";
import type { PackedMatrix } from "../../tensor/index.ts";
import type { Gpt2Config } from "../config.ts";
import type { Table } from "../table.ts";

/**
 * One block's weights: row-major [inputs, outputs]; heads side by side in the columns of W_Q, W_K, W_V and the rows
 * of W_O.
 */
export interface BlockWeights<Matrix = Float32Array> {
  readonly ln1_w: Float32Array; // [dModel]
  readonly ln1_b: Float32Array; // [dModel]
  readonly W_Q: Matrix; // [dModel, heads * dHead]
  readonly W_K: Matrix; // [dModel, heads * dHead]
  readonly W_V: Matrix; // [dModel, heads * dHead]
  readonly b_Q: Float32Array; // [heads * dHead]
  readonly b_K: Float32Array; // [heads * dHead]
  readonly b_V: Float32Array; // [heads * dHead]
  readonly W_O: Matrix; // [heads * dHead, dModel]
  readonly b_O: Float32Array; // [dModel]
  readonly ln2_w: Float32Array; // [dModel]
  readonly ln2_b: Float32Array; // [dModel]
  readonly W_in: Matrix; // [dModel, dMlp]
  readonly b_in: Float32Array; // [dMlp]
  readonly W_out: Matrix; // [dMlp, dModel]
  readonly b_out: Float32Array; // [dModel]
}

/** A block's weights in a backend's layout. */
export type PackedBlock = BlockWeights<PackedMatrix>;

/** The weights outside the blocks. */
export interface OuterWeights<Rows = Float32Array> {
  readonly W_E: Rows; // [dVocab, dModel]
  readonly W_pos: Float32Array; // [nCtx, dModel]
  readonly lnFinal_w: Float32Array; // [dModel]
  readonly lnFinal_b: Float32Array; // [dModel]
  /** [dVocab, dModel], as Hugging Face's lm_head stores it; null when it is W_E itself: one array, not two. */
  readonly W_U: Rows | null;
}

/** The same, W_E and W_U read row by row. */
export type OuterTables = OuterWeights<Table>;

/** A dim of a weight, by the name the config gives it here. `heads * dHead` is dModel in GPT-2. */
export type WeightDim = "dModel" | "dMlp" | "dVocab" | "nCtx";

/**
 * Where a weight comes from: a tensor of a Hugging Face checkpoint, its dims, and what it fills. A tensor that
 * fills several weights holds them side by side: its last dim is that many times as long.
 */
export interface WeightSource<Weight> {
  readonly name: string;
  readonly dims: readonly WeightDim[];
  readonly fills: readonly Weight[];
}

/**
 * A block's tensors, after `h.{layer}.`. Those with two dims are linear layers, which Hugging Face's Conv1D stores as
 * [inputs, outputs].
 */
export const blockSources: readonly WeightSource<keyof BlockWeights>[] = [
  { name: "ln_1.weight", dims: ["dModel"], fills: ["ln1_w"] },
  { name: "ln_1.bias", dims: ["dModel"], fills: ["ln1_b"] },
  { name: "attn.c_attn.weight", dims: ["dModel", "dModel"], fills: ["W_Q", "W_K", "W_V"] },
  { name: "attn.c_attn.bias", dims: ["dModel"], fills: ["b_Q", "b_K", "b_V"] },
  { name: "attn.c_proj.weight", dims: ["dModel", "dModel"], fills: ["W_O"] },
  { name: "attn.c_proj.bias", dims: ["dModel"], fills: ["b_O"] },
  { name: "ln_2.weight", dims: ["dModel"], fills: ["ln2_w"] },
  { name: "ln_2.bias", dims: ["dModel"], fills: ["ln2_b"] },
  { name: "mlp.c_fc.weight", dims: ["dModel", "dMlp"], fills: ["W_in"] },
  { name: "mlp.c_fc.bias", dims: ["dMlp"], fills: ["b_in"] },
  { name: "mlp.c_proj.weight", dims: ["dMlp", "dModel"], fills: ["W_out"] },
  { name: "mlp.c_proj.bias", dims: ["dModel"], fills: ["b_out"] },
];

/** Buffers of older checkpoints, after `h.{layer}.`: the causal mask and its fill value. They hold no weights. */
export const skippedBuffers: readonly string[] = ["attn.bias", "attn.masked_bias"];

/** The tensors outside the blocks. A tied pair, wte and lm_head, may be stored under one name or both. */
export const outerSources: readonly WeightSource<keyof OuterWeights>[] = [
  { name: "wte.weight", dims: ["dVocab", "dModel"], fills: ["W_E"] },
  { name: "wpe.weight", dims: ["nCtx", "dModel"], fills: ["W_pos"] },
  { name: "ln_f.weight", dims: ["dModel"], fills: ["lnFinal_w"] },
  { name: "ln_f.bias", dims: ["dModel"], fills: ["lnFinal_b"] },
  { name: "lm_head.weight", dims: ["dVocab", "dModel"], fills: ["W_U"] },
];

/** The key of config.json that sets a dim. */
export const configKeys: Readonly<Record<WeightDim, string>> = {
  dModel: "n_embd",
  dMlp: "n_inner",
  dVocab: "vocab_size",
  nCtx: "n_positions",
};

/**
 * That weights in memory are those of a config.
 *
 * @throws ShapeError for a weight of another size, or another number of blocks
 */
export function expectWeights(
  config: Gpt2Config,
  weights: OuterWeights & { readonly blocks: readonly BlockWeights[] },
): void {
  const where = "modelFromWeights";
  const { nLayers, nHeads, dHead, dModel } = config;
  expectObject(where, weights, "weights by name", "Give those of a model, the blocks' in a list.");
  if (!Array.isArray(weights.blocks)) {
    throw new ValueError(
      `${where}: blocks: got ${describe(weights.blocks)}, expected a list. Give each block's weights, in order.`,
    );
  }
  const remedy = "Give the config and the weights of one model.";
  expectShape(
    `${where}: config`,
    [nHeads * dHead],
    { dModel },
    "Give heads that share dModel: nHeads · dHead.",
  );
  expectShape(`${where}: blocks`, [weights.blocks.length], { nLayers }, remedy);
  const check = <W extends object>(here: string, from: W, sources: readonly WeightSource<keyof W>[]) => {
    for (const { dims, fills } of sources) {
      const size = dims.reduce((product, dim) => product * config[dim], 1);
      for (const name of fills) {
        const weight = from[name] as Float32Array | null | undefined;
        if (name === "W_U" && weight === null) continue;
        if (weight !== undefined && tagOf(weight) !== "Float32Array") {
          throw new ValueError(
            `${where}: ${here}${String(name)}: got ${describe(weight)}, expected a Float32Array. ${remedy}`,
          );
        }
        const expected = { [dims.join(" · ")]: size };
        expectShape(`${where}: ${here}${String(name)}`, [weight?.length ?? 0], expected, remedy);
      }
    }
  };
  check<OuterWeights>("", weights, outerSources);
  for (const [layer, block] of weights.blocks.entries()) {
    expectObject(`${where}: blocks[${layer}]`, block, "weights by name", remedy);
    check<BlockWeights>(`blocks[${layer}].`, block, blockSources);
  }
}
