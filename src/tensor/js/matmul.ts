import type { PackedMatrix } from "../kernels.ts";
import { type JsMatrix, PANEL } from "./matrix.ts";

/** Rows in the register tile. */
const TILE_ROWS = 4;

/**
 * out = x·W + bias. Panel by panel, so that a panel stays in the first cache while all rows pass over it, and
 * within a panel four rows at a time. Whatever the tile, an output is accumulated in float64 in the order of
 * the inner index, then bias, then one rounding: its bits depend on its row and column alone.
 *
 * @param out  [rows, W.cols]  written; must not overlap `x`
 * @param x    [rows, W.inner] read
 * @param bias [W.cols] or null for none
 */
export function matmul(
  out: Float32Array,
  x: Float32Array,
  W: PackedMatrix,
  bias: Float32Array | null,
  rows: number,
): void {
  const { inner, cols, panels } = W as JsMatrix;
  const wholePanels = cols - (cols % PANEL);
  const wholeTiles = rows - (rows % TILE_ROWS);
  for (let j = 0; j < wholePanels; j += PANEL) {
    const b0 = bias === null ? 0 : bias[j];
    const b1 = bias === null ? 0 : bias[j + 1];
    const b2 = bias === null ? 0 : bias[j + 2];
    const b3 = bias === null ? 0 : bias[j + 3];
    let r = 0;
    for (; r < wholeTiles; r += TILE_ROWS) {
      fourRows(out, r * cols + j, cols, x, r * inner, inner, panels, j * inner, b0, b1, b2, b3);
    }
    for (; r < rows; r++) oneRow(out, r * cols + j, x, r * inner, inner, panels, j * inner, b0, b1, b2, b3);
  }
  const width = cols - wholePanels;
  for (let j = wholePanels; j < cols; j++) {
    const start = wholePanels * inner + (j - wholePanels);
    const b = bias === null ? 0 : bias[j];
    for (let r = 0; r < rows; r++) {
      let sum = 0;
      for (let k = 0, p = start; k < inner; k++, p += width) sum += x[r * inner + k] * panels[p];
      out[r * cols + j] = sum + b;
    }
  }
}

/** Four rows of x, from `x0` on, times one panel: 16 sums in registers, 8 loads for 16 products. */
function fourRows(
  out: Float32Array,
  o0: number,
  cols: number,
  x: Float32Array,
  x0: number,
  inner: number,
  panels: Float32Array,
  panel: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
): void {
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  let s23 = 0;
  let s30 = 0;
  let s31 = 0;
  let s32 = 0;
  let s33 = 0;
  let p = panel | 0;
  let i0 = x0 | 0;
  let i1 = (i0 + inner) | 0;
  let i2 = (i1 + inner) | 0;
  let i3 = (i2 + inner) | 0;
  for (const end = i1; i0 < end; ) {
    const w0 = panels[p];
    const w1 = panels[p + 1];
    const w2 = panels[p + 2];
    const w3 = panels[p + 3];
    const a0 = x[i0];
    s00 += a0 * w0;
    s01 += a0 * w1;
    s02 += a0 * w2;
    s03 += a0 * w3;
    const a1 = x[i1];
    s10 += a1 * w0;
    s11 += a1 * w1;
    s12 += a1 * w2;
    s13 += a1 * w3;
    const a2 = x[i2];
    s20 += a2 * w0;
    s21 += a2 * w1;
    s22 += a2 * w2;
    s23 += a2 * w3;
    const a3 = x[i3];
    s30 += a3 * w0;
    s31 += a3 * w1;
    s32 += a3 * w2;
    s33 += a3 * w3;
    p = (p + 4) | 0;
    i0 = (i0 + 1) | 0;
    i1 = (i1 + 1) | 0;
    i2 = (i2 + 1) | 0;
    i3 = (i3 + 1) | 0;
  }
  const o1 = o0 + cols;
  const o2 = o1 + cols;
  const o3 = o2 + cols;
  out[o0] = s00 + b0;
  out[o0 + 1] = s01 + b1;
  out[o0 + 2] = s02 + b2;
  out[o0 + 3] = s03 + b3;
  out[o1] = s10 + b0;
  out[o1 + 1] = s11 + b1;
  out[o1 + 2] = s12 + b2;
  out[o1 + 3] = s13 + b3;
  out[o2] = s20 + b0;
  out[o2 + 1] = s21 + b1;
  out[o2 + 2] = s22 + b2;
  out[o2 + 3] = s23 + b3;
  out[o3] = s30 + b0;
  out[o3 + 1] = s31 + b1;
  out[o3 + 2] = s32 + b2;
  out[o3 + 3] = s33 + b3;
}

/** One row of x times one panel: the rows that fill no tile. */
function oneRow(
  out: Float32Array,
  o: number,
  x: Float32Array,
  x0: number,
  inner: number,
  panels: Float32Array,
  panel: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let p = panel | 0;
  for (let i = x0 | 0, end = (x0 + inner) | 0; i < end; i = (i + 1) | 0) {
    const a = x[i];
    s0 += a * panels[p];
    s1 += a * panels[p + 1];
    s2 += a * panels[p + 2];
    s3 += a * panels[p + 3];
    p = (p + 4) | 0;
  }
  out[o] = s0 + b0;
  out[o + 1] = s1 + b1;
  out[o + 2] = s2 + b2;
  out[o + 3] = s3 + b3;
}
