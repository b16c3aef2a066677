/** x·W + bias by the loop that everyone writes first: [rows, inner]·[inner, cols], a float64 sum for each element. */
export function plainMatmul(
  out: Float32Array,
  x: Float32Array,
  W: Float32Array,
  bias: Float32Array,
  rows: number,
  inner: number,
  cols: number,
): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += x[i * inner + k] * W[k * cols + j];
      out[i * cols + j] = sum + bias[j];
    }
  }
}
