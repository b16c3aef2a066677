import { afterAll, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { directLogitAttribution, jsKernels } from "../../src/index.ts";
import { hashOf } from "../support/hash.ts";
import { recordedHash, recordedHashOfJs, recordedNumbers } from "../support/recordedBits.ts";
import { testThreads } from "../support/threads.ts";

const spawnThread = await testThreads();

// what another machine, engine or number of threads computes is the same to the bit; test/matrix has other engines
test.each([1, 2, 3])(
  "the demo model's rows and logits have the recorded bits on %d threads",
  async (threads) => {
    const model = await demoModel({ compatibilityMode: true, threads, spawnThread });
    afterAll(() => model.dispose());
    expect(model.kernels).toMatchObject({ name: "wasm", note: null, threads });
    expect(hashOf(recordedNumbers(model, directLogitAttribution))).toBe(recordedHash);
  },
);

test("and in plain TypeScript", async () => {
  const model = await demoModel({ compatibilityMode: true, kernels: jsKernels });
  expect(hashOf(recordedNumbers(model, directLogitAttribution))).toBe(recordedHashOfJs);
});
