/**
 * Scaled dot products of queries and keys, masked with −∞ above the diagonal; a sum runs over d in order.
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
  let row = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const first = b * pos * stride + h * dHead;
      for (let i = 0; i < pos; i++, row += pos) {
        const query = first + i * stride;
        const seen = i + 1;
        let j = 0;
        for (; j + 4 <= seen; j += 4) {
          fourScores(out, row + j, q, query, k, first + j * stride, stride, dHead, scale);
        }
        for (; j < seen; j++) {
          const key = first + j * stride;
          let sum = 0;
          for (let d = 0; d < dHead; d++) sum += q[query + d] * k[key + d];
          out[row + j] = scale * sum;
        }
        out.fill(-Infinity, row + seen, row + pos);
      }
    }
  }
}

/** One query against four keys in a row: four sums that do not wait for each other. */
function fourScores(
  out: Float32Array,
  o: number,
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
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let d = 0; d < dHead; d++) {
    const a = q[query + d];
    s0 += a * k[key + d];
    s1 += a * k[key1 + d];
    s2 += a * k[key2 + d];
    s3 += a * k[key3 + d];
  }
  out[o] = scale * s0;
  out[o + 1] = scale * s1;
  out[o + 2] = scale * s2;
  out[o + 3] = scale * s3;
}

/**
 * Values mixed by the attention pattern; a sum runs over j in order.
 *
 *   out[b, i, h, d] = Σ_j pattern[b, h, i, j] v[b, j, h, d]
 *
 * A row's trailing zeros are skipped: a sum that starts at +0 keeps its bits when ±0 is added to it.
 *
 * @param out     [batch, pos, heads, dHead] written
 * @param pattern [batch, heads, pos, pos]   read
 * @param v       [batch, pos, heads, dHead] read; finite
 */
export function mixValues(
  out: Float32Array,
  pattern: Float32Array,
  v: Float32Array,
  batch: number,
  pos: number,
  heads: number,
  dHead: number,
): void {
  const stride = heads * dHead;
  let row = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const first = b * pos * stride + h * dHead;
      for (let i = 0; i < pos; i++, row += pos) {
        let end = row + pos;
        while (end > row && pattern[end - 1] === 0) end--;
        const o = first + i * stride;
        let d = 0;
        for (; d + 4 <= dHead; d += 4) fourMixed(out, o + d, pattern, row, end, v, first + d, stride);
        for (; d < dHead; d++) {
          let sum = 0;
          for (let j = row, value = first + d; j < end; j++, value += stride) sum += pattern[j] * v[value];
          out[o + d] = sum;
        }
      }
    }
  }
}

/** Four neighbouring elements of one output: the pattern row against four columns of v. */
function fourMixed(
  out: Float32Array,
  o: number,
  pattern: Float32Array,
  row: number,
  end: number,
  v: Float32Array,
  value: number,
  stride: number,
): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let j = row, p = value; j < end; j++, p += stride) {
    const weight = pattern[j];
    s0 += weight * v[p];
    s1 += weight * v[p + 1];
    s2 += weight * v[p + 2];
    s3 += weight * v[p + 3];
  }
  out[o] = s0;
  out[o + 1] = s1;
  out[o + 2] = s2;
  out[o + 3] = s3;
}
