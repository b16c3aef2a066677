import { describe, expect, test } from "vitest";
import type { Kernels } from "../../src/tensor/kernels.ts";
import { attentionConformance } from "./conformance/attention.ts";
import { elementwiseConformance } from "./conformance/elementwise.ts";
import { matrixConformance } from "./conformance/matrices.ts";
import { normConformance } from "./conformance/norm.ts";
import { softmaxConformance } from "./conformance/softmax.ts";

/**
 * What every backend must pass. Tolerances follow from the backend's own `accuracy.accumulation` and one
 * rounding to float32, against formulas written here in float64 or exactly: support/exact.ts. Every call also
 * checks that inputs and the elements around the output stay as they are.
 */
export function kernelsConformance(name: string, kernels: Kernels): void {
  describe(`${name} kernels`, () => {
    test("accuracy: γ grows with n from 0, at least as fast as float64's", () => {
      const { accumulation } = kernels.accuracy;
      expect(accumulation(0)).toBe(0);
      for (const n of [1, 2, 768, 50257]) {
        expect(accumulation(n)).toBeGreaterThanOrEqual(n * 2 ** -53);
        expect(accumulation(n)).toBeGreaterThanOrEqual(accumulation(n - 1));
        expect(accumulation(n)).toBeLessThan(0.01);
      }
    });
    matrixConformance(kernels);
    normConformance(kernels);
    attentionConformance(kernels);
    softmaxConformance(kernels);
    elementwiseConformance(kernels);
  });
}
