import type { AttentionDims } from "../kernels.ts";

/**
 * Values mixed by the attention pattern; a sum runs over j in order.
 *
 *   out[b, i, h, d] = Σ_j pattern[b, h, i, j] v[b, j, h, d]
 *
 * A row's trailing zeros are skipped: a sum that starts at +0 keeps its bits when ±0 is added to it, and a
 * query takes nothing from a later value, be it NaN.
 *
 * @param out     [batch, queries, heads, dHead] written
 * @param pattern [batch, heads, queries, pos]   read
 * @param v       [batch, pos, heads, dHead]     read
 */
export function mixValues(
  out: Float32Array,
  pattern: Float32Array,
  v: Float32Array,
  dims: AttentionDims,
): void {
  const { batch, pos, heads, queryPos } = dims;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      mixHead(out, pattern, (b * heads + h) * queryPos.length * pos, v, b, h, dims);
    }
  }
}

/** One head of one prompt, its pattern [queries, pos] from pattern[p] on. Two queries at a time, four elements each. */
export function mixHead(
  out: Float32Array,
  pattern: Float32Array,
  p: number,
  v: Float32Array,
  b: number,
  h: number,
  { pos, heads, dHead, queryPos }: AttentionDims,
): void {
  const stride = heads * dHead; // from one position to the next
  const queries = queryPos.length;
  const first = b * pos * stride + h * dHead;
  for (let i = 0; i < queries; i += 2) {
    const row = p + i * pos;
    const length = lengthOf(pattern, row, pos);
    const paired = i + 1 < queries;
    const nextLength = paired ? lengthOf(pattern, row + pos, pos) : 0;
    const o = (b * queries + i) * stride + h * dHead;
    let d = 0;
    if (paired) {
      for (; d + 4 <= dHead; d += 4) {
        twoByFour(out, o + d, pattern, row, pos, length, nextLength, v, first + d, stride);
      }
    }
    for (; d < dHead; d++) {
      out[o + d] = mixed(pattern, row, length, v, first + d, stride);
      if (paired) out[o + stride + d] = mixed(pattern, row + pos, nextLength, v, first + d, stride);
    }
  }
}

/** The length of a pattern row without its trailing zeros. */
function lengthOf(pattern: Float32Array, row: number, pos: number): number {
  let length = pos;
  while (length > 0 && pattern[row + length - 1] === 0) length--;
  return length;
}

/** One element of one query's output. */
function mixed(
  pattern: Float32Array,
  row: number,
  length: number,
  v: Float32Array,
  value: number,
  stride: number,
): number {
  let sum = 0;
  for (let j = 0, p = value; j < length; j++, p += stride) sum += pattern[row + j] * v[p];
  return sum;
}

/** Four neighbouring elements of two queries' outputs: their common length, then the longer one's rest. */
function twoByFour(
  out: Float32Array,
  o: number,
  pattern: Float32Array,
  row: number,
  pos: number,
  length: number,
  nextLength: number,
  v: Float32Array,
  value: number,
  stride: number,
): void {
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  const common = Math.min(length, nextLength);
  let p = value;
  for (let j = 0; j < common; j++, p += stride) {
    const v0 = v[p];
    const v1 = v[p + 1];
    const v2 = v[p + 2];
    const v3 = v[p + 3];
    const w0 = pattern[row + j];
    s00 += w0 * v0;
    s01 += w0 * v1;
    s02 += w0 * v2;
    s03 += w0 * v3;
    const w1 = pattern[row + pos + j];
    s10 += w1 * v0;
    s11 += w1 * v1;
    s12 += w1 * v2;
    s13 += w1 * v3;
  }
  for (let j = common, rest = p; j < length; j++, rest += stride) {
    const w = pattern[row + j];
    s00 += w * v[rest];
    s01 += w * v[rest + 1];
    s02 += w * v[rest + 2];
    s03 += w * v[rest + 3];
  }
  for (let j = common, rest = p; j < nextLength; j++, rest += stride) {
    const w = pattern[row + pos + j];
    s10 += w * v[rest];
    s11 += w * v[rest + 1];
    s12 += w * v[rest + 2];
    s13 += w * v[rest + 3];
  }
  out[o] = s00;
  out[o + 1] = s01;
  out[o + 2] = s02;
  out[o + 3] = s03;
  out[o + stride] = s10;
  out[o + stride + 1] = s11;
  out[o + stride + 2] = s12;
  out[o + stride + 3] = s13;
}
