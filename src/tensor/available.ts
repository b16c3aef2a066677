import { jsKernels } from "./js/index.ts";
import type { Kernels } from "./kernels.ts";
import { type Precision, wasmKernels } from "./wasm/index.ts";

/**
 * The best backend that this runtime has: WebAssembly, or plain TypeScript where that is refused; its `note` says why.
 * "fast" is "reproducible" where the engine has no relaxed SIMD.
 */
export function availableKernels(precision: Precision = "reproducible"): Kernels {
  let refusal: unknown;
  try {
    return wasmKernels({ precision });
  } catch (error) {
    refusal = error;
  }
  const reason = refusal instanceof Error ? refusal.message : String(refusal);
  if (precision === "fast") {
    const kernels = availableKernels("reproducible");
    const note = kernels.note ?? `precision "fast" needs relaxed SIMD, which this engine lacks: ${reason}`;
    return { ...kernels, note };
  }
  return { ...jsKernels, note: `this runtime refuses the WebAssembly kernels: ${reason}` };
}
