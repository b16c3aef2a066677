import { compileKernels, startCrew } from "../../../../src/tensor/wasm/index.ts";
import { WasmMemory } from "../../../../src/tensor/wasm/memory.ts";
import type { Crew } from "../../../../src/tensor/wasm/threads/crew.ts";
import { testThreads } from "../../../support/threads.ts";

export type { Crew };

const module = compileKernels("reproducible", true);

/** A crew on the kernels; with the package's threads, unless others are given. */
export async function crewFor(
  threads: number,
  options: Partial<Parameters<typeof startCrew>[0]> = {},
): Promise<Crew> {
  return startCrew({ module, threads, spawn: await testThreads(), patience: 5000, ...options });
}

/** What a crew can be seen to work on: four floats for each chunk, to each of which the kernel adds 1. */
export interface Sums {
  readonly memory: WasmMemory;
  readonly floats: Float32Array;
  readonly add: (chunks: number) => void;
}

/** A new memory that the crew knows, with sums for so many chunks. */
export function sumsIn(crew: Crew, most: number): Sums {
  const memory = new WasmMemory(module, { temporary: 0, weights: 0, activations: 32 * most + 64 }, true);
  crew.attach(memory);
  const [x, ones] = [memory.activations.take(16 * most)!, memory.activations.take(16 * most)!];
  memory.floats.fill(1, ones / 4, ones / 4 + 4 * most);
  return {
    memory,
    floats: memory.floats.subarray(x / 4, x / 4 + 4 * most),
    add: (chunks) => crew.run(memory, "add", chunks, [x, x, ones, 4 * chunks, 4]),
  };
}
