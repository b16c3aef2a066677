/** Softmax of causally masked scores against Math.exp over whole rows, 12 heads of 64×64. */
import { jsKernels } from "../../src/tensor/js/index.ts";
import { check, compare, numbers } from "../harness.ts";

const cols = 64;
const rows = 12 * cols;
const x = numbers(rows * cols, 8).map((v, i) => (i % cols > Math.floor(i / cols) % cols ? -Infinity : v));
const out = new Float32Array(rows * cols);
const want = new Float32Array(rows * cols);

function naive(): void {
  for (let start = 0; start < x.length; start += cols) {
    let max = -Infinity;
    for (let j = 0; j < cols; j++) max = Math.max(max, x[start + j]);
    let sum = 0;
    for (let j = 0; j < cols; j++) {
      want[start + j] = Math.exp(x[start + j] - max);
      sum += want[start + j];
    }
    for (let j = 0; j < cols; j++) want[start + j] /= sum;
  }
}

const js = () => jsKernels.softmaxRows(out, x, rows, cols);
js();
naive();
check("softmaxRows", out, want, 2 ** -22);
compare(`softmaxRows ${rows}×${cols}, causal`, { elements: rows * cols }, { js, "Math.exp": naive });
