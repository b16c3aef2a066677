import { describe, expectObject, ThreadError, unknownOption, ValueError } from "../errors.ts";
import { jsKernels } from "./js/index.ts";
import type { Kernels } from "./kernels.ts";
import {
  compileKernels,
  type Precision,
  type SpawnThread,
  startCrew,
  WasmRefusal,
  wasmKernels,
  webThread,
} from "./wasm/index.ts";

/** Which backend is wanted. */
export interface BackendOptions {
  /**
   * How float32 is rounded: "reproducible", the default, gives the same bits on every runtime, processor and number of
   * threads; "fast" multiplies and adds with one rounding where the engine has relaxed SIMD.
   */
  readonly precision?: Precision | undefined;
  /** How many threads compute, the calling one among them; default 1. */
  readonly threads?: number | undefined;
  /**
   * What starts a thread: in Node, Bun and Deno `spawnThread` of logitscope/node, which fromPretrained gives by itself. A page
   * that is cross-origin isolated needs none.
   */
  readonly spawnThread?: SpawnThread | undefined;
}

/** Their names. */
export const backendNames: Readonly<Record<keyof BackendOptions, true>> = {
  precision: true,
  threads: true,
  spawnThread: true,
};

/** How many threads may be asked for. */
export const MOST_THREADS = 256;

/**
 * The best backend that this runtime has, on one thread: WebAssembly, or plain TypeScript where that is refused; its
 * `note` says why.
 *
 * @throws ValueError for another precision
 */
export function availableKernels(precision: Precision = "reproducible"): Kernels {
  if (precision !== "reproducible" && precision !== "fast") {
    throw new ValueError(
      `precision: got ${describe(precision)}, expected "reproducible" or "fast". Leave it out for the first.`,
    );
  }
  const refusal = refusalOf(precision);
  if (refusal === null) return wasmKernels({ precision });
  if (precision === "fast" && refusalOf("reproducible") === null) {
    const kernels = wasmKernels({ precision: "reproducible" });
    const lacks = 'precision "fast" needs relaxed SIMD, which this engine lacks';
    return noted(kernels, `${lacks}: the results are the reproducible ones`); // what the engine says is of its own insides
  }
  return noted(jsKernels, `this runtime refuses the WebAssembly kernels: ${refusal}`);
}

/**
 * The best backend that this runtime has, on so many threads where it has threads, else on one; its `note` says what is
 * not as asked, and why.
 *
 * @throws ValueError unless `threads` is a whole number from 1 to MOST_THREADS, for another precision, or another option
 */
export async function startKernels(options: BackendOptions = {}): Promise<Kernels> {
  expectObject("startKernels", options, "options", "Give an object of them.");
  const { precision = "reproducible", threads = 1, spawnThread = pageThread(), ...others } = options;
  for (const [name, value] of Object.entries(others)) {
    if (value !== undefined) throw unknownOption("startKernels", name, Object.keys(backendNames));
  }
  if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS) {
    throw new ValueError(
      `threads: got ${describe(threads)}, expected a whole number from 1 to ${MOST_THREADS}. Leave it out for one thread.`,
    );
  }
  const alone = availableKernels(precision);
  if (threads === 1 || alone.name === "js") return alone;
  const because = (reason: string): Kernels =>
    noted(alone, `one thread is used instead of ${threads}: ${reason}`);
  if (spawnThread === undefined || typeof SharedArrayBuffer === "undefined") {
    return because(
      "this runtime, or a page that is not cross-origin isolated, cannot share memory between threads",
    );
  }
  try {
    const possible = alone.name === "wasm" ? "reproducible" : "fast";
    const module = compileKernels(possible, true);
    const crew = await startCrew({ module, threads, spawn: spawnThread });
    return noted(wasmKernels({ precision: possible, crew }), alone.note);
  } catch (error) {
    if (error instanceof ThreadError || error instanceof WasmRefusal) return because(error.message);
    throw error;
  }
}

function noted(kernels: Kernels, ...notes: (string | null)[]): Kernels {
  const all = [kernels.note, ...notes].filter((note) => note !== null);
  return { ...kernels, note: all.length > 0 ? all.join("; ") : null };
}

function pageThread(): SpawnThread | undefined {
  const { Worker, crossOriginIsolated } = globalThis as { Worker?: unknown; crossOriginIsolated?: boolean };
  return typeof Worker === "function" && crossOriginIsolated === true ? webThread : undefined;
}

/** Why the engine refuses to compile the kernels, or null where it does not. */
function refusalOf(precision: Precision): string | null {
  try {
    compileKernels(precision, false);
    return null;
  } catch (error) {
    if (error instanceof WasmRefusal) return error.message;
    throw error;
  }
}
