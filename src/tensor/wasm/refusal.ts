/** An engine that has no WebAssembly, or not these instructions, or lets nobody compile code. */
export class WasmRefusal extends Error {
  override name = "WasmRefusal";
}
