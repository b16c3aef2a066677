import { afterAll, expect, test } from "vitest";
import { startKernels } from "../../../../src/tensor/index.ts";
import { testThreads } from "../../../support/threads.ts";
import { kernelsConformance } from "../../conformance.ts";
import { inSession } from "../../inSession.ts";

const room = { matrices: [{ inner: 2048, cols: 2048 }], activations: 1 << 16 };
const spawnThread = await testThreads();

for (const precision of ["reproducible", "fast"] as const) {
  for (const threads of [2, 3]) {
    const kernels = await startKernels({ precision, threads, spawnThread });
    afterAll(() => kernels.dispose());

    test(`wasm, ${precision}: ${threads} threads are what was asked for`, () => {
      const name = precision === "fast" ? "wasm fast" : "wasm";
      expect(kernels).toMatchObject({ name, note: null, threads });
    });
    kernels.reserve(room);
    kernelsConformance(`wasm, ${precision}, ${threads} threads, in sessions`, inSession(kernels));
  }
}
