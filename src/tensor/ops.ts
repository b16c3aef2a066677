import { expectShape } from "../errors.ts";
import type { Activation, Kernels, PackedMatrix } from "./kernels.ts";
import { type Tensor, tensor } from "./tensor.ts";

/** x·W + b on the last axis: [..., W.inner] to [..., W.cols]. */
export function linear(kernels: Kernels, x: Tensor, W: PackedMatrix, bias: Float32Array | null): Tensor {
  const { lead, rows, cols } = rowsOf(x);
  expectShape("linear: x", [rows, cols], { rows, inner: W.inner }, "Give rows of the matrix's inner size.");
  const out = tensor([...lead, W.cols]);
  kernels.matmul(out.data, x.data, W, bias, rows);
  return out;
}

/** LayerNorm's denominator: [..., cols] to [..., 1]. */
export function layerNormScale(kernels: Kernels, x: Tensor, eps: number): Tensor {
  const { lead, rows, cols } = rowsOf(x);
  const out = tensor([...lead, 1]);
  kernels.layerNormScale(out.data, x.data, rows, cols, eps);
  return out;
}

/** (x − mean) / scale, row by row: [..., cols] and [..., 1] to [..., cols]. */
export function normalizeRows(kernels: Kernels, x: Tensor, scale: Tensor): Tensor {
  const { lead, rows, cols } = rowsOf(x);
  expectShape("normalizeRows: scale", scale.shape, dims([...lead, 1]), "Give one scale per row.");
  const out = tensor(x.shape);
  kernels.normalizeRows(out.data, x.data, scale.data, rows, cols);
  return out;
}

/** x ⊙ gamma + beta on the last axis. */
export function affineRows(kernels: Kernels, x: Tensor, gamma: Float32Array, beta: Float32Array): Tensor {
  const { rows, cols } = rowsOf(x);
  expectShape(
    "affineRows: gamma, beta",
    [gamma.length, beta.length],
    { gamma: cols, beta: cols },
    "Give one of each per column.",
  );
  const out = tensor(x.shape);
  kernels.affineRows(out.data, x.data, gamma, beta, rows, cols);
  return out;
}

/** Scaled, causally masked scores: q and k [batch, pos, head, dHead] to [batch, head, queryPos, keyPos]. */
export function attentionScores(kernels: Kernels, q: Tensor, k: Tensor, scale: number): Tensor {
  const [batch, pos, head, dHead] = q.shape;
  expectShape("attentionScores: k", k.shape, { batch, pos, head, dHead }, "Give keys of the queries' shape.");
  const out = tensor([batch, head, pos, pos]);
  kernels.attentionScores(out.data, q.data, k.data, batch, pos, head, dHead, scale);
  return out;
}

/** Softmax of the last axis; −∞ becomes 0. */
export function softmaxRows(kernels: Kernels, x: Tensor): Tensor {
  const { rows, cols } = rowsOf(x);
  const out = tensor(x.shape);
  kernels.softmaxRows(out.data, x.data, rows, cols);
  return out;
}

/** Values mixed by the pattern: [batch, head, queryPos, keyPos] and [batch, pos, head, dHead] to the latter. */
export function mixValues(kernels: Kernels, pattern: Tensor, v: Tensor): Tensor {
  const [batch, pos, head, dHead] = v.shape;
  const expected = { batch, head, queryPos: pos, keyPos: pos };
  expectShape("mixValues: pattern", pattern.shape, expected, "Give one weight per head, query and key.");
  const out = tensor(v.shape);
  kernels.mixValues(out.data, pattern.data, v.data, batch, pos, head, dHead);
  return out;
}

/** a + b, both of one shape. */
export function add(kernels: Kernels, a: Tensor, b: Tensor): Tensor {
  expectShape("add: b", b.shape, dims(a.shape), "Add tensors of one shape.");
  const out = tensor(a.shape);
  kernels.add(out.data, a.data, b.data);
  return out;
}

/** A nonlinearity, element by element. */
export function activate(kernels: Kernels, activation: Activation, x: Tensor): Tensor {
  const out = tensor(x.shape);
  kernels.activations[activation](out.data, x.data);
  return out;
}

/** The same elements under another shape. */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  return tensor(shape, x.data);
}

function rowsOf(x: Tensor): { lead: readonly number[]; rows: number; cols: number } {
  const cols = x.shape[x.shape.length - 1];
  return { lead: x.shape.slice(0, -1), rows: x.data.length / cols, cols };
}

function dims(shape: readonly number[]): Record<string, number> {
  return Object.fromEntries(shape.map((size, axis) => [`axis${axis}`, size]));
}
