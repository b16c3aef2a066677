import { MemoryError } from "../../errors.ts";
import { PAGE, Region, roundUp } from "./region.ts";

/** The kernels' exports: numbers in, results in memory. */
export type Exports = Readonly<Record<string, (...args: number[]) => void>>;

/** How a memory is divided, in bytes. */
export interface MemorySizes {
  /** What a call of a kernel needs for its own: scratch, and copies of what lies elsewhere. */
  readonly temporary: number;
  readonly weights: number;
  /** What sessions allocate. */
  readonly activations: number;
}

/** WebAssembly's. */
const MEMORY_PAGE = 65_536;
/** All that 32 bits address, less a page: some engines take no more. */
export const LARGEST_MEMORY: number = 65_535 * MEMORY_PAGE;
/** Kernels load whole vectors, and look ahead at weights to come: beyond the end of what there is. */
const SLACK = 65_536;
/** Nothing lies at the lowest addresses: 0 stands for none. */
const FIRST = 1024;

/** What a memory is larger by, at the most, than what lies in it. */
export const OVERHEAD: number = FIRST + 2 * PAGE + MEMORY_PAGE + SLACK;

/**
 * A WebAssembly memory with the kernels on it. It has its final size from the beginning, so that no view of it is ever
 * detached; what is never touched costs address space only.
 */
export class WasmMemory {
  readonly memory: WebAssembly.Memory;
  /** Held for its size alone: see `ballast`. */
  readonly ballast: ArrayBuffer | null;
  readonly exports: Exports;
  readonly floats: Float32Array;
  readonly doubles: Float64Array;
  readonly integers: Int32Array;
  readonly temporary: Region;
  readonly weights: Region;
  readonly activations: Region;

  /** @throws MemoryError when the engine refuses so much */
  constructor(module: WebAssembly.Module, sizes: MemorySizes, shared: boolean) {
    const weights = roundUp(FIRST + sizes.temporary, PAGE);
    const activations = roundUp(weights + sizes.weights, PAGE);
    const end = activations + roundUp(sizes.activations);
    this.memory = allocate(Math.ceil((end + SLACK) / MEMORY_PAGE), shared);
    this.ballast = shared ? ballast(this.memory.buffer.byteLength) : null;
    this.exports = new WebAssembly.Instance(module, { env: { memory: this.memory } }).exports as Exports;
    const { buffer } = this.memory;
    this.floats = new Float32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.integers = new Int32Array(buffer);
    this.temporary = new Region(FIRST, weights);
    this.weights = new Region(weights, activations);
    this.activations = new Region(activations, end);
  }

  holds(array: ArrayBufferView): boolean {
    return array.buffer === this.floats.buffer;
  }
}

/**
 * In bytes. V8 collects garbage when about so much more than its heap is held outside of it; and it is large enough for the
 * system to give pages only as they are touched, where smaller ones may be cleared by hand.
 */
const BALLAST = 64 << 20;

/**
 * Memory of the engine's that nobody touches, so that it takes address space alone. V8 does not count what threads share: without
 * this it let some eight forgotten models of 500 MB pile up before it looked for garbage, and with it one or two. None beside
 * a memory that is smaller itself.
 */
function ballast(bytes: number): ArrayBuffer | null {
  if (bytes < BALLAST) return null;
  try {
    return new ArrayBuffer(BALLAST);
  } catch {
    return null; // it is worth no failure
  }
}

function allocate(pages: number, shared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, ...(shared ? { maximum: pages, shared } : {}) });
  } catch (error) {
    if (!(error instanceof RangeError) && !(error instanceof TypeError)) throw error;
    throw new MemoryError(
      `wasm: got no ${Math.ceil((pages * MEMORY_PAGE) / 2 ** 20)} MiB of memory from the engine, expected room for the weights and a run. ` +
        "Close what else needs memory, or take a smaller model.",
      { cause: error },
    );
  }
}
