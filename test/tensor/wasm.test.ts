import { wasmKernels } from "../../src/tensor/wasm/index.ts";
import { kernelsConformance } from "./conformance.ts";
import { inSession } from "./inSession.ts";

const room = { matrices: [{ inner: 2048, cols: 2048 }], activations: 1 << 16 };

for (const precision of ["reproducible", "fast"] as const) {
  const kernels = wasmKernels({ precision });
  kernels.reserve(room);
  kernelsConformance(`wasm, ${precision}`, kernels);
  kernelsConformance(`wasm, ${precision}, in sessions`, inSession(kernels));
}
