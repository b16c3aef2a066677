import type { PackedMatrix } from "../kernels.ts";
import { zeros } from "../zeros.ts";

/** Columns in a panel, and in the register tile of matmul.ts. */
export const PANEL = 4;

/**
 * W [inner, cols] in panels of four columns, one after the other: [⌈cols/4⌉][inner][4]. The last panel is as
 * narrow as the columns left over, so the panel of column j starts at j·inner and nothing is padded.
 */
export interface JsMatrix extends PackedMatrix {
  readonly panels: Float32Array;
}

/** A matrix of zeros. */
export function matrix(inner: number, cols: number): JsMatrix {
  return { inner, cols, panels: zeros(inner * cols) };
}

/** Another matrix of the same elements. */
export function copy(W: PackedMatrix): JsMatrix {
  const { inner, cols, panels } = W as JsMatrix;
  return { inner, cols, panels: panels.slice() };
}

/** W[first + r, c] = rows[r · stride + offset + c] for `count` rows. */
export function fillRows(
  W: PackedMatrix,
  first: number,
  rows: Float32Array,
  count: number,
  stride: number,
  offset: number,
): void {
  eachPanel(W as JsMatrix, (panels, start, column, width) => {
    let to = start + first * width;
    for (let r = 0; r < count; r++) {
      const from = r * stride + offset + column;
      for (let c = 0; c < width; c++) panels[to++] = rows[from + c];
    }
  });
}

/** W[k, first + c] = columns[c · inner + k] for `count` columns. */
export function fillColumns(W: PackedMatrix, first: number, columns: Float32Array, count: number): void {
  const { inner, cols, panels } = W as JsMatrix;
  for (let c = 0; c < count; c++) {
    const column = first + c;
    const panel = column - (column % PANEL);
    const width = Math.min(PANEL, cols - panel);
    let to = panel * inner + (column - panel);
    for (let k = 0; k < inner; k++, to += width) panels[to] = columns[c * inner + k];
  }
}

/** W row-major [inner, cols], bit for bit. */
export function unpack(packed: PackedMatrix): Float32Array {
  const { inner, cols } = packed;
  const W = new Float32Array(inner * cols);
  eachPanel(packed as JsMatrix, (panels, start, column, width) => {
    let from = start;
    for (let k = 0; k < inner; k++) {
      for (let c = 0; c < width; c++) W[k * cols + column + c] = panels[from++];
    }
  });
  return W;
}

/** Calls `visit` with each panel: where it starts, its first column and its width. */
export function eachPanel(
  { inner, cols, panels }: JsMatrix,
  visit: (panels: Float32Array, start: number, column: number, width: number) => void,
): void {
  for (let column = 0; column < cols; column += PANEL) {
    visit(panels, column * inner, column, Math.min(PANEL, cols - column));
  }
}
