import type { AttentionDims } from "../kernels.ts";

/**
 * Scaled dot products of queries and keys, masked with −∞ after each query's position; a sum runs over d in order.
 *
 *   out[b, h, i, j] = scale · Σ_d q[b, i, h, d] k[b, j, h, d]   for j ≤ queryPos[i]
 *
 * @param out [batch, heads, queries, pos]   written
 * @param q   [batch, queries, heads, dHead] read
 * @param k   [batch, pos, heads, dHead]     read
 */
export function attentionScores(
  out: Float32Array,
  q: Float32Array,
  k: Float32Array,
  dims: AttentionDims,
  scale: number,
): void {
  const { batch, pos, heads, queryPos } = dims;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      headScores(out, (b * heads + h) * queryPos.length * pos, q, k, b, h, dims, scale);
    }
  }
}

/**
 * The scores of one head of one prompt, [queries, pos] from out[o] on. Two queries at a time against four keys, as far
 * as both see; one by one what is left.
 */
export function headScores(
  out: Float32Array,
  o: number,
  q: Float32Array,
  k: Float32Array,
  b: number,
  h: number,
  { pos, heads, dHead, queryPos }: AttentionDims,
  scale: number,
): void {
  const stride = heads * dHead; // from one position to the next
  const queries = queryPos.length;
  const firstQuery = b * queries * stride + h * dHead;
  const firstKey = b * pos * stride + h * dHead;
  for (let i = 0; i < queries; i++) {
    const row = o + i * pos;
    const pair = i - (i % 2); // the even query of this one's pair
    const common = pair + 1 < queries ? Math.min(queryPos[pair], queryPos[pair + 1]) + 1 : 0;
    const tiled = common - (common % 4);
    const query = firstQuery + i * stride;
    if (i === pair) {
      for (let j = 0; j < tiled; j += 4) {
        twoByFour(out, row + j, pos, q, query, k, firstKey + j * stride, stride, dHead, scale);
      }
    }
    for (let j = tiled; j <= queryPos[i]; j++) {
      let sum = 0;
      for (let d = 0; d < dHead; d++) sum += q[query + d] * k[firstKey + j * stride + d];
      out[row + j] = scale * sum;
    }
    out.fill(-Infinity, row + queryPos[i] + 1, row + pos);
  }
}

/** Two queries against four keys: eight sums in registers, six loads for eight products. */
function twoByFour(
  out: Float32Array,
  o: number,
  pos: number,
  q: Float32Array,
  query: number,
  k: Float32Array,
  key: number,
  stride: number,
  dHead: number,
  scale: number,
): void {
  const key1 = key + stride;
  const key2 = key1 + stride;
  const key3 = key2 + stride;
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  for (let d = 0; d < dHead; d++) {
    const k0 = k[key + d];
    const k1 = k[key1 + d];
    const k2 = k[key2 + d];
    const k3 = k[key3 + d];
    const q0 = q[query + d];
    s00 += q0 * k0;
    s01 += q0 * k1;
    s02 += q0 * k2;
    s03 += q0 * k3;
    const q1 = q[query + stride + d];
    s10 += q1 * k0;
    s11 += q1 * k1;
    s12 += q1 * k2;
    s13 += q1 * k3;
  }
  out[o] = scale * s00;
  out[o + 1] = scale * s01;
  out[o + 2] = scale * s02;
  out[o + 3] = scale * s03;
  out[o + pos] = scale * s10;
  out[o + pos + 1] = scale * s11;
  out[o + pos + 2] = scale * s12;
  out[o + pos + 3] = scale * s13;
}
