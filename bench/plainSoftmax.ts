/** The softmax of rows of `cols`, with Math.exp over whole rows. */
export function plainSoftmax(out: Float32Array, x: Float32Array, cols: number): void {
  for (let start = 0; start < x.length; start += cols) {
    let max = -Infinity;
    for (let j = 0; j < cols; j++) max = Math.max(max, x[start + j]);
    let sum = 0;
    for (let j = 0; j < cols; j++) {
      out[start + j] = Math.exp(x[start + j] - max);
      sum += out[start + j];
    }
    for (let j = 0; j < cols; j++) out[start + j] /= sum;
  }
}
