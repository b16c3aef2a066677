import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Activation, Kernels } from "../../../src/tensor/kernels.ts";
import * as exact from "../../support/exact.ts";
import { expectNear, expectSameBits, noise, output, seed, size } from "./support.ts";

const formulas: Record<Activation, (x: exact.Fixed) => exact.Fixed> = {
  geluTanh: exact.geluTanh,
  geluErf: exact.geluErf,
  relu: (x) => (x + exact.magnitude(x)) / 2n,
  silu: exact.silu,
  tanh: exact.tanh,
};

/** Values at ±∞ and far out, where defined. */
const limits: Record<Activation, [x: number, y: number][]> = {
  geluTanh: [[Infinity, Infinity], [3e38, 3e38], [-3e38, 0], [-40, 0]], // biome-ignore format: a table
  geluErf: [
    [Infinity, Infinity],
    [3e38, 3e38],
    [-3e38, 0],
    [-40, 0],
  ],
  relu: [
    [Infinity, Infinity],
    [-Infinity, 0],
    [3e38, 3e38],
    [-3e38, 0],
  ],
  silu: [
    [Infinity, Infinity],
    [3e38, 3e38],
    [-3e38, 0],
    [-200, 0],
  ],
  tanh: [
    [Infinity, 1],
    [-Infinity, -1],
    [3e38, 1],
    [-3e38, -1],
    [30, 1],
    [-30, -1],
  ],
};

const value = fc.oneof(
  fc.float({ min: -16, max: 16, noNaN: true }),
  fc.float({ min: Math.fround(-0.01), max: Math.fround(0.01), noNaN: true }),
);

export function elementwiseConformance(kernels: Kernels): void {
  const unit = kernels.accuracy.accumulation(1);

  describe.each(Object.keys(formulas) as Activation[])("%s", (name) => {
    const activate = (x: Float32Array) => output(x.length, [x], (out) => kernels.activations[name](out, x));

    // 8 units for the function and its argument's rounding, relative to |x|: |f(x)| ≤ |x| for all five. What
    // float32 holds only as a subnormal may be flushed.
    test("within 8 units of the exact function, also in place", () => {
      fc.assert(
        fc.property(fc.array(value, { minLength: 1, maxLength: 9 }), (values) => {
          const x = Float32Array.from(values);
          const got = activate(x);
          for (let i = 0; i < x.length; i++) {
            const want = exact.toNumber(formulas[name](exact.fixed(x[i])));
            expectNear(got[i], want, 8 * unit * Math.abs(x[i]) + 2 ** -126, `${name}(${x[i]})`);
          }
          const inPlace = x.slice();
          kernels.activations[name](inPlace, inPlace);
          expectSameBits(inPlace, got, "in place");
        }),
      );
    });

    test("an element has the same bits wherever it lies", () => {
      const x = noise(1, 33);
      const got = activate(x);
      for (let i = 0; i < x.length; i++) {
        expectSameBits(activate(x.slice(i, i + 1)), got.slice(i, i + 1), `element ${i}`);
      }
    });

    test("at ±0, far out and NaN", () => {
      expect(Math.abs(activate(Float32Array.of(0))[0])).toBe(0);
      expect(Math.abs(activate(Float32Array.of(-0))[0])).toBe(0);
      for (const [x, y] of limits[name]) {
        expect(activate(Float32Array.of(x))[0] + 0, `${name}(${x})`).toBe(Math.fround(y));
      }
      const withNaN = activate(Float32Array.of(1, Number.NaN, 1));
      expect([...withNaN].map(Number.isNaN)).toEqual([false, true, false]);
    });
  });

  describe("add", () => {
    test("the float32 nearest to a + b, also onto a or b", () => {
      fc.assert(
        fc.property(size, seed, (length, seed) => {
          const a = noise(seed, length);
          const b = noise(seed + 1, length);
          const want = a.map((v, i) => v + b[i]);
          expectSameBits(
            output(length, [a, b], (out) => kernels.add(out, a, b)),
            want,
            "sum",
          );
          const onA = a.slice();
          kernels.add(onA, onA, b);
          expectSameBits(onA, want, "onto a");
          const onB = b.slice();
          kernels.add(onB, a, onB);
          expectSameBits(onB, want, "onto b");
        }),
      );
    });
  });

  describe("gatherRows", () => {
    test("by hand, with repeats", () => {
      const table = Float32Array.of(1, 2, 3, 4, 5, 6);
      const got = output(8, [table], (out) => kernels.gatherRows(out, table, [2, 0, 2, 1], 2));
      expect([...got]).toEqual([5, 6, 1, 2, 5, 6, 3, 4]);
    });

    test("row i is the table's row ids[i], bit for bit", () => {
      fc.assert(
        fc.property(size, size, fc.array(fc.nat(), { maxLength: 9 }), seed, (rows, cols, picks, seed) => {
          const table = noise(seed, rows * cols);
          const ids = picks.map((pick) => pick % rows);
          const got = output(ids.length * cols, [table], (out) => kernels.gatherRows(out, table, ids, cols));
          ids.forEach((id, i) => {
            const want = table.slice(id * cols, (id + 1) * cols);
            expectSameBits(got.slice(i * cols, (i + 1) * cols), want, `row ${i}`);
          });
        }),
      );
    });
  });
}
