import type { Accuracy, Kernels } from "../kernels.ts";
import { Backend } from "./backend.ts";
import type { Precision } from "./code/index.ts";
import { K_BLOCK } from "./code/panels.ts";
import { compileKernels } from "./compile.ts";
import { conversions } from "./conversions.ts";
import { productKernels } from "./products.ts";
import { attentionKernels, rowKernels } from "./rows.ts";
import { alone, type Crew } from "./threads/crew.ts";
import { weightKernels } from "./weights.ts";

export { compileKernels } from "./compile.ts";
export { WasmRefusal } from "./refusal.ts";
export { startCrew } from "./threads/pool.ts";
export type { SpawnThread, Thread } from "./threads/thread.ts";
export { webThread } from "./threads/webThread.ts";
export type { Precision };

/** γₙ = nu/(1 − nu), n roundings of unit roundoff u. */
const gamma = (n: number, u: number): number => (n * u) / (1 - n * u);
const U32: number = 2 ** -24;
const U64: number = 2 ** -53;
/** What a product below float32's normal range may lose. */
const TINY: number = 2 ** -149;

/** In float32: a product, the sums of its block one by one, and the sum of blocks. */
const accumulation = (n: number): number =>
  n === 0 ? 0 : gamma(Math.min(n, K_BLOCK) + Math.ceil(n / K_BLOCK) + 1, U32);

/**
 * Matrices and attention in float32, in blocks of K_BLOCK; means, variances and the sums of softmax in float64. FMA rounds
 * less often than the bounds allow for.
 */
const accuracy: Accuracy = {
  normalization: gamma(4, U32),
  accumulation,
  mean: (n) => gamma(n + 1, U64) + U32 * U32,
  dotError(a, b, bias) {
    let total = bias;
    let error = 0;
    for (let start = 0; start < a.length; start += K_BLOCK) {
      const end = Math.min(a.length, start + K_BLOCK);
      let sum = 0;
      let products = 0;
      let sums = 0;
      for (let k = start; k < end; k++) {
        const product = a[k] * b[k];
        sum += product;
        products += Math.abs(product);
        sums += Math.abs(sum);
      }
      total += sum;
      const lost = U32 * (products + sums) + (end - start) * TINY;
      error += lost + U32 * (Math.abs(total) + error + lost);
    }
    // (1 + u)ⁿ, n = K_BLOCK: the sums that were rounded are those here and what was lost before; and these are in float64
    return error * (1 + 2 ** -15);
  },
};

export interface WasmOptions {
  readonly precision: Precision;
  readonly crew?: Crew;
  readonly largestMemory?: number;
}

/** @throws WasmRefusal where WebAssembly, or its vectors, cannot be had */
export function wasmKernels({ precision, crew = alone, largestMemory }: WasmOptions): Kernels {
  const shared = crew.threads > 1;
  const module = compileKernels(precision, shared);
  const backend = new Backend({ module, crew, shared, largestMemory });
  return {
    name: precision === "fast" ? "wasm fast" : "wasm",
    note: null,
    threads: crew.threads,
    accuracy,
    dispose: () => backend.dispose(),
    session: (run) => backend.session(run),
    allocate: (length) => backend.allocate(length),
    keepOnly: (kept, near) => backend.keepOnly(kept, near),
    own: (data) => backend.own(data),
    buffer: (bytes) => backend.buffer(bytes),
    ...weightKernels(backend),
    ...productKernels(backend),
    ...conversions(backend),
    ...rowKernels(backend),
    ...attentionKernels(backend),
  };
}
