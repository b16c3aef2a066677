/** LayerNorm's scale and normalization against one written row by row with array methods, 64×768. */
import { jsKernels } from "../../src/tensor/js/index.ts";
import { check, compare, numbers } from "../harness.ts";

const rows = 64;
const cols = 768;
const eps = 1e-5;
const x = numbers(rows * cols);
const scale = new Float32Array(rows);
const out = new Float32Array(rows * cols);
const want = new Float32Array(rows * cols);

function js(): void {
  jsKernels.layerNormScale(scale, x, rows, cols, eps);
  jsKernels.normalizeRows(out, x, scale, rows, cols);
}

function naive(): void {
  for (let r = 0; r < rows; r++) {
    const row = x.subarray(r * cols, (r + 1) * cols);
    const mean = row.reduce((sum: number, v) => sum + v, 0) / cols;
    const variance = row.reduce((sum: number, v) => sum + (v - mean) ** 2, 0) / cols;
    const rowScale = Math.fround(Math.sqrt(variance + eps));
    want.set(
      row.map((v) => (v - mean) / rowScale),
      r * cols,
    );
  }
}

js();
naive();
check("normalizeRows", out, want, 2 ** -23);
compare(`layerNormScale + normalizeRows ${rows}×${cols}`, { elements: rows * cols }, { js, naive });
