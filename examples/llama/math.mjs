// @ts-check
// What the forward passes are made of: functions of rows of numbers, in float64.

/** @typedef {ArrayLike<number>} Row */

/** x Wᵀ, with W [out, in]. @param {Row} x @param {Row} W */
export function linear(x, W) {
  const out = new Float64Array(W.length / x.length);
  for (let o = 0, at = 0; o < out.length; o++)
    for (let i = 0; i < x.length; i++, at++) out[o] += x[i] * W[at];
  return out;
}

/** √(mean(x²) + eps). @param {Row} x @param {number} eps */
export function rms(x, eps) {
  return Math.sqrt(dot(x, x) / x.length + eps);
}

/** gamma ⊙ x / scale. @param {Row} x @param {number} scale @param {Row} gamma */
export function normalize(x, scale, gamma) {
  return Float64Array.from(x, (value, i) => (value / scale) * gamma[i]);
}

/** @param {Row[]} rows @param {Row} gamma @param {number} eps */
export function rmsNorm(rows, gamma, eps) {
  return rows.map((x) => normalize(x, rms(x, eps), gamma));
}

/** A head's row turned by its position: dimensions i and i + dHead/2 by pos · theta^(−2i/dHead), as Hugging Face's Llama pairs them.
 * @param {Float64Array} head @param {number} pos @param {number} theta */
export function rotate(head, pos, theta) {
  const half = head.length / 2;
  return head.map((value, i) => {
    const angle = pos * theta ** (-(i % half) / half);
    const other = i < half ? -head[i + half] : head[i - half];
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

/** @param {number[]} scores */
export function softmax(scores) {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** @param {number} value */
export const silu = (value) => value / (1 + Math.exp(-value));

/** @param {Row} a @param {Row} b */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** @param {Row[]} a @param {Row[]} b */
export function add(a, b) {
  return a.map((row, pos) => Float64Array.from(row, (value, i) => value + b[pos][i]));
}

/** @param {Float64Array} row @param {number} size */
export function split(row, size) {
  return Array.from({ length: row.length / size }, (_, part) => row.subarray(part * size, (part + 1) * size));
}
