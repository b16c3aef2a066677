import type { PackedMatrix } from "../kernels.ts";
import { eachPanel, type JsMatrix } from "./matrix.ts";

/**
 * out = W·u in float64. Panels are read in the order they lie in memory, so a row's sum runs over its columns in order.
 *
 * @param out [W.inner] written
 * @param u   [W.cols]  read
 */
export function project(out: Float64Array, W: PackedMatrix, u: Float64Array): void {
  const { inner } = W;
  out.fill(0, 0, inner);
  eachPanel(W as JsMatrix, (panels, start, column, width) => {
    if (width === 4) {
      const [u0, u1, u2, u3] = u.subarray(column, column + 4);
      for (let k = 0, p = start; k < inner; k++, p += 4) {
        out[k] = out[k] + panels[p] * u0 + panels[p + 1] * u1 + panels[p + 2] * u2 + panels[p + 3] * u3;
      }
      return;
    }
    for (let c = 0; c < width; c++) {
      for (let k = 0, p = start + c; k < inner; k++, p += width) out[k] += panels[p] * u[column + c];
    }
  });
}
