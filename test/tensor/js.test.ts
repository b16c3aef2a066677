import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsKernels } from "../../src/tensor/js/index.ts";
import { pack } from "../../src/tensor/ops.ts";
import { expectSameBits, noise, seed, size } from "./conformance/support.ts";
import { kernelsConformance } from "./conformance.ts";

kernelsConformance("js", jsKernels);

describe("js kernels, beyond the conformance suite", () => {
  test("accuracy: γₙ of float64", () => {
    const u = 2 ** -53;
    expect(jsKernels.accuracy.accumulation(768)).toBe((768 * u) / (1 - 768 * u));
  });

  test("matmul has the bits of the plain loop in float64: the order of the inner index, then bias", () => {
    fc.assert(
      fc.property(size, size, size, seed, (rows, inner, cols, seed) => {
        const x = noise(seed, rows * inner);
        const W = noise(seed + 1, inner * cols);
        const bias = noise(seed + 2, cols);
        const want = new Float32Array(rows * cols);
        for (let r = 0; r < rows; r++) {
          for (let c = 0; c < cols; c++) {
            let sum = 0;
            for (let k = 0; k < inner; k++) sum += x[r * inner + k] * W[k * cols + c];
            want[r * cols + c] = sum + bias[c];
          }
        }
        const got = new Float32Array(rows * cols);
        jsKernels.matmul(got, x, pack(jsKernels, W, inner, cols), bias, rows);
        expectSameBits(got, want, "matmul");
      }),
    );
  });

  test("softmaxRows keeps subnormal entries, and a NaN makes its row NaN and no other", () => {
    const out = new Float32Array(6);
    jsKernels.softmaxRows(out, Float32Array.of(0, -100, Number.NaN, Number.NaN, 1, Number.NaN), 3, 2);
    expect([...out]).toEqual([1, Math.fround(Math.exp(-100)), ...new Array(4).fill(Number.NaN)]);
    expect(out[1]).toBeGreaterThan(0);
  });

  test("mixValues takes nothing from behind a row's trailing zeros, not even NaN", () => {
    const v = Float32Array.of(2, 4, 6, 8, 10, ...new Array(5).fill(Number.NaN)); // [pos=2, dHead=5]
    const mixed = (pattern: number[]) => {
      const out = new Float32Array(10);
      jsKernels.mixValues(out, Float32Array.from(pattern), v, {
        batch: 1,
        pos: 2,
        heads: 1,
        dHead: 5,
        queryPos: [0, 1],
      });
      return [...out];
    };
    const half = [1, 2, 3, 4, 5];
    const NaNs = new Array(5).fill(Number.NaN);
    expect(mixed([0.5, 0, 0.5, 0.5])).toEqual([...half, ...NaNs]);
    expect(mixed([0.5, 0.5, 0.5, 0])).toEqual([...NaNs, ...half]);
  });

  test("gelu and silu are NaN at −∞, as in PyTorch", () => {
    const x = Float32Array.of(-Infinity);
    for (const name of ["geluTanh", "geluErf", "silu"] as const) {
      const out = new Float32Array(1);
      jsKernels.activations[name](out, x);
      expect(out[0], name).toBeNaN();
    }
  });
});
