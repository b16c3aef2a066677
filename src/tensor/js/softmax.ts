import { exp } from "./math.ts";

/**
 * Softmax of each row; an entry of −∞ becomes 0 and a row of nothing else is all 0. A NaN makes its row NaN.
 *
 *   out[r, j] = exp(x[r, j] − max(x[r])) / Σ_j exp(x[r, j] − max(x[r]))
 *
 * Each exponential is computed twice, once for the sum and once for its entry, rather than stored between:
 * so an entry is rounded to float32 once. What a causal mask cut off at a row's end costs nothing.
 *
 * @param out [rows, cols] written; may be `x`
 * @param x   [rows, cols] read
 */
export function softmaxRows(out: Float32Array, x: Float32Array, rows: number, cols: number): void {
  for (let r = 0; r < rows; r++) {
    const start = r * cols;
    let end = start + cols;
    while (end > start && x[end - 1] === -Infinity) end--;
    let max = -Infinity;
    for (let i = start; i < end; i++) max = Math.max(max, x[i]);
    let sum = 0;
    for (let i = start; i < end; i++) sum += exp(x[i] - max);
    for (let i = start; i < end; i++) out[i] = exp(x[i] - max) / sum;
    out.fill(0, end, start + cols);
  }
}
