import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Kernels } from "../../../src/tensor/kernels.ts";
import { random } from "../../support/random.ts";
import { expectAllNear, expectNear, expectSameBits, gamma64, noise, output, seed, size } from "./support.ts";

const eps = 1e-5;

// A misplaced eps shows only where the spread is near sqrt(eps); a one-pass variance only where the mean is
// large beside it; so both are drawn first.
const rows = fc.record({
  rows: fc.integer({ min: 1, max: 5 }),
  cols: size,
  spread: fc.constantFrom(0, 1e-4, Math.sqrt(eps), 1, 100),
  mean: fc.constantFrom(0, 1, -30, 4096),
  outlier: fc.constantFrom(0, 1e3),
  seed,
});

type Rows = typeof rows extends fc.Arbitrary<infer T> ? T : never;

function draw({ rows, cols, spread, mean, outlier, seed }: Rows): Float32Array {
  const next = random(seed);
  const x = Float32Array.from({ length: rows * cols }, () => mean + spread * (2 * next() - 1));
  for (let r = 0; r < rows; r++) x[r * cols + Math.floor(next() * cols)] += outlier;
  return x;
}

/** Mean, variance and how far a backend's mean may lie off: γ of its sum, and one division. */
function moments(kernels: Kernels, row: Float32Array): { mean: number; variance: number; shift: number } {
  const n = row.length;
  const mean = row.reduce((sum: number, v) => sum + v, 0) / n;
  const variance = row.reduce((sum: number, v) => sum + (v - mean) ** 2, 0) / n;
  const magnitude = row.reduce((sum: number, v) => sum + Math.abs(v), 0) / n;
  return { mean, variance, shift: (kernels.accuracy.mean(n + 1) + gamma64(n + 1)) * magnitude };
}

export function normConformance(kernels: Kernels): void {
  const unit = kernels.accuracy.accumulation(1);
  const scaleOf = (x: Float32Array, rows: number, cols: number) =>
    output(rows, [x], (out) => kernels.layerNormScale(out, x, rows, cols, eps));

  describe("layerNormScale", () => {
    test("by hand: the variance is biased, eps inside the root", () => {
      expect(scaleOf(Float32Array.of(1, 3, -2, -2), 2, 2)).toEqual(
        Float32Array.of(Math.sqrt(1 + eps), Math.sqrt(eps)),
      );
    });

    // About m + δ instead of the mean m, the mean square is variance + δ²; its deviations and squares round
    // (3 units), and so do sum, division, eps and root.
    test("within the bound of its sums; near-constant rows, large means, outliers", () => {
      fc.assert(
        fc.property(rows, (given) => {
          const x = draw(given);
          const got = scaleOf(x, given.rows, given.cols);
          for (let r = 0; r < given.rows; r++) {
            const row = x.slice(r * given.cols, (r + 1) * given.cols);
            const { variance, shift } = moments(kernels, row);
            const want = Math.sqrt(variance + eps);
            const gamma = kernels.accuracy.accumulation(given.cols + 8) + gamma64(given.cols + 8);
            const error = Math.sqrt((variance + shift * shift) * (1 + gamma) + eps) - want + gamma * want;
            expectNear(got[r], want, error, `row ${r}`);
          }
        }),
        { numRuns: 500 },
      );
    });
  });

  describe("normalizeRows", () => {
    test("by hand, by the scale as given", () => {
      const x = Float32Array.of(1, 3, 10, 20);
      const scale = Float32Array.of(2, 0.5);
      const got = output(4, [x, scale], (out) => kernels.normalizeRows(out, x, scale, 2, 2));
      expect([...got]).toEqual([-0.5, 0.5, -10, 10]);
    });

    test("within the bound of its mean, also in place", () => {
      fc.assert(
        fc.property(rows, (given) => {
          const x = draw(given);
          const scale = scaleOf(x, given.rows, given.cols).map((v) => v * 1.5);
          const got = output(x.length, [x, scale], (out) =>
            kernels.normalizeRows(out, x, scale, given.rows, given.cols),
          );
          for (let r = 0; r < given.rows; r++) {
            const start = r * given.cols;
            const row = x.slice(start, start + given.cols);
            const { mean, shift } = moments(kernels, row);
            expectAllNear(
              got.slice(start, start + given.cols),
              Array.from(row, (v) => (v - mean) / scale[r]),
              (c) => (shift * (1 + 4 * unit) + 4 * unit * Math.abs(row[c] - mean)) / scale[r],
              `row ${r}`,
            );
          }
          const inPlace = x.slice();
          kernels.normalizeRows(inPlace, inPlace, scale, given.rows, given.cols);
          expectSameBits(inPlace, got, "in place");
        }),
        { numRuns: 500 },
      );
    });

    test("a row has the same bits alone as in a batch", () => {
      fc.assert(
        fc.property(rows, (given) => {
          const { rows, cols } = given;
          const x = draw(given);
          const scale = scaleOf(x, rows, cols);
          const batch = output(x.length, [x], (out) => kernels.normalizeRows(out, x, scale, rows, cols));
          for (let r = 0; r < rows; r++) {
            const row = x.slice(r * cols, (r + 1) * cols);
            const rowScale = scaleOf(row, 1, cols);
            expectSameBits(rowScale, scale.slice(r, r + 1), `scale of row ${r}`);
            const alone = output(cols, [row], (out) => kernels.normalizeRows(out, row, rowScale, 1, cols));
            expectSameBits(alone, batch.slice(r * cols, (r + 1) * cols), `row ${r}`);
          }
        }),
      );
    });
  });

  describe("affineRows", () => {
    test("x ⊙ gamma + beta within one product's rounding, also in place", () => {
      fc.assert(
        fc.property(size, size, seed, (rows, cols, seed) => {
          const x = noise(seed, rows * cols);
          const gamma = noise(seed + 1, cols);
          const beta = noise(seed + 2, cols);
          const got = output(x.length, [x, gamma, beta], (out) =>
            kernels.affineRows(out, x, gamma, beta, rows, cols),
          );
          const products = Array.from(x, (v, i) => v * gamma[i % cols]);
          expectAllNear(
            got,
            products.map((product, i) => product + beta[i % cols]),
            (i) => 2 * unit * (Math.abs(products[i]) + Math.abs(beta[i % cols])),
            "affine",
          );
          const inPlace = x.slice();
          kernels.affineRows(inPlace, inPlace, gamma, beta, rows, cols);
          expectSameBits(inPlace, got, "in place");
        }),
      );
    });
  });
}
