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

  const allBits = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
  test.each([
    ["F16", 5, 10],
    ["BF16", 8, 7],
  ] as const)("widen: all 65,536 patterns of %s, exactly", (format, exponentBits, mantissaBits) => {
    const out = new Float32Array(65_536);
    kernels.widen(out, allBits, format);
    const wrong = [...allBits].filter(
      (bits) => !Object.is(out[bits], smallFloat(bits, exponentBits, mantissaBits)),
    );
    expect(wrong).toEqual([]);
    // a NaN's payload stays
    const NaNs = format === "F16" ? [0xfe01, 0xffc02000] : [0xffc1, 0xffc10000];
    expect(new Uint32Array(out.buffer)[NaNs[0]]).toBe(NaNs[1]);
  });

  describe("allFinite", () => {
    test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
      "finds %d anywhere",
      (value) => {
        for (const length of [1, 4, 5, 9]) {
          for (let at = 0; at < length; at++) {
            const x = new Float32Array(length);
            expect(kernels.allFinite(x)).toBe(true);
            x[at] = value;
            expect(kernels.allFinite(x), `${at} of ${length}`).toBe(false);
          }
        }
      },
    );

    test("lets pass the largest, the smallest and zero", () => {
      expect(kernels.allFinite(Float32Array.of(3.4028234663852886e38, -3.4e38, 1e-45, 0, -0))).toBe(true);
    });
  });

  test("addRows: onto the sums, row by row in float64, to the bit", () => {
    fc.assert(
      fc.property(size, size, seed, (rows, cols, seed) => {
        const x = noise(seed, rows * cols);
        const sums = Float64Array.from(noise(seed + 1, cols), (value) => value / 3);
        const want = sums.slice();
        x.forEach((value, i) => {
          want[i % cols] += value;
        });
        kernels.addRows(sums, x);
        expect([...sums]).toEqual([...want]);
      }),
    );
  });
}

/** IEEE 754's formula in float64: (−1)^s 2^(e − bias) 1.m; 0.m at the lowest exponent; at the highest, infinity or NaN. */
function smallFloat(bits: number, exponentBits: number, mantissaBits: number): number {
  const sign = bits >> 15 === 1 ? -1 : 1;
  const highest = 2 ** exponentBits - 1;
  const exponent = (bits >> mantissaBits) & highest;
  const fraction = (bits & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  const bias = (highest - 1) / 2;
  if (exponent === highest) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * 2 ** (1 - bias) * fraction : sign * 2 ** (exponent - bias) * (1 + fraction);
}
