/** x·W + b against the loop everyone writes first, at gpt2-small's shapes. */
import { pack } from "../../src/tensor/index.ts";
import { numbers } from "../harness.ts";
import { onBackends } from "../onBackends.ts";
import { plainMatmul } from "../plain.ts";

for (const [rows, inner, cols] of [
  [64, 768, 2304],
  [16, 768, 2304],
  [64, 3072, 768],
  [1, 768, 2304],
]) {
  const [W, bias] = [numbers(inner * cols), numbers(cols)];
  await onBackends(`matmul ${rows}×${inner}×${cols}`, {
    inputs: [numbers(rows * inner)],
    output: rows * cols,
    work: { flops: 2 * rows * inner * cols },
    matrices: [{ inner, cols }],
    run(kernels) {
      const packed = pack(kernels, W, inner, cols);
      return (out, x) => kernels.matmul(out, x, packed, bias, rows);
    },
    plain: (out, x) => plainMatmul(out, x, W, bias, rows, inner, cols),
    tolerance: ({ accuracy }) => inner * accuracy.accumulation(inner),
  });
}
