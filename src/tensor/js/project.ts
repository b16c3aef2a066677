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
  const wholePanels = cols - (cols % PANEL);
  for (let j = 0; j < wholePanels; j += PANEL) {
    const u0 = u[j];
    const u1 = u[j + 1];
    const u2 = u[j + 2];
    const u3 = u[j + 3];
    for (let k = 0, p = j * inner; k < inner; k++, p += PANEL) {
      const t0 = panels[p] * u0;
      const t1 = panels[p + 1] * u1;
      const t2 = panels[p + 2] * u2;
      const t3 = panels[p + 3] * u3;
      out[k] = out[k] + t0 + t1 + t2 + t3;
      magnitudes[k] = magnitudes[k] + Math.abs(t0) + Math.abs(t1) + Math.abs(t2) + Math.abs(t3);
    }
  }
  const width = cols - wholePanels;
  for (let j = wholePanels; j < cols; j++) {
    for (let k = 0, p = wholePanels * inner + (j - wholePanels); k < inner; k++, p += width) {
      const t = panels[p] * u[j];
      out[k] += t;
      magnitudes[k] += Math.abs(t);
    }
  }
}
