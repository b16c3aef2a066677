import type { BlockWeights } from "./checkpoint/weights.ts";

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
 * @see TransformerLens, `ProcessWeights`: fold_layer_norm, center_writing_weights, fold_value_biases
 */
export function foldBlock(block: BlockWeights, dModel: number): BlockWeights {
  const { ln1_w, ln1_b, ln2_w, ln2_b } = block;
  const q = foldReading(block.W_Q, block.b_Q, ln1_w, ln1_b);
  const k = foldReading(block.W_K, block.b_K, ln1_w, ln1_b);
  const v = foldReading(block.W_V, block.b_V, ln1_w, ln1_b);
  const mlpIn = foldReading(block.W_in, block.b_in, ln2_w, ln2_b);
  return {
    ln1_w: ones(dModel),
    ln1_b: new Float32Array(dModel),
    W_Q: q.W,
    b_Q: Float32Array.from(q.b),
    W_K: k.W,
    b_K: Float32Array.from(k.b),
    W_V: v.W,
    b_V: new Float32Array(block.b_V.length),
    W_O: centreRows(block.W_O, dModel),
    b_O: centreRows(addProduct(block.b_O, v.b, block.W_O), dModel),
    ln2_w: ones(dModel),
    ln2_b: new Float32Array(dModel),
    W_in: mlpIn.W,
    b_in: Float32Array.from(mlpIn.b),
    W_out: centreRows(block.W_out, dModel),
    b_out: centreRows(block.b_out, dModel),
  };
}

/**
 * A matrix that reads a LayerNorm, with the norm's affine part and centring taken into it.
 *
 * @param W     [dModel, cols] row-major
 * @param b     [cols]
 * @param gamma [dModel]
 * @param beta  [dModel]
 * @returns W [dModel, cols], rounded, and b [cols] in float64
 */
function foldReading(
  W: Float32Array,
  b: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
): { W: Float32Array; b: Float64Array } {
  const cols = b.length;
  const means = new Float64Array(cols);
  const foldedBias = Float64Array.from(b);
  for (let i = 0, at = 0; i < gamma.length; i++) {
    for (let c = 0; c < cols; c++, at++) {
      means[c] += gamma[i] * W[at];
      foldedBias[c] += beta[i] * W[at];
    }
  }
  for (let c = 0; c < cols; c++) means[c] /= gamma.length;
  const folded = new Float32Array(W.length);
  for (let i = 0, at = 0; i < gamma.length; i++) {
    for (let c = 0; c < cols; c++, at++) folded[at] = gamma[i] * W[at] - means[c];
  }
  return { W: folded, b: foldedBias };
}

/** Each row less its mean: [rows, cols], or [cols] as one row. What writes the residual stream is centred so. */
export function centreRows(x: Float32Array | Float64Array, cols: number): Float32Array {
  const out = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += cols) {
    let sum = 0;
    for (let i = start; i < start + cols; i++) sum += x[i];
    const mean = sum / cols;
    for (let i = start; i < start + cols; i++) out[i] = x[i] - mean;
  }
  return out;
}

/** b + vᵀW in float64; W [v.length, b.length]. */
function addProduct(b: Float32Array, v: Float64Array, W: Float32Array): Float64Array {
  const out = Float64Array.from(b);
  for (let i = 0, at = 0; i < v.length; i++) {
    for (let c = 0; c < out.length; c++, at++) out[c] += v[i] * W[at];
  }
  return out;
}

function ones(length: number): Float32Array {
  return new Float32Array(length).fill(1);
}
