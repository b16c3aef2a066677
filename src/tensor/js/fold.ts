import type { PackedMatrix } from "../kernels.ts";
import { eachPanel, type JsMatrix } from "./matrix.ts";

/** out = betaᵀW, then W ← P(gamma ⊙ W): each row times its gamma, each column less its mean; rounded once. */
export function foldNorm(out: Float64Array, W: PackedMatrix, gamma: Float64Array, beta: Float64Array): void {
  const { inner } = W;
  eachPanel(W as JsMatrix, (panels, start, column, width) => {
    for (let c = 0; c < width; c++) {
      let mean = 0;
      let sum = 0;
      for (let k = 0, i = start + c; k < inner; k++, i += width) {
        mean += gamma[k] * panels[i];
        sum += beta[k] * panels[i];
      }
      mean /= inner;
      out[column + c] = sum;
      for (let k = 0, i = start + c; k < inner; k++, i += width) panels[i] = gamma[k] * panels[i] - mean;
    }
  });
}

/** W ← W P: each row less its mean, in float64, rounded once. */
export function centreRows(W: PackedMatrix): void {
  const { inner, cols } = W;
  const means = new Float64Array(inner);
  eachPanel(W as JsMatrix, (panels, start, _, width) => {
    for (let k = 0, i = start; k < inner; k++) for (let c = 0; c < width; c++) means[k] += panels[i++];
  });
  for (let k = 0; k < inner; k++) means[k] /= cols;
  eachPanel(W as JsMatrix, (panels, start, _, width) => {
    for (let k = 0, i = start; k < inner; k++) for (let c = 0; c < width; c++) panels[i++] -= means[k];
  });
}

/** out = vᵀW in float64, a column's sum in the order of the rows. */
export function combineRows(out: Float64Array, v: Float64Array, W: PackedMatrix): void {
  const { inner } = W;
  eachPanel(W as JsMatrix, (panels, start, column, width) => {
    for (let c = 0; c < width; c++) {
      let sum = 0;
      for (let k = 0, i = start + c; k < inner; k++, i += width) sum += v[k] * panels[i];
      out[column + c] = sum;
    }
  });
}
