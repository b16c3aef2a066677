import type { MatrixKernels, PackedMatrix } from "../kernels.ts";
import type { Backend, WasmMatrix } from "./backend.ts";
import { K_BLOCK, PANEL, PANEL_BYTES, PANELS_AT_ONCE, SCRATCH_BYTES } from "./code/panels.ts";
import type { WasmMemory } from "./memory.ts";
import { onPanels, panelsAtOnce, panelsOf, temporarily } from "./pieces.ts";
import { PAGE } from "./region.ts";

/** What of x may be in the second cache all the while. */
const CACHED_BYTES = 256 << 10;

type ProductKernels = Pick<MatrixKernels, "matmul" | "matmulByColumns" | "projectParts" | "combineRows">;

/** Products with the weights of a backend. */
export function productKernels(backend: Backend): ProductKernels {
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
    const panelBytes = inner * PANEL_BYTES;
    temporarily(memory, (take, free) => {
      const bytesOfRow = (group: number) => 8 * group * parts + 20 * width + 4 * inner;
      const rowsWith = (group: number) => Math.min(rows, Math.floor((free() - 5 * 64) / bytesOfRow(group)));
      // of many parts a few panels at a time: W would be read anew for every row otherwise
      const group =
        rowsWith(panels) >= Math.min(rows, 8) ? panels : Math.min(panels, 2 * backend.crew.threads);
      const atOnce = Math.max(1, rowsWith(group));
      const [ofPanels, products_, magnitudes_] = [
        take(8 * group * parts * atOnce),
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
        scores.fill(0, first * parts, (first + count) * parts);
        for (let panel = 0; panel < panels; panel += group) {
          const these = Math.min(group, panels - panel);
          const [at, w] = [panel * PANEL, W.address + panel * panelBytes];
          onPanels(backend, { ...W, address: w, cols: PANEL * these }, "projectParts", [
            ...[ofPanels, products_ + 8 * at, magnitudes_ + 4 * at, xAt, w, uAt + 8 * at],
            ...[count, inner, parts, width],
          ]);
          for (let one = 0; one < these; one++) {
            const from = ofPanels / 8 + one * count * parts;
            for (let i = 0; i < count * parts; i++) scores[first * parts + i] += memory.doubles[from + i];
          }
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

  return {
    matmul,
    matmulByColumns,
    projectParts,
    combineRows(out, v, packed) {
      const W = packed as WasmMatrix;
      temporarily(W.memory, (take) => {
        const factors = take(8 * W.inner);
        const sums = take(8 * PANEL * panelsOf(W.cols));
        W.memory.doubles.set(v.subarray(0, W.inner), factors / 8);
        onPanels(backend, W, "combineRows", [sums, W.address, factors, W.inner]);
        out.set(W.memory.doubles.subarray(sums / 8, sums / 8 + W.cols));
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
