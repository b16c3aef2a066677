import { jsKernels, type Kernels } from "../../src/tensor/index.ts";
import { kernelsOn } from "./threads.ts";

/** Every backend there is: its kernels made anew, to be disposed of. */
export const backends: readonly (readonly [name: string, make: () => Promise<Kernels>])[] = [
  ["js", async () => jsKernels],
  ...(["reproducible", "fast"] as const).flatMap((precision) =>
    [1, 2, 3].map(
      (threads) =>
        [`wasm, ${precision}, threads ${threads}`, () => kernelsOn(threads, { precision })] as const,
    ),
  ),
];
