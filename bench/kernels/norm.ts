/** LayerNorm's scale and normalization against one written row by row with array methods, 64×768. */
import { numbers } from "../harness.ts";
import { onBackends } from "../onBackends.ts";

const rows = 64;
const cols = 768;
const eps = 1e-5;

await onBackends(`layerNormScale + normalizeRows ${rows}×${cols}`, {
  inputs: [numbers(rows * cols)],
  output: rows * cols,
  work: { elements: rows * cols },
  run(kernels) {
    const scale = new Float32Array(rows);
    return (out, x) => {
      kernels.layerNormScale(scale, x, rows, cols, eps);
      kernels.normalizeRows(out, x, scale, rows, cols);
    };
  },
  plain(out, x) {
    for (let r = 0; r < rows; r++) {
      const row = x.subarray(r * cols, (r + 1) * cols);
      const mean = row.reduce((sum: number, v) => sum + v, 0) / cols;
      const variance = row.reduce((sum: number, v) => sum + (v - mean) ** 2, 0) / cols;
      const rowScale = Math.fround(Math.sqrt(variance + eps));
      out.set(
        row.map((v) => (v - mean) / rowScale),
        r * cols,
      );
    }
  },
});
