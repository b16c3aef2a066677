import { kernelsModule, type Precision } from "./code/index.ts";

/** Compiled once: modules are the same for every model. */
const compiled = new Map<string, WebAssembly.Module>();

/**
 * The kernels' module. Nothing is fetched or evaluated: the bytes are put together here.
 *
 * @param shared whether for memories that threads share
 * @throws whatever the engine does where it refuses WebAssembly, its vectors, or code from bytes
 */
export function compileKernels(precision: Precision, shared: boolean): WebAssembly.Module {
  const key = `${precision} ${shared}`;
  const known = compiled.get(key);
  if (known) return known;
  const module = new WebAssembly.Module(kernelsModule(precision, shared));
  compiled.set(key, module);
  return module;
}
