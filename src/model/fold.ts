import type { Kernels, PackedMatrix } from "../tensor/index.ts";
import type { PackedBlock } from "./checkpoint/weights.ts";

/**
 * Compatibility mode for one block: fold each LayerNorm's gamma and beta into the matrices that read it, centre
 * what reads and writes the residual stream, and fold the value biases into b_O. The block computes the same
 * attention pattern and the same output less its mean over dModel, which no LayerNorm sees.
 *
 *   W ← P(gamma ⊙ W), b ← b + betaᵀW           for W_Q, W_K, W_V (ln1) and W_in (ln2)
 *   W_O ← W_O P, b_O ← P(b_O + b_Vᵀ W_O), b_V ← 0      with P = I − 11ᵀ/dModel
 *   W_out ← W_out P, b_out ← P b_out
 *
 * In float64 throughout, rounded to float32 once; TransformerLens rounds after every step.
 *
 * @param block its matrices are changed, and belong to the result
 * @see TransformerLens, `ProcessWeights`: fold_layer_norm, center_writing_weights, fold_value_biases
 */
export function foldBlock(kernels: Kernels, block: PackedBlock): PackedBlock {
  const { ln1_w, ln1_b, W_Q, W_K, W_V, W_O, ln2_w, ln2_b, W_in, W_out } = block;
  const dModel = ln1_w.length;
  const b_Q = foldReading(kernels, W_Q, block.b_Q, ln1_w, ln1_b);
  const b_K = foldReading(kernels, W_K, block.b_K, ln1_w, ln1_b);
  const b_V = foldReading(kernels, W_V, block.b_V, ln1_w, ln1_b);
  const b_O = addProduct(kernels, block.b_O, b_V, W_O);
  const b_in = foldReading(kernels, W_in, block.b_in, ln2_w, ln2_b);
  kernels.centreRows(W_O);
  kernels.centreRows(W_out);
  return {
    ...{ W_Q, W_K, W_V, W_O, W_in, W_out },
    ln1_w: ones(dModel),
    ln1_b: new Float32Array(dModel),
    b_Q: Float32Array.from(b_Q),
    b_K: Float32Array.from(b_K),
    b_V: new Float32Array(b_V.length),
    b_O: centreRows(b_O, dModel),
    ln2_w: ones(dModel),
    ln2_b: new Float32Array(dModel),
    b_in: Float32Array.from(b_in),
    b_out: centreRows(block.b_out, dModel),
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
  const bias = addProduct(kernels, b, Float64Array.from(beta), W);
  kernels.scaleAndCentreColumns(W, Float64Array.from(gamma));
  return bias;
}

/** b + vᵀW in float64. */
function addProduct(kernels: Kernels, b: Float32Array, v: Float64Array, W: PackedMatrix): Float64Array {
  const out = new Float64Array(W.cols);
  kernels.combineRows(out, v, W);
  return out.map((sum, c) => sum + b[c]);
}

/**
 * Each row less its mean: [rows, cols], or [cols] as one row. What writes the residual stream is centred so.
 *
 * @param out may be `x`
 */
export function centreRows(
  x: Float32Array | Float64Array,
  cols: number,
  out: Float32Array = new Float32Array(x.length),
): Float32Array {
  for (let start = 0; start < x.length; start += cols) {
    let sum = 0;
    for (let i = start; i < start + cols; i++) sum += x[i];
    const mean = sum / cols;
    for (let i = start; i < start + cols; i++) out[i] = x[i] - mean;
  }
  return out;
}

function ones(length: number): Float32Array {
  return new Float32Array(length).fill(1);
}
