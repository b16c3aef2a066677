import type { PackedMatrix } from "../kernels.ts";
import { type JsMatrix, PANEL } from "./pack.ts";

/**
 * out = W·u in float64, and Σ_j |W[i, j] u[j]| beside it. Panels are read in the order they lie in memory, so
 * a row's sum runs over its columns in order.
 *
 * @param out, magnitudes [W.inner] written
 * @param u               [W.cols]  read
 */
export function project(out: Float64Array, magnitudes: Float64Array, W: PackedMatrix, u: Float64Array): void {
  const { inner, cols, panels } = W as JsMatrix;
  out.fill(0, 0, inner);
  magnitudes.fill(0, 0, inner);
  for (let first = 0; first < cols; first += PANEL) {
    const width = Math.min(PANEL, cols - first);
    let p = first * inner;
    for (let k = 0; k < inner; k++) {
      let sum = out[k];
      let magnitude = magnitudes[k];
      for (let c = 0; c < width; c++) {
        const product = panels[p++] * u[first + c];
        sum += product;
        magnitude += Math.abs(product);
      }
      out[k] = sum;
      magnitudes[k] = magnitude;
    }
  }
}
