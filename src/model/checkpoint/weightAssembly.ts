import type { Gpt2Config } from "../config.ts";
import { type Destination, transposeSquare } from "./placement.ts";
import type { Role } from "./tensorRoles.ts";
import type { Layout } from "./tensorShapes.ts";
import { type BlockWeights, blockSources, type OuterWeights, type WeightSource } from "./weights.ts";

/** Puts tensors, as they come, together to weights. */
export interface WeightAssembly {
  /** Makes room for a tensor, has it read, and hands over the block that it completes. */
  add(
    role: Exclude<Role, { kind: "skipped" }>,
    layout: Layout | undefined,
    read: (destination: Destination) => Promise<void>,
  ): Promise<void>;
  /** The weights outside the blocks, once every tensor has been added. */
  outer(): OuterWeights;
}

/** A block on its way: its weights so far, and how many tensors it still waits for. */
interface OpenBlock {
  readonly weights: Partial<Record<keyof BlockWeights, Float32Array>>;
  /** Square matrices read before the layout was known. */
  readonly asStored: { readonly weight: Float32Array; readonly size: number }[];
  waitingFor: number;
}

export function weightAssembly(
  config: Gpt2Config,
  receiveBlock: (layer: number, block: BlockWeights) => void,
  warn: (message: string) => void,
): WeightAssembly {
  const blocks = new Map<number, OpenBlock>();
  const outer: Partial<Record<keyof OuterWeights, Float32Array>> = {};
  return {
    async add(role, layout, read) {
      if (role.kind === "outer") {
        await fill(role.source, outer, config, false, read);
        return;
      }
      const { layer, source } = role;
      const block = blocks.get(layer) ?? { weights: {}, asStored: [], waitingFor: blockSources.length };
      blocks.set(layer, block);

      const linear = source.dims.length === 2;
      const transposed = linear && layout?.transposed === true;
      const [weight] = await fill(source, block.weights, config, transposed, read);
      if (linear && layout === undefined) block.asStored.push({ weight, size: config[source.dims[0]] });
      block.waitingFor--;
      if (block.waitingFor > 0) return;

      if (layout?.transposed) for (const { weight, size } of block.asStored) transposeSquare(weight, size);
      blocks.delete(layer);
      receiveBlock(layer, block.weights as BlockWeights);
    },
    outer: () => tieEmbeddings(outer, config, warn),
  };
}

/** Allocates the weights that a tensor fills, and has it read into them. */
async function fill<Weight extends string>(
  source: WeightSource<Weight>,
  weights: Partial<Record<Weight, Float32Array>>,
  config: Gpt2Config,
  transposed: boolean,
  read: (destination: Destination) => Promise<void>,
): Promise<Float32Array[]> {
  const sizes = source.dims.map((dim) => config[dim]);
  const [rows, cols] = sizes.length === 2 ? sizes : [1, sizes[0]];
  const parts = source.fills.map(() => new Float32Array(rows * cols));
  await read({ parts, rows, cols, transposed });
  source.fills.forEach((weight, part) => {
    weights[weight] = parts[part];
  });
  return parts;
}

/** One array where the logits come from the embedding itself, by whichever of the two names it was stored. */
function tieEmbeddings(
  outer: Partial<Record<keyof OuterWeights, Float32Array>>,
  config: Gpt2Config,
  warn: (message: string) => void,
): OuterWeights {
  const { W_pos, lnFinal_w, lnFinal_b } = outer as OuterWeights;
  const W_E = (outer.W_E ?? outer.W_U) as Float32Array;
  const W_U = outer.W_U ?? W_E;
  const same = W_E === W_U || equal(W_E, W_U);
  if (!same && config.tieWordEmbeddings) {
    warn(
      "lm_head.weight: differs from wte.weight, though config.json ties the two: the logits are computed with " +
        'lm_head.weight, as transformers 5 does. "tie_word_embeddings": false would say so.',
    );
  }
  return { W_E, W_pos, lnFinal_w, lnFinal_b, W_U: same ? null : W_U };
}

function equal(a: Float32Array, b: Float32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
