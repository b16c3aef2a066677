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

    test("takes columns in pieces of any size, in any order, as many as they are", () => {
      const [inner, cols] = [1301, 300]; // of so many, a backend may copy some at a time
      const columns = noise(1, cols * inner);
      const W = Float32Array.from(
        { length: inner * cols },
        (_, i) => columns[(i % cols) * inner + Math.floor(i / cols)],
      );
      const pieces = [
        [153, 100],
        [3, 5],
        [0, 3],
        [8, 145],
        [253, 47],
      ];
      const packed = kernels.matrix(inner, cols);
      for (const [first, count] of pieces) {
        kernels.fillColumns(packed, first, columns.slice(first * inner, (first + count) * inner), count);
      }
      expectSameBits(kernels.unpack(packed), W, "unpacked");
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
    const powers = fc.constantFrom(0, 66, 70, 73); // products below float32's normal range among them
    test("bounds the error of a product with a bias, and is no larger than γ's", () => {
      fc.assert(
        fc.property(fc.oneof(size, fc.constantFrom(300, 768)), seed, powers, (n, seed, power) => {
          const unit = 2 ** -power;
          const a = noise(seed, n).map((v) => v * unit);
          const b = noise(seed + 1, n).map((v) => v * unit);
          const bias = noise(seed + 2, 1).map((v) => v * unit * unit);
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

  describe("projectParts", () => {
    const project = (x: Float32Array, W: Float32Array, u: Float64Array, rows: number, parts: number) => {
      const cols = u.length / rows;
      const scores = new Float64Array(rows * parts).fill(7);
      const products = new Float64Array(rows * cols).fill(7);
      const packed = pack(kernels, W, W.length / cols, cols);
      const magnitudes = output(rows * cols, [x, W], (out) =>
        kernels.projectParts(scores, products, out, x, packed, u, rows, parts),
      );
      return { scores, products, magnitudes };
    };

    test("by hand: one row, two parts of one", () => {
      const W = Float32Array.of(1, 2, 3, 4, 5, 6);
      const { scores, products, magnitudes } = project(
        Float32Array.of(2, -1),
        W,
        Float64Array.of(1, -1, 0.5),
        1,
        2,
      );
      expect([[...scores], [...products], [...magnitudes]]).toEqual([
        [1, -2],
        [-2, -1, 0],
        [6, 9, 12],
      ]);
    });

    test("within float64's γ of the formula; magnitudes within a thousandth", () => {
      const sizes = fc.record({ rows: size, parts: fc.integer({ min: 1, max: 4 }), size, cols: size, seed });
      fc.assert(
        fc.property(sizes, ({ rows, parts, size, cols, seed }) => {
          const inner = parts * size;
          const x = noise(seed, rows * inner);
          const W = noise(seed + 1, inner * cols);
          const u = Float64Array.from(noise(seed + 2, rows * cols), (value) => value / 3);
          const { scores, products, magnitudes } = project(x, W, u, rows, parts);
          for (let r = 0; r < rows; r++) {
            const term = (k: number, c: number) => x[r * inner + k] * W[k * cols + c];
            for (let c = 0; c < cols; c++) {
              const terms = Array.from({ length: inner }, (_, k) => term(k, c));
              expectSum64(products[r * cols + c], terms, `product [${r}, ${c}]`);
              const magnitude = terms.reduce((sum, value) => sum + Math.abs(value), 0);
              expect(Math.abs(magnitudes[r * cols + c] - magnitude)).toBeLessThanOrEqual(
                2 ** -10 * magnitude,
              );
            }
            for (let part = 0; part < parts; part++) {
              const terms = Array.from({ length: size * cols }, (_, i) => {
                const c = i % cols;
                return term(part * size + Math.floor(i / cols), c) * u[r * cols + c];
              });
              expectSum64(scores[r * parts + part], terms, `score [${r}, ${part}]`);
            }
          }
        }),
      );
    });

    test("of thousands of parts, as an MLP has neurons", () => {
      const [rows, inner, cols] = [11, 3001, 41];
      const x = noise(1, rows * inner);
      const W = noise(2, inner * cols);
      const u = Float64Array.from(noise(3, rows * cols));
      const { scores, products } = project(x, W, u, rows, inner);
      expect(products).toEqual(project(x, W, u, rows, 1).products);
      for (let r = 0; r < rows; r++) {
        for (let k = 0; k < inner; k++) {
          const terms = Array.from(
            { length: cols },
            (_, c) => x[r * inner + k] * W[k * cols + c] * u[r * cols + c],
          );
          expectSum64(scores[r * inner + k], terms, `score [${r}, ${k}]`);
        }
      }
    });

    test("a row has the same bits alone as among others", () => {
      fc.assert(
        fc.property(size, size, seed, (inner, cols, seed) => {
          const rows = 5;
          const x = noise(seed, rows * inner);
          const W = noise(seed + 1, inner * cols);
          const u = Float64Array.from(noise(seed + 2, rows * cols));
          const all = project(x, W, u, rows, 1);
          for (let r = 0; r < rows; r++) {
            const row = <T extends Float32Array | Float64Array>(of: T, length: number) =>
              of.slice(r * length, (r + 1) * length) as T;
            const alone = project(row(x, inner), W, row(u, cols), 1, 1);
            expect([...alone.scores]).toEqual([...row(all.scores, 1)]);
            expect([...alone.products]).toEqual([...row(all.products, cols)]);
            expectSameBits(alone.magnitudes, row(all.magnitudes, cols), "magnitudes");
          }
        }),
      );
    });
  });

  describe("combineRows", () => {
    test("within float64's γ of the formula", () => {
      fc.assert(
        fc.property(size, size, seed, (inner, cols, seed) => {
          const W = noise(seed, inner * cols);
          const v = noise(seed + 1, inner);
          const out = new Float64Array(cols).fill(7);
          kernels.combineRows(out, Float64Array.from(v), pack(kernels, W, inner, cols));
          for (let c = 0; c < cols; c++) {
            const products = Array.from(v, (value, k) => value * W[k * cols + c]);
            expectSum64(out[c], products, `column ${c}`);
          }
        }),
      );
    });
  });

  describe("what folding does to weights", () => {
    test("foldNorm: each row times its gamma, each column less its mean, rounded once; betaᵀW beside it", () => {
      fc.assert(
        fc.property(size, size, seed, (inner, cols, seed) => {
          const W = noise(seed, inner * cols);
          const gamma = Float64Array.from(noise(seed + 1, inner));
          const beta = Float64Array.from(noise(seed + 2, inner), (value) => value / 3);
          const packed = pack(kernels, W, inner, cols);
          const sums = new Float64Array(cols).fill(7);
          kernels.foldNorm(sums, packed, gamma, beta);
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
            expectSum64(
              sums[c],
              Array.from(beta, (b, k) => b * W[k * cols + c]),
              `column ${c}`,
            );
          }
        }),
      );
    });

    test("centreRows: each row less its mean, rounded once, with the bits of centre", () => {
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
          const rowMajor = W.slice();
          kernels.centre(rowMajor, inner, cols);
          expectSameBits(got, rowMajor, "centre");
          kernels.centreRows(packed); // what fills up a panel is no column, even now
          const size = (i: number) =>
            got
              .subarray(i - (i % cols), i - (i % cols) + cols)
              .reduce((sum: number, v) => sum + Math.abs(v), 0);
          const again = kernels.unpack(packed);
          expectAllNear(again, got, (i) => 2 ** -23 * (Math.abs(got[i]) + size(i) / cols), "again");
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
