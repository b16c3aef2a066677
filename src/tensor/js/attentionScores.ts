/**
 * Scaled dot products of queries and keys, masked with −∞ above the diagonal; a sum runs over d in order. Two
 * queries at a time against four keys, up to the diagonal; one by one what is left there.
 *
 *   out[b, h, i, j] = scale · Σ_d q[b, i, h, d] k[b, j, h, d]   for j ≤ i
 *
 * @param out  [batch, heads, pos, pos]   written
 * @param q, k [batch, pos, heads, dHead] read
 */
export function attentionScores(
  out: Float32Array,
  q: Float32Array,
  k: Float32Array,
  batch: number,
  pos: number,
  heads: number,
  dHead: number,
  scale: number,
): void {
  const stride = heads * dHead; // from one position to the next
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const first = b * pos * stride + h * dHead;
      for (let i = 0; i < pos; i++) {
        const row = ((b * heads + h) * pos + i) * pos;
        const pair = i - (i % 2); // the even query of this one's pair
        const tiled = pair + 1 < pos ? pair + 1 - ((pair + 1) % 4) : 0;
        if (i === pair) {
          for (let j = 0; j < tiled; j += 4) {
            twoByFour(out, row + j, pos, q, first + i * stride, k, first + j * stride, stride, dHead, scale);
          }
        }
        for (let j = tiled; j <= i; j++) {
          let sum = 0;
          for (let d = 0; d < dHead; d++) sum += q[first + i * stride + d] * k[first + j * stride + d];
          out[row + j] = scale * sum;
        }
        out.fill(-Infinity, row + i + 1, row + pos);
      }
    }
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
