import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Kernels } from "../../../src/tensor/kernels.ts";
import { expectAllNear, expectSameBits, gamma64, noise, output, seed, size } from "./support.ts";

const problem = fc.record({ rows: size, inner: size, cols: size, seed, biased: fc.boolean() });

export function matrixConformance(kernels: Kernels): void {
  const multiply = (
    x: Float32Array,
    W: Float32Array,
    bias: Float32Array | null,
    rows: number,
    cols: number,
  ) => {
    const packed = kernels.pack(W, W.length / cols, cols);
    const inputs = bias === null ? [x, W] : [x, W, bias];
    return output(rows * cols, inputs, (out) => kernels.matmul(out, x, packed, bias, rows));
  };

  describe("pack", () => {
    test("unpack gives back every bit, NaN and −0 too; packColumns packs the same", () => {
      fc.assert(
        fc.property(size, size, seed, (inner, cols, seed) => {
          const W = noise(seed, inner * cols);
          W[0] = -0;
          W[W.length - 1] = Number.NaN;
          const column = new Float32Array(inner);
          const byColumns = kernels.packColumns((c) => column.map((_, k) => W[k * cols + c]), inner, cols);
          const reused = kernels.packColumns(
            (c) => {
              for (let k = 0; k < inner; k++) column[k] = W[k * cols + c];
              return column;
            },
            inner,
            cols,
          );
          for (const packed of [kernels.pack(W, inner, cols), byColumns, reused]) {
            expect([packed.inner, packed.cols]).toEqual([inner, cols]);
            expectSameBits(kernels.unpack(packed), W, "unpacked");
          }
        }),
      );
    });

    test("keeps a copy: writing to W afterwards changes nothing", () => {
      const W = Float32Array.of(1, 2, 3, 4);
      const packed = kernels.pack(W, 2, 2);
      W.fill(9);
      expect([...kernels.unpack(packed)]).toEqual([1, 2, 3, 4]);
    });
  });

  describe("matmul", () => {
    test("by hand", () => {
      const x = Float32Array.of(1, 2, 3, -1);
      const W = Float32Array.of(1, 2, 3, 4, 5, 6);
      expect([...multiply(x, W, null, 2, 3)]).toEqual([9, 12, 15, -1, 1, 3]);
      expect([...multiply(x, W, Float32Array.of(10, 20, 30), 2, 3)]).toEqual([19, 32, 45, 9, 21, 33]);
    });

    test("within accumulation(inner) of the formula, and one rounding", () => {
      fc.assert(
        fc.property(problem, ({ rows, inner, cols, seed, biased }) => {
          const x = noise(seed, rows * inner);
          const W = noise(seed + 1, inner * cols);
          const bias = biased ? noise(seed + 2, cols) : null;
          const want = new Float64Array(rows * cols);
          const magnitudes = new Float64Array(rows * cols);
          for (let r = 0; r < rows; r++) {
            for (let c = 0; c < cols; c++) {
              const terms = Array.from({ length: inner }, (_, k) => x[r * inner + k] * W[k * cols + c]);
              if (bias !== null) terms.push(bias[c]);
              want[r * cols + c] = terms.reduce((sum, term) => sum + term, 0);
              magnitudes[r * cols + c] = terms.reduce((sum, term) => sum + Math.abs(term), 0);
            }
          }
          const gamma = kernels.accuracy.accumulation(inner) + gamma64(inner);
          expectAllNear(multiply(x, W, bias, rows, cols), want, (i) => gamma * magnitudes[i], "matmul");
        }),
      );
    });

    test("a row has the same bits alone as in a batch", () => {
      fc.assert(
        fc.property(problem, ({ rows, inner, cols, seed, biased }) => {
          const x = noise(seed, rows * inner);
          const W = noise(seed + 1, inner * cols);
          const bias = biased ? noise(seed + 2, cols) : null;
          const batch = multiply(x, W, bias, rows, cols);
          for (let r = 0; r < rows; r++) {
            const alone = multiply(x.slice(r * inner, (r + 1) * inner), W, bias, 1, cols);
            expectSameBits(alone, batch.slice(r * cols, (r + 1) * cols), `row ${r}`);
          }
        }),
      );
    });

    test("a column has the same bits whatever its place in W", () => {
      fc.assert(
        fc.property(size, size, seed, (inner, cols, seed) => {
          const x = noise(seed, 5 * inner);
          const column = noise(seed + 1, inner);
          const W = Float32Array.from({ length: inner * cols }, (_, i) => column[Math.floor(i / cols)]);
          const out = multiply(x, W, null, 5, cols);
          const alone = multiply(x, column, null, 5, 1);
          expectSameBits(
            out,
            out.map((_, i) => alone[Math.floor(i / cols)]),
            "columns",
          );
        }),
      );
    });
  });

  describe("project", () => {
    test("by hand", () => {
      const W = kernels.pack(Float32Array.of(1, 2, 3, 4, 5, 6), 2, 3);
      const out = new Float64Array(2).fill(7);
      const magnitudes = new Float64Array(2).fill(7);
      kernels.project(out, magnitudes, W, Float64Array.of(1, -1, 0.5));
      expect([[...out], [...magnitudes]]).toEqual([
        [0.5, 2],
        [4.5, 12],
      ]);
    });

    test("within float64's γ of the formula, with the magnitudes", () => {
      fc.assert(
        fc.property(size, size, seed, (inner, cols, seed) => {
          const W = noise(seed, inner * cols);
          const u = Float64Array.from(noise(seed + 1, cols), (v) => v / 3);
          const out = new Float64Array(inner);
          const magnitudes = new Float64Array(inner);
          kernels.project(out, magnitudes, kernels.pack(W, inner, cols), u);
          for (let k = 0; k < inner; k++) {
            const products = Array.from(u, (v, j) => v * W[k * cols + j]);
            const magnitude = products.reduce((sum, p) => sum + Math.abs(p), 0);
            const bound = 2 * gamma64(cols) * magnitude; // both sums round
            const sum = products.reduce((total, p) => total + p, 0);
            expect(Math.abs(out[k] - sum), `row ${k}`).toBeLessThanOrEqual(bound);
            expect(Math.abs(magnitudes[k] - magnitude), `row ${k}'s magnitude`).toBeLessThanOrEqual(bound);
          }
        }),
      );
    });
  });
}
