import type { PackedMatrix } from "../kernels.ts";

/** Columns in a panel, and in the register tile of matmul.ts. */
export const PANEL = 4;

/**
 * W [inner, cols] in panels of four columns, one after the other: [⌈cols/4⌉][inner][4]. The last panel is as
 * narrow as the columns left over, so the panel of column j starts at j·inner and nothing is padded.
 */
export interface JsMatrix extends PackedMatrix {
  readonly panels: Float32Array;
}

/** Copies W, row-major [inner, cols], into panels. */
export function pack(W: Float32Array, inner: number, cols: number): JsMatrix {
  const panels = new Float32Array(inner * cols);
  for (let first = 0; first < cols; first += PANEL) {
    const width = Math.min(PANEL, cols - first);
    let to = first * inner;
    for (let k = 0; k < inner; k++) {
      const from = k * cols + first;
      for (let c = 0; c < width; c++) panels[to++] = W[from + c];
    }
  }
  return { inner, cols, panels };
}

/** The same from a function that gives column c as [inner]; it may reuse one array. */
export function packColumns(column: (c: number) => Float32Array, inner: number, cols: number): JsMatrix {
  const panels = new Float32Array(inner * cols);
  for (let j = 0; j < cols; j++) {
    const first = j - (j % PANEL);
    const width = Math.min(PANEL, cols - first);
    const values = column(j);
    let to = first * inner + (j - first);
    for (let k = 0; k < inner; k++, to += width) panels[to] = values[k];
  }
  return { inner, cols, panels };
}

/** The inverse of pack: W row-major [inner, cols], bit for bit. */
export function unpack(packed: PackedMatrix): Float32Array {
  const { inner, cols, panels } = packed as JsMatrix;
  const W = new Float32Array(inner * cols);
  for (let first = 0; first < cols; first += PANEL) {
    const width = Math.min(PANEL, cols - first);
    let from = first * inner;
    for (let k = 0; k < inner; k++) {
      const to = k * cols + first;
      for (let c = 0; c < width; c++) W[to + c] = panels[from++];
    }
  }
  return W;
}
