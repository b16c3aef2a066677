import prebuilt from "#kernels";
import type { Precision } from "./code/index.ts";
import { WasmRefusal } from "./refusal.ts";

/**
 * What the build puts in the place of compile.ts for Cloudflare Workers and the like, which compile no code at run time but
 * take a .wasm file that is deployed with the script: the kernels, assembled by the build.
 *
 * @throws WasmRefusal for others than the reproducible ones on one thread, and where a bundler made something else of the file
 */
export function compileKernels(precision: Precision, shared: boolean): WebAssembly.Module {
  if (precision !== "reproducible" || shared) {
    throw new WasmRefusal('the package brings the kernels of "reproducible" on one thread for it');
  }
  const tag = Object.prototype.toString.call(prebuilt); // a platform may bind a module of another realm
  if (tag === "[object WebAssembly.Module]") return prebuilt as WebAssembly.Module;
  throw new WasmRefusal(`the kernels' .wasm file came as ${tag}, not as a WebAssembly.Module`);
}
