import { spawnThread } from "../../src/node/spawnThread.ts";
import type { Kernels } from "../../src/tensor/index.ts";
import {
  compileKernels,
  type Precision,
  type SpawnThread,
  startCrew,
  wasmKernels,
} from "../../src/tensor/wasm/index.ts";
import { bundledText } from "./bundle.ts";

/** A module's text as a script: a thread needs no file. */
export function scriptOf(text: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

let script: Promise<URL> | undefined;

/** What starts the threads of a test: the package's own script, from the sources. */
export async function testThreads(): Promise<SpawnThread> {
  script ??= bundledText("src/node/thread.ts").then(scriptOf);
  const url = await script;
  return () => spawnThread(url);
}

/** The WebAssembly kernels on so many threads. */
export async function kernelsOn(
  threads: number,
  options: { precision?: Precision; largestMemory?: number } = {},
): Promise<Kernels> {
  const { precision = "reproducible", ...rest } = options;
  if (threads === 1) return wasmKernels({ precision, ...rest });
  const module = compileKernels(precision, true);
  const crew = await startCrew({ module, threads, spawn: await testThreads() });
  return wasmKernels({ precision, crew, ...rest });
}
