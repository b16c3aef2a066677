/** Softmax of causally masked scores against Math.exp over whole rows, 12 heads of 64×64. */
import { numbers } from "../harness.ts";
import { onBackends } from "../onBackends.ts";
import { plainSoftmax } from "../plainSoftmax.ts";

const cols = 64;
const rows = 12 * cols;
await onBackends(`softmaxRows ${rows}×${cols}, causal`, {
  inputs: [numbers(rows * cols, 8).map((v, i) => (i % cols > Math.floor(i / cols) % cols ? -Infinity : v))],
  output: rows * cols,
  work: { elements: rows * cols },
  run: (kernels) => (out, x) => kernels.softmaxRows(out, x, rows, cols),
  plain: (out, x) => plainSoftmax(out, x, cols),
});
