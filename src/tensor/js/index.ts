import type { Accuracy, Kernels, PackedMatrix } from "../kernels.ts";
import { geluErf, geluTanh, relu, silu, tanhRows } from "./activations.ts";
import { attend } from "./attend.ts";
import { attentionScores } from "./attentionScores.ts";
import { addRows, allFinite, widen } from "./convert.ts";
import { centreRows, combineRows, foldNorm } from "./fold.ts";
import { matmul } from "./matmul.ts";
import { copy, fillColumns, fillRows, matrix, unpack } from "./matrix.ts";
import { mixValues } from "./mixValues.ts";
import { projectParts } from "./project.ts";
import { add, affineRows, centre, layerNormScale, normalizeRows } from "./rows.ts";
import { softmaxRows } from "./softmax.ts";

/** γₙ with the unit roundoff of float64, in which sums run: products of two float32 are exact there. */
const accumulation = (n: number): number => (n * 2 ** -53) / (1 - n * 2 ** -53);

const accuracy: Accuracy = {
  normalization: 2 ** -24 + 2 ** -51,
  // n products take n − 1 additions, and one more operation for the bias or the scale
  accumulation,
  mean: accumulation,
  dotError(a, b, bias) {
    let magnitude = Math.abs(bias);
    for (let i = 0; i < a.length; i++) magnitude += Math.abs(a[i] * b[i]);
    return accumulation(a.length) * magnitude;
  },
};

/** The same arithmetic: the columns are packed, used and dropped. */
function matmulByColumns(
  out: Float32Array,
  x: Float32Array,
  columns: Float32Array,
  bias: Float32Array,
  rows: number,
  inner: number,
  cols: number,
): void {
  const W = matrix(inner, cols);
  fillColumns(W, 0, columns, cols);
  matmul(out, x, W, bias, rows);
}

/** The reference backend: plain TypeScript, the same bits in every JavaScript engine. */
export const jsKernels: Kernels = {
  name: "js",
  note: null,
  threads: 1,
  accuracy,
  dispose() {},
  session: (run) => run(),
  allocate: (length) => new Float32Array(length),
  keepOnly: (kept: Float32Array, _near: PackedMatrix) => kept,
  own: (data) => data,
  buffer: (bytes) => new Uint8Array(bytes),
  reserve() {},
  matrix,
  fillRows,
  fillColumns,
  unpack,
  copy,
  foldNorm,
  centreRows,
  matmul,
  matmulByColumns,
  combineRows,
  projectParts,
  widen,
  allFinite,
  addRows,
  centre,
  layerNormScale,
  normalizeRows,
  affineRows,
  softmaxRows,
  add,
  activations: { geluTanh, geluErf, relu, silu, tanh: tanhRows },
  attend,
  attentionScores,
  mixValues,
};
