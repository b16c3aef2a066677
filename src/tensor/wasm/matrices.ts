import { addRows, allFinite, widen } from "../js/convert.ts";
import type { MatrixKernels, PackedMatrix } from "../kernels.ts";
import type { Backend, WasmMatrix } from "./backend.ts";
import { K_BLOCK, PANEL, PANEL_BYTES, PANELS_AT_ONCE, SCRATCH_BYTES } from "./code/panels.ts";
import type { WasmMemory } from "./memory.ts";
import { PAGE } from "./region.ts";

/** What of x may be in the second cache all the while. */
const CACHED_BYTES = 256 << 10;

const panelsOf = (cols: number): number => Math.ceil(cols / PANEL);

/** The weights of a backend in memory, and products with them. */
export function matrixKernels(backend: Backend): MatrixKernels {
  /** Runs a kernel on all panels of W, a piece of them for each chunk. */
  function onPanels(W: WasmMatrix, kernel: string, args: readonly number[]): void {
    const panels = panelsOf(W.cols);
    const per = panelsAtOnce(panels, backend.crew.threads);
    backend.run(W.memory, kernel, Math.ceil(panels / per), [...args, panels, per]);
  }

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
    for (let c = 0; c < count; c++) {
      const isWithin = c >= head && c < count - tail;
      if (isWithin) continue;
      setColumn(packed as WasmMatrix, first + c, columns.subarray(c * inner, (c + 1) * inner));
    }
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

  function projectParts(
    scores: Float64Array,
    products: Float64Array,
    magnitudes: Float32Array,
    x: Float32Array,
    packed: PackedMatrix,
    u: Float64Array,
    rows: number,
    parts: number,
  ): void {
    const W = packed as WasmMatrix;
    const { memory, inner, cols } = W;
    const panels = panelsOf(cols);
    const width = PANEL * panels;
    const bytesOfRow = 8 * panels * parts + 20 * width + 4 * inner;
    temporarily(memory, (take, free) => {
      const atOnce = Math.min(rows, Math.max(1, Math.floor((free() - 5 * 64) / bytesOfRow)));
      const [ofPanels, products_, magnitudes_] = [
        take(8 * panels * parts * atOnce),
        take(8 * width * atOnce),
        take(4 * width * atOnce),
      ];
      const [xAt, uAt] = [take(4 * inner * atOnce), take(8 * width * atOnce)];
      for (let first = 0; first < rows; first += atOnce) {
        const count = Math.min(atOnce, rows - first);
        memory.floats.set(x.subarray(first * inner, (first + count) * inner), xAt / 4);
        memory.doubles.fill(0, uAt / 8, uAt / 8 + count * width);
        for (let r = 0; r < count; r++) {
          memory.doubles.set(u.subarray((first + r) * cols, (first + r + 1) * cols), uAt / 8 + r * width);
        }
        onPanels(W, "projectParts", [
          ...[ofPanels, products_, magnitudes_, xAt, W.address, uAt, count, inner, parts, width],
        ]);
        for (let i = 0; i < count * parts; i++) {
          let sum = 0;
          for (let panel = 0; panel < panels; panel++)
            sum += memory.doubles[ofPanels / 8 + panel * count * parts + i];
          scores[first * parts + i] = sum;
        }
        for (let r = 0; r < count; r++) {
          const at = r * width;
          const to = (first + r) * cols;
          products.set(memory.doubles.subarray(products_ / 8 + at, products_ / 8 + at + cols), to);
          magnitudes.set(memory.floats.subarray(magnitudes_ / 4 + at, magnitudes_ / 4 + at + cols), to);
        }
      }
    });
  }

  /** x·W + bias where everything lies in the memory: addresses, 0 for no bias. */
  function gemm(
    memory: WasmMemory,
    at: { x: number; w: number; out: number; bias: number; scratch: number },
    rows: number,
    inner: number,
    cols: number,
  ): void {
    const panels = panelsOf(cols);
    const per = panelsAtOnce(panels, backend.crew.threads);
    const aside = liesAside(rows, inner, cols);
    backend.run(memory, "gemm", Math.ceil(panels / per), [
      ...[at.x, 4 * inner, at.w, at.out, 4 * cols, rows, inner, cols, at.bias],
      ...[inner * PANEL_BYTES, per, panelsInGroup(rows, inner, aside), at.scratch, aside ? 1 : 0],
    ]);
  }

  function matmul(
    out: Float32Array,
    x: Float32Array,
    packed: PackedMatrix,
    bias: Float32Array | null,
    rows: number,
  ): void {
    const { memory, address: w, inner, cols } = packed as WasmMatrix;
    temporarily(memory, (take, free) => {
      const scratch = take(backend.crew.threads * SCRATCH_BYTES);
      const biasAt = bias === null ? 0 : take(4 * cols);
      if (bias) memory.floats.set(bias.subarray(0, cols), biasAt / 4);
      const [xIsHere, outIsHere] = [memory.holds(x), memory.holds(out)];
      const bytesOfRow = (xIsHere ? 0 : 4 * inner) + (outIsHere ? 0 : 4 * cols);
      const atOnce =
        bytesOfRow === 0 ? rows : Math.min(rows, Math.max(1, Math.floor((free() - 128) / bytesOfRow)));
      const xAt = xIsHere ? x.byteOffset : take(4 * inner * atOnce);
      const outAt = outIsHere ? out.byteOffset : take(4 * cols * atOnce);
      for (let row = 0; row < rows; row += atOnce) {
        const count = Math.min(atOnce, rows - row);
        if (!xIsHere) memory.floats.set(x.subarray(row * inner, (row + count) * inner), xAt / 4);
        const from = xIsHere ? xAt + 4 * row * inner : xAt;
        const to = outIsHere ? outAt + 4 * row * cols : outAt;
        gemm(memory, { x: from, w, out: to, bias: biasAt, scratch }, count, inner, cols);
        if (!outIsHere) out.set(memory.floats.subarray(to / 4, to / 4 + count * cols), row * cols);
      }
    });
  }

  function matmulByColumns(
    out: Float32Array,
    x: Float32Array,
    columns: Float32Array,
    bias: Float32Array,
    rows: number,
    inner: number,
    cols: number,
  ): void {
    const packedBytes = panelsOf(cols) * inner * PANEL_BYTES;
    const bytes = packedBytes + backend.crew.threads * SCRATCH_BYTES;
    backend.inOneMemory([out], [x, columns, bias], bytes, (memory, [outAt, xAt, columnsAt, biasAt, w]) => {
      memory.exports.packColumns(w, columnsAt, 4 * inner, cols, inner);
      const at = { x: xAt, w, out: outAt, bias: biasAt, scratch: w + packedBytes };
      gemm(memory, at, rows, inner, cols);
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
        onPanels(W, "foldNorm", [sums, W.address, factors, W.inner]);
        out.set(W.memory.doubles.subarray(sums / 8, sums / 8 + W.cols));
      });
    },
    centreRows(packed) {
      const W = packed as WasmMatrix;
      const means = rowMeans(W);
      temporarily(W.memory, (take) => {
        const at = take(8 * W.inner);
        W.memory.doubles.set(means, at / 8);
        onPanels(W, "subtractFromRows", [W.address, at, W.inner]);
      });
      clearPadding(W);
    },
    matmul,
    matmulByColumns,
    projectParts,
    combineRows(out, v, packed) {
      const W = packed as WasmMatrix;
      temporarily(W.memory, (take) => {
        const factors = take(8 * W.inner);
        const sums = take(8 * PANEL * panelsOf(W.cols));
        W.memory.doubles.set(v.subarray(0, W.inner), factors / 8);
        onPanels(W, "combineRows", [sums, W.address, factors, W.inner]);
        out.set(W.memory.doubles.subarray(sums / 8, sums / 8 + W.cols));
      });
    },
    widen(out, halves, format) {
      const memory = backend.holderOf(out);
      if (memory === null || !memory.holds(halves) || out.length % 4 !== 0) return widen(out, halves, format);
      const fours = out.length / 4;
      const per = Math.ceil(fours / backend.crew.threads);
      const kernel = format === "F16" ? "widenFloat16" : "widenBfloat16";
      backend.run(memory, kernel, Math.ceil(fours / per), [out.byteOffset, halves.byteOffset, fours, per]);
    },
    allFinite(x) {
      const memory = backend.holderOf(x);
      if (memory === null) return allFinite(x);
      return temporarily(memory, (take) => {
        const found = take(16);
        memory.exports.findNonFinite(found, x.byteOffset, x.length);
        return memory.integers.subarray(found / 4, found / 4 + 4).every((lane) => lane === 0);
      });
    },
    addRows(sums, x) {
      const memory = backend.holderOf(x);
      if (memory === null) return addRows(sums, x);
      temporarily(memory, (take) => {
        const at = take(sums.byteLength);
        memory.doubles.set(sums, at / 8);
        memory.exports.addRows(at, x.byteOffset, x.length / sums.length, sums.length);
        sums.set(memory.doubles.subarray(at / 8, at / 8 + sums.length));
      });
    },
  };
}

/** See `gemm`: a row takes four panels at a time; of several, as many as an x in the cache asks for, or as lie aside. */
function panelsInGroup(rows: number, inner: number, aside: boolean): number {
  if (rows === 1) return 4;
  return 4 * rows * inner <= CACHED_BYTES && !aside ? 1 : PANELS_AT_ONCE;
}

/** See `gemm`: whether more rows than the first cache has ways for lie a number of pages apart, and are come back to. */
function liesAside(rows: number, inner: number, cols: number): boolean {
  return rows > 32 && inner > K_BLOCK && (4 * cols) % PAGE === 0;
}

/** As many panels to a chunk as the caches like, fewer where some of the threads would get none. */
function panelsAtOnce(panels: number, threads: number): number {
  return Math.max(
    1,
    threads === 1 ? PANELS_AT_ONCE : Math.min(PANELS_AT_ONCE, Math.ceil(panels / (2 * threads))),
  );
}

/** Runs `compute` with room for its own in the memory, which is free again afterwards. */
function temporarily<T>(
  { temporary }: WasmMemory,
  compute: (take: (bytes: number) => number, free: () => number) => T,
): T {
  const mark = temporary.mark;
  try {
    return compute(
      (bytes) => temporary.take(bytes) ?? fail(bytes),
      () => temporary.free,
    );
  } finally {
    temporary.reset(mark);
  }
}

function fail(bytes: number): never {
  throw new RangeError(
    `wasm: got no ${bytes} bytes for a kernel's own use. The memory was planned too small.`,
  );
}

/**
 * Calls `visit` with rows where the memory's kernels can read them: where they are, or copied, piece by piece; `step` rows,
 * or so many times more, to a piece.
 */
function inPieces(
  memory: WasmMemory,
  rows: Float32Array,
  count: number,
  stride: number,
  step: number,
  visit: (address: number, first: number, count: number) => void,
): void {
  if (memory.holds(rows)) {
    visit(rows.byteOffset, 0, count);
    return;
  }
  temporarily(memory, (take, free) => {
    const atOnce = step * Math.max(1, Math.floor((free() - 64) / (4 * stride * step)));
    const address = take(Math.min(free(), 4 * stride * Math.min(atOnce, count)));
    for (let row = 0; row < count; row += atOnce) {
      const some = Math.min(atOnce, count - row);
      memory.floats.set(rows.subarray(row * stride, (row + some) * stride), address / 4);
      visit(address, row, some);
    }
  });
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
  for (let c = 0; c < cols; c++) {
    const start = address / 4 + Math.floor(c / PANEL) * inner * PANEL + (c % PANEL);
    for (let k = 0; k < inner; k++) W[k * cols + c] = memory.floats[start + k * PANEL];
  }
  return W;
}
