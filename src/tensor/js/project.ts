import type { PackedMatrix } from "../kernels.ts";
import { eachPanel, type JsMatrix } from "./matrix.ts";

/**
 * x·W in float64 with its parts read along u, and the sums of magnitudes; a panel stays in the cache while all rows pass
 * over it.
 *
 * @param scores               [rows, parts]   written
 * @param products, magnitudes [rows, W.cols]  written
 * @param x                    [rows, W.inner] read
 * @param u                    [rows, W.cols]  read
 */
export function projectParts(
  scores: Float64Array,
  products: Float64Array,
  magnitudes: Float32Array,
  x: Float32Array,
  W: PackedMatrix,
  u: Float64Array,
  rows: number,
  parts: number,
): void {
  const { inner, cols } = W;
  const size = inner / parts;
  scores.fill(0, 0, rows * parts);
  eachPanel(W as JsMatrix, (panels, start, column, width) => {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < width; c++) {
        const at = r * cols + column + c;
        let product = 0;
        let magnitude = 0;
        let i = start + c;
        for (let part = 0; part < parts; part++) {
          let sum = 0;
          for (let k = part * size; k < (part + 1) * size; k++, i += width) {
            const term = x[r * inner + k] * panels[i];
            sum += term;
            magnitude += Math.abs(term);
          }
          scores[r * parts + part] += sum * u[at];
          product += sum;
        }
        products[at] = product;
        magnitudes[at] = magnitude;
      }
    }
  });
}
