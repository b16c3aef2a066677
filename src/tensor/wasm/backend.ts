import { ValueError } from "../../errors.ts";
import type { MemoryPlan, PackedMatrix, Workspace } from "../kernels.ts";
import { PANEL, SCRATCH_BYTES } from "./code/panels.ts";
import { LARGEST_MEMORY, type MemorySizes, WasmMemory } from "./memory.ts";
import { matrixBytes, planMemories } from "./memoryPlan.ts";
import { roundUp } from "./region.ts";
import { endWithOwner } from "./threads/abandoned.ts";
import type { Crew } from "./threads/crew.ts";

/** A matrix in panels of eight columns, [⌈cols/8⌉][inner][8], at an address of a memory; padding is zero. */
export interface WasmMatrix extends PackedMatrix {
  readonly memory: WasmMemory;
  readonly address: number;
}

/** What lies elsewhere is copied to and fro by such pieces. */
const PASSAGE = 256 << 10;

export interface BackendOptions {
  readonly module: WebAssembly.Module;
  readonly crew: Crew;
  /** Whether memories are to be shared with other threads. */
  readonly shared: boolean;
  /** In bytes; smaller ones than the engine allows are for tests. */
  readonly largestMemory?: number | undefined;
}

/** The memories of one backend: which matrix, activation or copy lies where. */
export class Backend implements Workspace {
  readonly crew: Crew;
  readonly #module: WebAssembly.Module;
  readonly #shared: boolean;
  readonly #largest: number;
  /** Ends the threads. */
  readonly #end: () => void;
  #memories: WasmMemory[] = [];
  /** Where the session allocates, and where it began in each memory. */
  #session: { home: WasmMemory; marks: readonly number[] } | null = null;
  /** For what no session's memory has room for; replaced by a larger one when need be. */
  #spare: WasmMemory | null = null;
  #disposed = false;

  constructor({ module, crew, shared, largestMemory = LARGEST_MEMORY }: BackendOptions) {
    this.#module = module;
    this.crew = crew;
    this.#end = endWithOwner(crew, this);
    this.#shared = shared;
    this.#largest = largestMemory;
  }

  reserve(plan: MemoryPlan): void {
    const planned = planMemories(plan, this.#largest, (matrix) => this.#temporaryBytes(matrix));
    for (const sizes of planned) this.#add(sizes);
  }

  /** A matrix of zeros, in the first memory with room; one of its own where there is none. */
  matrix(inner: number, cols: number): WasmMatrix {
    this.#expectAlive();
    const bytes = matrixBytes({ inner, cols });
    for (const memory of this.#memories) {
      if (memory.temporary.end - memory.temporary.start < this.#temporaryBytes({ inner, cols })) continue;
      const address = memory.weights.take(bytes);
      if (address !== null) return { inner, cols, memory, address };
    }
    const temporary = this.#temporaryBytes({ inner, cols });
    const memory = this.#add({ temporary, weights: bytes, activations: 0 });
    return { inner, cols, memory, address: memory.weights.take(bytes)! };
  }

  buffer(bytes: number): Uint8Array {
    for (const memory of this.#memories) {
      const address = memory.weights.take(bytes);
      if (address !== null) return new Uint8Array(memory.floats.buffer, address, bytes);
    }
    return new Uint8Array(bytes);
  }

  session<T>(run: () => T): T {
    this.#expectAlive();
    if (this.#memories.length === 0) return run();
    const outer = this.#session;
    const marks = this.#memories.map(({ activations }) => activations.mark);
    this.#session = { home: this.#memories[0], marks };
    try {
      return run();
    } finally {
      this.#free(marks);
      this.#session = outer;
    }
  }

  allocate(length: number): Float32Array {
    const home = this.#session?.home;
    const address = home?.activations.take(4 * length) ?? null;
    return home && address !== null
      ? new Float32Array(home.floats.buffer, address, length)
      : new Float32Array(length);
  }

  keepOnly(kept: Float32Array, near: PackedMatrix): Float32Array {
    if (this.#session === null) return kept;
    const { marks } = this.#session;
    const home = (near as WasmMatrix).memory;
    this.#session = { home, marks };
    this.#free(marks);
    const moved = this.allocate(kept.length);
    moved.set(kept); // which may lie there already, in part: set() moves as if by a copy
    return moved;
  }

  own(data: Float32Array): Float32Array {
    return this.holderOf(data) ? data.slice() : data;
  }

  /** The memory in which an array lies, if any. */
  holderOf(array: ArrayBufferView): WasmMemory | null {
    return this.#memories.find((memory) => memory.holds(array)) ?? null;
  }

  /**
   * Runs `compute` on a memory that holds all of these arrays: where they are, or copies. Its addresses are those of the
   * outputs, then of the inputs, then of `scratch` bytes.
   */
  inOneMemory(
    outputs: readonly Float32Array[],
    inputs: readonly ArrayBufferView[],
    scratch: number,
    compute: (memory: WasmMemory, addresses: readonly number[]) => void,
  ): void {
    this.#expectAlive();
    const arrays = [...outputs, ...inputs];
    const memory = this.#memoryFor(arrays, scratch);
    const { activations } = memory;
    const mark = activations.mark;
    try {
      const addresses = arrays.map((array, i) => {
        if (memory.holds(array)) return array.byteOffset;
        const address = activations.take(array.byteLength)!;
        if (i >= outputs.length) copyIn(memory, address, array);
        return address;
      });
      compute(memory, [...addresses, activations.take(scratch)!]);
      outputs.forEach((output, i) => {
        if (!memory.holds(output))
          output.set(new Float32Array(memory.floats.buffer, addresses[i], output.length));
      });
    } finally {
      activations.reset(mark);
    }
  }

  /** The same for an array that is read and written; wherever it lies, be it where weights do. */
  inPlace(
    x: Float32Array,
    scratch: number,
    compute: (memory: WasmMemory, address: number, scratch: number) => void,
  ): void {
    const holder = this.holderOf(x);
    if (holder && scratch <= holder.temporary.free) {
      const mark = holder.temporary.mark;
      try {
        compute(holder, x.byteOffset, holder.temporary.take(scratch)!);
      } finally {
        holder.temporary.reset(mark);
      }
      return;
    }
    const copy = x.slice();
    this.inOneMemory([x], [copy], scratch, (memory, [to, from, scratchAt]) => {
      memory.floats.copyWithin(to / 4, from / 4, from / 4 + x.length);
      compute(memory, to, scratchAt);
    });
  }

  run(memory: WasmMemory, kernel: string, chunks: number, args: readonly number[]): void {
    this.#expectAlive();
    this.crew.run(memory, kernel, chunks, args);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#memories = [];
    this.#spare = null;
    this.#end();
  }

  /** What the kernels need for their own to work with such a matrix. */
  #temporaryBytes({ inner, cols }: { inner: number; cols: number }): number {
    return PASSAGE + this.crew.threads * SCRATCH_BYTES + 32 * (inner + cols + PANEL);
  }

  #memoryFor(arrays: readonly ArrayBufferView[], scratch: number): WasmMemory {
    const bytes = (memory: WasmMemory | null) =>
      arrays.reduce(
        (sum, array) => sum + (memory?.holds(array) ? 0 : roundUp(array.byteLength)),
        roundUp(scratch),
      );
    const home = this.#session?.home;
    if (home && bytes(home) <= home.activations.free) return home;
    const needed = bytes(null);
    if (this.#spare === null || this.#spare.activations.free < needed) {
      const twice = 2 * (this.#spare?.activations.free ?? 0); // threads know the old one as long as they live
      const activations = Math.max(PASSAGE, needed, Math.min(twice, this.#largest / 4));
      this.#spare = this.#create({ temporary: 0, weights: 0, activations });
    }
    return this.#spare;
  }

  #add(sizes: MemorySizes): WasmMemory {
    const memory = this.#create(sizes);
    this.#memories.push(memory);
    return memory;
  }

  #create(sizes: MemorySizes): WasmMemory {
    this.#expectAlive();
    const memory = new WasmMemory(this.#module, sizes, this.#shared);
    this.crew.attach(memory);
    return memory;
  }

  #free(marks: readonly number[]): void {
    marks.forEach((mark, i) => {
      this.#memories[i]?.activations.reset(mark);
    });
  }

  #expectAlive(): void {
    if (!this.#disposed) return;
    throw new ValueError("wasm: got a call after dispose(), expected none. Load the model anew.");
  }
}

function copyIn(memory: WasmMemory, address: number, array: ArrayBufferView): void {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  new Uint8Array(memory.floats.buffer, address, bytes.length).set(bytes);
}
