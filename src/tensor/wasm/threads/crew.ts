import type { WasmMemory } from "../memory.ts";

/** Who does the work of a kernel, chunk by chunk. */
export interface Crew {
  /** The calling one among them. */
  readonly threads: number;
  /** Makes a memory known to all threads. */
  attach(memory: WasmMemory): void;
  /**
   * Calls the kernel with each chunk's number, the thread's, and the arguments; returns when all are done.
   *
   * @throws ThreadError when a thread has ended, or does not answer
   */
  run(memory: WasmMemory, kernel: string, chunks: number, args: readonly number[]): void;
  dispose(): void;
}

/** The calling thread alone. */
export const alone: Crew = {
  threads: 1,
  attach() {},
  run({ exports }, kernel, chunks, args) {
    for (let chunk = 0; chunk < chunks; chunk++) exports[kernel](chunk, 0, ...args);
  },
  dispose() {},
};
