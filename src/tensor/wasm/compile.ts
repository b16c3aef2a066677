import type { Precision } from "./code/index.ts";
import { kernelBytes } from "./kernelBytes.ts";
import { WasmRefusal } from "./refusal.ts";

/** Compiled once: modules are the same for every model. */
const compiled = new Map<string, WebAssembly.Module>();

/**
 * The kernels' module. Nothing is fetched or evaluated.
 *
 * @param shared whether for memories that threads share
 * @throws WasmRefusal with the engine's own words
 */
export function compileKernels(precision: Precision, shared: boolean): WebAssembly.Module {
  const key = `${precision} ${shared}`;
  const known = compiled.get(key);
  if (known) return known;
  const bytes = kernelBytes(precision, shared);
  try {
    const module = new WebAssembly.Module(bytes);
    compiled.set(key, module);
    return module;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WasmRefusal(reason, { cause: error });
  }
}
