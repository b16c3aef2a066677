import { expectShape } from "../errors.ts";
import type { Activation, AttentionDims, Kernels, PackedMatrix } from "./kernels.ts";
import { sizeOf, type Tensor, tensor } from "./tensor.ts";

/** A matrix W, row-major [inner, cols], in the backend's layout. */
export function pack(kernels: Kernels, W: Float32Array, inner: number, cols: number): PackedMatrix {
  const packed = kernels.matrix(inner, cols);
  kernels.fillRows(packed, 0, W, inner, cols, 0);
  return packed;
}

/** x·W + b on the last axis: [..., W.inner] to [..., W.cols]. */
export function linear(kernels: Kernels, x: Tensor, W: PackedMatrix, bias: Float32Array | null): Tensor {
  const { lead, rows, cols } = rowsOf(x);
  expectShape("linear: x", [rows, cols], { rows, inner: W.inner }, "Give rows of the matrix's inner size.");
  const out = empty(kernels, [...lead, W.cols]);
  kernels.matmul(out.data, x.data, W, bias, rows);
  return out;
}

/** LayerNorm's denominator: [..., cols] to [..., 1]. */
export function layerNormScale(kernels: Kernels, x: Tensor, eps: number): Tensor {
  const { lead, rows, cols } = rowsOf(x);
  const out = empty(kernels, [...lead, 1]);
  kernels.layerNormScale(out.data, x.data, rows, cols, eps);
  return out;
}

/** (x − mean) / scale, row by row: [..., cols] and [..., 1] to [..., cols]. */
export function normalizeRows(kernels: Kernels, x: Tensor, scale: Tensor): Tensor {
  const { lead, rows, cols } = rowsOf(x);
  expectShape("normalizeRows: scale", scale.shape, dimsOf([...lead, 1]), "Give one scale per row.");
  const out = empty(kernels, x.shape);
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
  const out = empty(kernels, x.shape);
  kernels.affineRows(out.data, x.data, gamma, beta, rows, cols);
  return out;
}

/**
 * Causal attention: q [batch, queryPos.length, head, dHead], k and v [batch, pos, head, dHead] to q's shape.
 *
 * @param queryPos the queries' positions
 */
export function attend(
  kernels: Kernels,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  queryPos: readonly number[],
  scale: number,
): Tensor {
  const dims = attentionDims("attend", q, k, queryPos);
  expectShape("attend: v", v.shape, dimsOf(k.shape), "Give values of the keys' shape.");
  const out = empty(kernels, q.shape);
  kernels.attend(out.data, q.data, k.data, v.data, dims, scale);
  return out;
}

/** Scaled, causally masked scores: q and k as in `attend` to [batch, head, queryPos, keyPos]. */
export function attentionScores(
  kernels: Kernels,
  q: Tensor,
  k: Tensor,
  queryPos: readonly number[],
  scale: number,
): Tensor {
  const dims = attentionDims("attentionScores", q, k, queryPos);
  const out = empty(kernels, [dims.batch, dims.heads, queryPos.length, dims.pos]);
  kernels.attentionScores(out.data, q.data, k.data, dims, scale);
  return out;
}

/** Softmax of the last axis; −∞ becomes 0. */
export function softmaxRows(kernels: Kernels, x: Tensor): Tensor {
  const { rows, cols } = rowsOf(x);
  const out = empty(kernels, x.shape);
  kernels.softmaxRows(out.data, x.data, rows, cols);
  return out;
}

/** Values mixed by the pattern: [batch, head, queryPos, keyPos] and [batch, keyPos, head, dHead] to [batch, queryPos, head, dHead]. */
export function mixValues(kernels: Kernels, pattern: Tensor, v: Tensor, queryPos: readonly number[]): Tensor {
  const [batch, pos, head, dHead] = v.shape;
  const expected = { batch, head, queryPos: queryPos.length, keyPos: pos };
  expectShape("mixValues: pattern", pattern.shape, expected, "Give one weight per head, query and key.");
  const out = empty(kernels, [batch, queryPos.length, head, dHead]);
  kernels.mixValues(out.data, pattern.data, v.data, { batch, pos, heads: head, dHead, queryPos });
  return out;
}

/** a + b, both of one shape. */
export function add(kernels: Kernels, a: Tensor, b: Tensor): Tensor {
  expectShape("add: b", b.shape, dimsOf(a.shape), "Add tensors of one shape.");
  const out = empty(kernels, a.shape);
  kernels.add(out.data, a.data, b.data);
  return out;
}

/** A nonlinearity, element by element. */
export function activate(kernels: Kernels, activation: Activation, x: Tensor): Tensor {
  const out = empty(kernels, x.shape);
  kernels.activations[activation](out.data, x.data);
  return out;
}

/** The same elements under another shape. */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  return tensor(shape, x.data);
}

/** A tensor in the session's memory, whose elements are still to be written. */
export function empty(kernels: Kernels, shape: readonly number[]): Tensor {
  return tensor(shape, kernels.allocate(sizeOf(shape)));
}

function rowsOf(x: Tensor): { lead: readonly number[]; rows: number; cols: number } {
  const cols = x.shape[x.shape.length - 1];
  return { lead: x.shape.slice(0, -1), rows: x.data.length / cols, cols };
}

function dimsOf(shape: readonly number[]): Record<string, number> {
  return Object.fromEntries(shape.map((size, axis) => [`axis${axis}`, size]));
}

function attentionDims(where: string, q: Tensor, k: Tensor, queryPos: readonly number[]): AttentionDims {
  const [batch, pos, heads, dHead] = k.shape;
  const expected = { batch, queryPos: queryPos.length, head: heads, dHead };
  expectShape(`${where}: q`, q.shape, expected, "Give one query per position, of the keys' heads.");
  return { batch, pos, heads, dHead, queryPos };
}
