import { ValueError } from "../errors.ts";
import type { Kernels, PackedMatrix } from "../tensor/index.ts";
import type { PackedBlock } from "./checkpoint/weights.ts";
import { describe } from "./files/json.ts";
import { expectKnown } from "./knownOptions.ts";

/** Options of folding. */
export interface FoldOptions {
  /**
   * True puts the value biases b_V into b_O, as TransformerLens's `fold_value_biases` has it. Default true: then what a head
   * writes, z·W_O, is without its value bias. With false z keeps it, as on the weights as trained, so that a head whose z is set
   * to zero loses it there too.
   */
  readonly foldValueBiases?: boolean | undefined;
}

/**
 * Reads the option: true folds the value biases.
 *
 * @param own what became of them in a folded model, null of weights as trained
 * @throws ValueError for an option that there is not, one that is not a boolean, or another way than the model was folded
 */
export function readFolding(where: string, options: FoldOptions, own: "folded" | "kept" | null): boolean {
  expectKnown(where, options, { foldValueBiases: true });
  const { foldValueBiases } = options;
  expectFolding(where, foldValueBiases);
  if (own === null) return foldValueBiases ?? true;
  if (foldValueBiases === undefined || foldValueBiases === (own === "folded")) return own === "folded";
  throw new ValueError(
    `${where}: got foldValueBiases ${foldValueBiases} for a model whose value biases are ${own} already, ` +
      "expected the weights as trained. Ask the model that it was made from, or load it again.",
  );
}

/** @throws ValueError unless it is a boolean or left out */
export function expectFolding(where: string, foldValueBiases: unknown): void {
  if (foldValueBiases === undefined || typeof foldValueBiases === "boolean") return;
  throw new ValueError(
    `${where}: got foldValueBiases ${describe(foldValueBiases)}, expected true or false. Leave it out for true.`,
  );
}

/**
 * Compatibility mode for one block: fold each LayerNorm's gamma and beta into the matrices that read it, centre
 * what reads and writes the residual stream, and fold the value biases into b_O. The block computes the same
 * attention pattern and the same output less its mean over dModel, which no LayerNorm sees.
 *
 *   W ← P(gamma ⊙ W), b ← b + betaᵀW           for W_Q, W_K, W_V (ln1) and W_in (ln2)
 *   W_O ← W_O P, b_O ← P(b_O + b_Vᵀ W_O), b_V ← 0      with P = I − 11ᵀ/dModel
 *   W_out ← W_out P, b_out ← P b_out
 *
 * Without `foldValueBiases` b_V stays where it is, and b_O ← P b_O.
 *
 * In float64 throughout, rounded to float32 once; TransformerLens rounds after every step.
 *
 * @param block its matrices are changed, and belong to the result; W_out may be centred already
 * @see TransformerLens, `ProcessWeights`: fold_layer_norm, center_writing_weights, fold_value_biases
 */
export function foldBlock(
  kernels: Kernels,
  block: PackedBlock,
  { isCentred, foldValueBiases = true }: FoldOptions & { readonly isCentred: boolean },
): PackedBlock {
  const { ln1_w, ln1_b, W_Q, W_K, W_V, W_O, ln2_w, ln2_b, W_in, W_out } = block;
  const dModel = ln1_w.length;
  const b_Q = foldReading(kernels, W_Q, block.b_Q, ln1_w, ln1_b);
  const b_K = foldReading(kernels, W_K, block.b_K, ln1_w, ln1_b);
  const b_V = foldReading(kernels, W_V, block.b_V, ln1_w, ln1_b);
  const b_O = foldValueBiases ? addProduct(kernels, block.b_O, b_V, W_O) : block.b_O;
  const b_in = foldReading(kernels, W_in, block.b_in, ln2_w, ln2_b);
  kernels.centreRows(W_O);
  if (!isCentred) kernels.centreRows(W_out);
  return {
    ...{ W_Q, W_K, W_V, W_O, W_in, W_out },
    ln1_w: ones(dModel),
    ln1_b: new Float32Array(dModel),
    b_Q: Float32Array.from(b_Q),
    b_K: Float32Array.from(b_K),
    b_V: foldValueBiases ? new Float32Array(b_V.length) : Float32Array.from(b_V),
    b_O: centred(b_O),
    ln2_w: ones(dModel),
    ln2_b: new Float32Array(dModel),
    b_in: Float32Array.from(b_in),
    b_out: centred(block.b_out),
  };
}

/** Takes a norm's affine part and centring into a matrix that reads it, W; returns the bias in float64. */
function foldReading(
  kernels: Kernels,
  W: PackedMatrix,
  b: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
): Float64Array {
  const sums = new Float64Array(W.cols);
  kernels.foldNorm(sums, W, Float64Array.from(gamma), Float64Array.from(beta));
  return sums.map((sum, c) => sum + b[c]);
}

/** b + vᵀW in float64. */
function addProduct(kernels: Kernels, b: Float32Array, v: Float64Array, W: PackedMatrix): Float64Array {
  const out = new Float64Array(W.cols);
  kernels.combineRows(out, v, W);
  return out.map((sum, c) => sum + b[c]);
}

/** A vector less its mean, rounded once: what writes the residual stream is centred. */
function centred(vector: Float32Array | Float64Array): Float32Array {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i];
  const mean = sum / vector.length;
  return Float32Array.from(vector, (value) => value - mean);
}

function ones(length: number): Float32Array {
  return new Float32Array(length).fill(1);
}
