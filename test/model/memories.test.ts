import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { directLogitAttribution, MemoryError } from "../../src/index.ts";
import { hashOf } from "../support/hash.ts";
import { recordedHash, recordedNumbers } from "../support/recordedBits.ts";
import { kernelsOn } from "../support/threads.ts";

let memories = 0;
const { Memory } = WebAssembly;
WebAssembly.Memory = new Proxy(Memory, {
  construct(create, [descriptor]) {
    memories++;
    return new create(descriptor);
  },
});
beforeEach(() => {
  memories = 0;
});
afterAll(() => {
  WebAssembly.Memory = Memory;
});

/** What a run and a kernel of the demo model need beside the weights, nearly: so a memory holds a few matrices. */
const SMALL = 8_000_000;

describe.each([1, 2])(
  "weights in several memories have the bits of those in one, on %d threads:",
  (threads) => {
    test.each([
      ["some matrices to each", SMALL, 3],
      ["each matrix alone, though even that is larger than a memory is to be", 1, 18],
    ])("%s", async (_, largestMemory, least) => {
      const kernels = await kernelsOn(threads, { largestMemory });
      const model = await demoModel({ kernels, compatibilityMode: true });
      expect(memories).toBeGreaterThanOrEqual(least);
      expect(hashOf(recordedNumbers(model, directLogitAttribution))).toBe(recordedHash);
      model.dispose();
    });

    test("folded from a model that is in several already", async () => {
      const kernels = await kernelsOn(threads, { largestMemory: SMALL });
      const model = (await demoModel({ kernels })).enableCompatibilityMode();
      expect(memories).toBeGreaterThanOrEqual(6);
      expect(hashOf(recordedNumbers(model, directLogitAttribution))).toBe(recordedHash);
      model.dispose();
    });
  },
);

describe("a matrix beyond what 32 bits address is a MemoryError", () => {
  const huge = { inner: 40_000, cols: 40_000 };
  const message =
    /^wasm: got no \d+ MiB of memory from the engine, expected room for the weights and a run\. Close/;

  test.each([1, 2])("on %d threads", async (threads) => {
    const kernels = await kernelsOn(threads);
    for (const use of [
      () => kernels.reserve({ matrices: [huge], activations: 0 }),
      () => kernels.matrix(huge.inner, huge.cols),
    ]) {
      expect(use).toThrow(MemoryError);
      expect(use).toThrow(message);
    }
    kernels.dispose();
  });
});
