/** x·W + b against the loop everyone writes first, at gpt2-small's shapes. Expected: the loop takes ≥ 4x as long. */

import { jsKernels } from "../../src/tensor/js/index.ts";
import { pack } from "../../src/tensor/ops.ts";
import { check, compare, numbers } from "../harness.ts";

function naive(
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

for (const [rows, inner, cols] of [
  [64, 768, 2304],
  [16, 768, 2304],
  [64, 3072, 768],
  [1, 768, 2304],
]) {
  const x = numbers(rows * inner);
  const W = numbers(inner * cols);
  const bias = numbers(cols);
  const packed = pack(jsKernels, W, inner, cols);
  const out = new Float32Array(rows * cols);
  const want = new Float32Array(rows * cols);
  const js = () => jsKernels.matmul(out, x, packed, bias, rows);
  const loop = () => naive(want, x, W, bias, rows, inner, cols);
  js();
  loop();
  check("matmul", out, want, 0); // both add in the order of the inner index: the same bits
  compare(`matmul ${rows}×${inner}×${cols}`, { flops: 2 * rows * inner * cols }, { js, naive: loop });
}
