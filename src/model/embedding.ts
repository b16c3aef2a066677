import { empty, type Kernels, type Tensor } from "../tensor/index.ts";
import type { Table } from "./table.ts";

/** What turns tokens and positions into the first residual stream. */
export interface Embedding {
  readonly dModel: number;
  /** [dVocab, dModel], as trained: rows are centred when they are read, so that a folded model needs no copy. */
  readonly W_E: Table;
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
  const out = empty(kernels, [tokens.length, tokens[0].length, dModel]);
  W_E.read(out.data, tokens.flat());
  if (centred) kernels.centre(out.data, out.data.length / dModel, dModel);
  return out;
}

/** Rows 0, 1, … of W_pos for every prompt: [batch, pos, dModel]. */
export function embedPositions(
  kernels: Kernels,
  embedding: Embedding,
  tokens: readonly (readonly number[])[],
): Tensor {
  const { dModel, W_pos } = embedding;
  const length = tokens[0].length;
  const out = empty(kernels, [tokens.length, length, dModel]);
  for (let prompt = 0; prompt < tokens.length; prompt++) {
    out.data.set(W_pos.subarray(0, length * dModel), prompt * length * dModel);
  }
  return out;
}
