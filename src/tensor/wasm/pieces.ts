import type { Backend, WasmMatrix } from "./backend.ts";
import { PANEL, PANELS_AT_ONCE } from "./code/panels.ts";
import type { WasmMemory } from "./memory.ts";

// How work on packed weights is cut into pieces: for threads, and where a memory has room for some of it at a time.

export const panelsOf = (cols: number): number => Math.ceil(cols / PANEL);

/** Runs a kernel on all panels of W, a piece of them for each chunk. */
export function onPanels(backend: Backend, W: WasmMatrix, kernel: string, args: readonly number[]): void {
  const panels = panelsOf(W.cols);
  const per = panelsAtOnce(panels, backend.crew.threads);
  backend.run(W.memory, kernel, Math.ceil(panels / per), [...args, panels, per]);
}

/** As many panels to a chunk as the caches like, fewer where some of the threads would get none. */
export function panelsAtOnce(panels: number, threads: number): number {
  return Math.max(
    1,
    threads === 1 ? PANELS_AT_ONCE : Math.min(PANELS_AT_ONCE, Math.ceil(panels / (2 * threads))),
  );
}

/** Runs `compute` with room for its own in the memory, which is free again afterwards. */
export function temporarily<T>(
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
export function inPieces(
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
