import { type Kernels, type Tensor, tensor } from "../tensor/index.ts";
import { centreRows } from "./fold.ts";

/** What turns tokens and positions into the first residual stream. */
export interface Embedding {
  readonly dModel: number;
  /** [dVocab, dModel], as trained: rows are centred when they are read, so that a folded model needs no copy. */
  readonly W_E: Float32Array;
  /** [nCtx, dModel], centred already on a folded model. */
  readonly W_pos: Float32Array;
  /** Whether the rows of W_E are to be centred over dModel (compatibility mode). */
  readonly centred: boolean;
}

/** Rows of W_E: [batch, pos, dModel]. */
export function embed(
  kernels: Kernels,
  embedding: Embedding,
  tokens: readonly (readonly number[])[],
): Tensor {
  const { dModel, W_E, centred } = embedding;
  const out = new Float32Array(tokens.length * tokens[0].length * dModel);
  kernels.gatherRows(out, W_E, tokens.flat(), dModel);
  return tensor([tokens.length, tokens[0].length, dModel], centred ? centreRows(out, dModel) : out);
}

/** Rows 0, 1, … of W_pos for every prompt: [batch, pos, dModel]. */
export function embedPositions(
  kernels: Kernels,
  embedding: Embedding,
  tokens: readonly (readonly number[])[],
): Tensor {
  const { dModel, W_pos } = embedding;
  const out = tensor([tokens.length, tokens[0].length, dModel]);
  const positions = tokens.flatMap((prompt) => prompt.map((_, position) => position));
  kernels.gatherRows(out.data, W_pos, positions, dModel);
  return out;
}
