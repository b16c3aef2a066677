import type { MatrixKernels, PackedMatrix } from "../kernels.ts";
import type { Backend, WasmMatrix } from "./backend.ts";
import { PANEL, PANEL_BYTES } from "./code/panels.ts";
import { inPieces, onPanels, panelsAtOnce, panelsOf, temporarily } from "./pieces.ts";

type WeightKernels = Pick<
  MatrixKernels,
  "reserve" | "matrix" | "fillRows" | "fillColumns" | "unpack" | "copy" | "foldNorm" | "centreRows"
>;

/** The weights of a backend: how they get into its memory, and what folding does to them there. */
export function weightKernels(backend: Backend): WeightKernels {
  function fillRows(
    packed: PackedMatrix,
    first: number,
    rows: Float32Array,
    count: number,
    stride: number,
    offset: number,
  ): void {
    const W = packed as WasmMatrix;
    const { memory, inner, cols, address } = W;
    inPieces(memory, rows, count, stride, 1, (from, row, pieceRows) => {
      const to = address + (first + row) * PANEL_BYTES;
      const whole = Math.floor(cols / PANEL);
      const per = panelsAtOnce(whole, backend.crew.threads);
      const args = [to, inner * PANEL_BYTES, from + 4 * offset, 4 * stride, pieceRows, whole, per];
      if (whole > 0) backend.run(memory, "fillPanels", Math.ceil(whole / per), args);
      const rest = cols - whole * PANEL;
      for (let r = 0; r < pieceRows && rest > 0; r++) {
        const source = from / 4 + r * stride + offset + whole * PANEL;
        const target = to / 4 + whole * inner * PANEL + r * PANEL;
        memory.floats.copyWithin(target, source, source + rest);
      }
    });
  }

  function fillColumns(packed: PackedMatrix, first: number, columns: Float32Array, count: number): void {
    const { memory, inner, address } = packed as WasmMatrix;
    const head = Math.min(count, -first & (PANEL - 1));
    const tail = (count - head) & (PANEL - 1);
    const wholePanels = columns.subarray(head * inner, (count - tail) * inner);
    inPieces(memory, wholePanels, count - head - tail, inner, PANEL, (from, column, pieceColumns) => {
      const to = address + (first + head + column) * inner * 4;
      memory.exports.packColumns(to, from, 4 * inner, pieceColumns, inner);
    });
    const oneByOne = (from: number, to: number) => {
      for (let c = from; c < to; c++) {
        setColumn(packed as WasmMatrix, first + c, columns.subarray(c * inner, (c + 1) * inner));
      }
    };
    oneByOne(0, head);
    oneByOne(count - tail, count);
  }

  /** Each row's mean, in float64. */
  function rowMeans({ memory, inner, cols, address }: WasmMatrix): Float64Array {
    return temporarily(memory, (take) => {
      const sums = take(16 * inner);
      memory.doubles.fill(0, sums / 8, sums / 8 + 2 * inner);
      const per = Math.ceil(inner / backend.crew.threads);
      backend.run(memory, "rowSums", Math.ceil(inner / per), [
        sums,
        address,
        inner,
        panelsOf(cols),
        inner,
        per,
      ]);
      const pairs = memory.doubles.subarray(sums / 8, sums / 8 + 2 * inner);
      return Float64Array.from({ length: inner }, (_, k) => (pairs[2 * k] + pairs[2 * k + 1]) / cols);
    });
  }

  return {
    reserve: (plan) => backend.reserve(plan),
    matrix: (inner, cols) => backend.matrix(inner, cols),
    fillRows,
    fillColumns,
    unpack: (W) => unpack(W as WasmMatrix),
    copy(packed) {
      const W = packed as WasmMatrix;
      const twin = backend.matrix(W.inner, W.cols);
      const start = W.address / 4;
      const elements = W.memory.floats.subarray(start, start + W.inner * PANEL * panelsOf(W.cols));
      twin.memory.floats.set(elements, twin.address / 4);
      return twin;
    },
    foldNorm(out, packed, gamma, beta) {
      const W = packed as WasmMatrix;
      temporarily(W.memory, (take) => {
        const factors = take(16 * W.inner);
        const sums = take(8 * PANEL * panelsOf(W.cols));
        for (let k = 0; k < W.inner; k++) {
          W.memory.doubles[factors / 8 + 2 * k] = gamma[k];
          W.memory.doubles[factors / 8 + 2 * k + 1] = beta[k];
        }
        onPanels(backend, W, "foldNorm", [sums, W.address, factors, W.inner]);
        out.set(W.memory.doubles.subarray(sums / 8, sums / 8 + W.cols));
      });
    },
    centreRows(packed) {
      const W = packed as WasmMatrix;
      const means = rowMeans(W);
      temporarily(W.memory, (take) => {
        const at = take(8 * W.inner);
        W.memory.doubles.set(means, at / 8);
        onPanels(backend, W, "subtractFromRows", [W.address, at, W.inner]);
      });
      clearPadding(W);
    },
  };
}

function setColumn({ memory, inner, address }: WasmMatrix, column: number, values: Float32Array): void {
  const start = address / 4 + Math.floor(column / PANEL) * inner * PANEL + (column % PANEL);
  for (let k = 0; k < inner; k++) memory.floats[start + k * PANEL] = values[k];
}

/** Sets the columns that fill up the last panel to 0. */
function clearPadding({ memory, inner, cols, address }: WasmMatrix): void {
  const used = cols % PANEL;
  if (used === 0) return;
  const start = address / 4 + (panelsOf(cols) - 1) * inner * PANEL;
  for (let k = 0; k < inner; k++) memory.floats.fill(0, start + k * PANEL + used, start + (k + 1) * PANEL);
}

function unpack({ memory, inner, cols, address }: WasmMatrix): Float32Array {
  const W = new Float32Array(inner * cols);
  const { floats } = memory;
  for (let c = 0; c < cols; c += PANEL) {
    const width = Math.min(PANEL, cols - c);
    const start = address / 4 + c * inner;
    for (let k = 0; k < inner; k++)
      for (let i = 0; i < width; i++) W[k * cols + c + i] = floats[start + k * PANEL + i];
  }
  return W;
}
