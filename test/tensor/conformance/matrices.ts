import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Kernels } from "../../../src/tensor/kernels.ts";
import { pack } from "../../../src/tensor/ops.ts";
import { expectAllNear, expectNear, expectSameBits, gamma64, noise, output, seed, size } from "./support.ts";

const problem = fc.record({ rows: size, inner: size, cols: size, seed, biased: fc.boolean() });

export function matrixConformance(kernels: Kernels): void {
  const multiply = (
    x: Float32Array,
    W: Float32Array,
    bias: Float32Array | null,
    rows: number,
    cols: number,
  ) => {
    const packed = pack(kernels, W, W.length / cols, cols);
    const inputs = bias === null ? [x, W] : [x, W, bias];
    return output(rows * cols, inputs, (out) => kernels.matmul(out, x, packed, bias, rows));
  };

  describe("pack", () => {
    test("unpack gives back every bit, NaN and −0 too, whole, by columns, by parts of rows, and of a copy", () => {
      fc.assert(
        fc.property(size, size, seed, (inner, cols, seed) => {
          const W = noise(seed, inner * cols);
          W[0] = -0;
          W[W.length - 1] = Number.NaN;
          const columns = Float32Array.from(W, (_, i) => W[(i % inner) * cols + Math.floor(i / inner)]);
          const byColumns = kernels.matrix(inner, cols);
          for (let first = 0; first < cols; first += 8) {
            const some = columns.subarray(first * inner, (first + 8) * inner);
            kernels.fillColumns(byColumns, first, some, Math.min(8, cols - first));
          }
          const inParts = kernels.matrix(inner, cols); // rows from the middle of wider ones, one by one
          const wide = new Float32Array(inner * (cols + 5)).fill(Number.NaN);
          for (let k = 0; k < inner; k++) wide.set(W.subarray(k * cols, (k + 1) * cols), k * (cols + 5) + 3);
          for (let k = 0; k < inner; k++) {
            kernels.fillRows(inParts, k, wide.subarray(k * (cols + 5), (k + 1) * (cols + 5)), 1, cols + 5, 3);
          }
          const whole = pack(kernels, W, inner, cols);
          for (const packed of [whole, byColumns, inParts, kernels.copy(whole)]) {
            expect([packed.inner, packed.cols]).toEqual([inner, cols]);
            expectSameBits(kernels.unpack(packed), W, "unpacked");
          }
        }),
      );
    });

    test("keeps a copy: writing to W afterwards changes nothing", () => {
      const W = Float32Array.of(1, 2, 3, 4);
      const packed = pack(kernels, W, 2, 2);
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

  describe("matmulByColumns", () => {
    test("has the bits of matmul", () => {
      fc.assert(
        fc.property(problem, ({ rows, inner, cols, seed }) => {
          const x = noise(seed, rows * inner);
          const W = noise(seed + 1, inner * cols);
          const bias = noise(seed + 2, cols);
          const columns = Float32Array.from(W, (_, i) => W[(i % inner) * cols + Math.floor(i / inner)]);
          const got = output(rows * cols, [x, columns, bias], (out) =>
            kernels.matmulByColumns(out, x, columns, bias, rows, inner, cols),
          );
          expectSameBits(got, multiply(x, W, bias, rows, cols), "by columns");
        }),
      );
    });
  });

  describe("dotError", () => {
    test("bounds the error of a product with a bias, and is no larger than γ's", () => {
      fc.assert(
        fc.property(fc.oneof(size, fc.constantFrom(300, 768)), seed, (n, seed) => {
          const a = noise(seed, n);
          const b = noise(seed + 1, n);
          const bias = noise(seed + 2, 1);
          const [got] = multiply(a, b, bias, n === 0 ? 0 : 1, 1);
          const terms = [...Array.from(a, (v, k) => v * b[k]), bias[0]];
          const want = terms.reduce((sum, term) => sum + term, 0);
          const magnitude = terms.reduce((sum, term) => sum + Math.abs(term), 0);
          const bound = kernels.accuracy.dotError(a, b, bias[0]);
          expectNear(got, want, bound + gamma64(n) * magnitude, "product");
          expect(bound).toBeLessThanOrEqual(
            1.01 * kernels.accuracy.accumulation(n) * magnitude + n * 2 ** -148,
          );
        }),
      );
    });
  });

  describe("project", () => {
    test("by hand", () => {
      const W = pack(kernels, Float32Array.of(1, 2, 3, 4, 5, 6), 2, 3);
      const out = new Float64Array(2).fill(7);
      kernels.project(out, W, Float64Array.of(1, -1, 0.5));
      expect([...out]).toEqual([0.5, 2]);
    });

    test("within float64's γ of the formula", () => {
      fc.assert(
        fc.property(size, size, seed, (inner, cols, seed) => {
          const W = noise(seed, inner * cols);
          const u = Float64Array.from(noise(seed + 1, cols), (v) => v / 3);
          const out = new Float64Array(inner).fill(7);
          kernels.project(out, pack(kernels, W, inner, cols), u);
          for (let k = 0; k < inner; k++) {
            const products = Array.from(u, (v, j) => v * W[k * cols + j]);
            expectSum64(out[k], products, `row ${k}`);
          }
        }),
      );
    });
  });

  describe("combineRows and combineMagnitudes", () => {
    test("within float64's γ of the formula; magnitudes within a thousandth", () => {
      fc.assert(
        fc.property(size, size, seed, (inner, cols, seed) => {
          const W = noise(seed, inner * cols);
          const v = noise(seed + 1, inner);
          const packed = pack(kernels, W, inner, cols);
          const out = new Float64Array(cols).fill(7);
          kernels.combineRows(out, Float64Array.from(v), packed);
          const magnitudes = output(cols, [v], (out) => kernels.combineMagnitudes(out, v, packed));
          for (let c = 0; c < cols; c++) {
            const products = Array.from(v, (value, k) => value * W[k * cols + c]);
            expectSum64(out[c], products, `column ${c}`);
            const magnitude = products.reduce((sum, p) => sum + Math.abs(p), 0);
            expect(Math.abs(magnitudes[c] - magnitude)).toBeLessThanOrEqual(2 ** -10 * magnitude);
          }
        }),
      );
    });
  });

  describe("what folding does to weights", () => {
    test("each row times its gamma, each column less its mean: rounded once", () => {
      fc.assert(
        fc.property(size, size, seed, (inner, cols, seed) => {
          const W = noise(seed, inner * cols);
          const gamma = Float64Array.from(noise(seed + 1, inner));
          const packed = pack(kernels, W, inner, cols);
          kernels.scaleAndCentreColumns(packed, gamma);
          const got = kernels.unpack(packed);
          for (let c = 0; c < cols; c++) {
            const column = Array.from(gamma, (g, k) => g * W[k * cols + c]);
            const mean = column.reduce((sum, value) => sum + value, 0) / inner;
            const magnitude = column.reduce((sum, value) => sum + Math.abs(value), 0);
            for (let k = 0; k < inner; k++) {
              expectNear(
                got[k * cols + c],
                column[k] - mean,
                4 * gamma64(inner + 2) * magnitude,
                `[${k}, ${c}]`,
              );
            }
          }
        }),
      );
    });

    test("each row less its mean, rounded once, and twice as good as once", () => {
      fc.assert(
        fc.property(size, size, seed, (inner, cols, seed) => {
          const W = noise(seed, inner * cols);
          const packed = pack(kernels, W, inner, cols);
          kernels.centreRows(packed);
          const got = kernels.unpack(packed);
          for (let k = 0; k < inner; k++) {
            const row = W.subarray(k * cols, (k + 1) * cols);
            const mean = row.reduce((sum: number, value) => sum + value, 0) / cols;
            const magnitude = row.reduce((sum: number, value) => sum + Math.abs(value), 0);
            for (let c = 0; c < cols; c++) {
              expectNear(got[k * cols + c], row[c] - mean, 4 * gamma64(cols + 2) * magnitude, `[${k}, ${c}]`);
            }
          }
          const projected = new Float64Array(inner); // the padding of a panel is still no column
          kernels.project(projected, packed, new Float64Array(cols).fill(1));
          for (let k = 0; k < inner; k++)
            expectSum64(projected[k], [...got.subarray(k * cols, (k + 1) * cols)], "sum");
        }),
      );
    });
  });
}

/** Asserts that a sum in float64, in whatever order, is within γ of this one. */
function expectSum64(got: number, terms: readonly number[], what: string): void {
  const sum = terms.reduce((total, term) => total + term, 0);
  const magnitude = terms.reduce((total, term) => total + Math.abs(term), 0);
  const bound = 2 * gamma64(terms.length + 1) * magnitude; // both sums round
  if (Math.abs(got - sum) > bound) expect.fail(`${what}: got ${got}, expected ${sum} within ${bound}`);
}
