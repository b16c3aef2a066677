import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kernelsModule } from "../../../src/tensor/wasm/code/index.ts";
import { bytesOf, moduleBytes, moduleText, textOf } from "../../../src/tensor/wasm/moduleText.ts";

test("any bytes come back from their text, which is printable ASCII without a quotation mark", () => {
  fc.assert(
    fc.property(fc.uint8Array({ size: "large" }), (bytes) => {
      const text = textOf(bytes);
      expect(bytesOf(text)).toEqual(bytes);
      expect(text).toMatch(/^[!#-~]*$/);
    }),
  );
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  expect(bytesOf(textOf(all))).toEqual(all);
});

describe.each(["reproducible", "fast"] as const)(
  "the kernels, %s, come back from their text",
  (precision) => {
    test.each([false, true])("for shared memory: %s", (shared) => {
      const text = moduleText(kernelsModule(precision, false), kernelsModule(precision, true));
      expect(moduleBytes(text, shared)).toEqual(kernelsModule(precision, shared));
    });

    test("the two forms differ in a few bytes", () => {
      const { shared } = moduleText(kernelsModule(precision, false), kernelsModule(precision, true));
      expect(shared.to - shared.from).toBeLessThan(32);
    });
  },
);
