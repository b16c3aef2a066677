import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addSquareTo,
  addTo,
  type ExactSum,
  roundedSum,
  standardErrorOf,
  toUnits,
} from "../../src/dla/many/exactSum.ts";

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e100, max: 1e100 }),
  fc.double({ noNaN: true, min: -1, max: 1 }),
  fc.constantFrom(1e16, -1e16, 1, -1, 2 ** -53, -(2 ** -53), 1 + 2 ** -52, 5e-324, 0, -0),
);
const numbers = fc.array(number, { maxLength: 30 });

const sumOf = (all: readonly number[]): ExactSum => {
  const sum: ExactSum = [];
  for (const x of all) addTo(sum, x);
  return sum;
};

/** A float64 as a fraction of BigInts, by its decimal digits in base 2: shares nothing with the code. */
function fraction(x: number): bigint {
  // x · 2^1100 is an integer
  let value = Math.abs(x);
  let result = 0n;
  let power = 1100;
  while (value !== 0) {
    const whole = Math.floor(value);
    result += BigInt(whole) << BigInt(power);
    value = (value - whole) * 2 ** 52;
    power -= 52;
    if (power < 0) {
      result += BigInt(Math.floor(value)) >> BigInt(-power);
      break;
    }
  }
  return x < 0 ? -result : result;
}

/** The float64 nearest to units · 2^−1100, a tie to even. */
function nearest(units: bigint): number {
  const magnitude = units < 0n ? -units : units;
  const bits = magnitude.toString(2).length;
  const drop = BigInt(Math.max(bits - 53, 1100 - 1074)); // subnormal numbers have fewer bits
  let kept = magnitude >> drop;
  const rest = magnitude - (kept << drop);
  const half = 1n << (drop - 1n);
  if (rest > half || (rest === half && kept % 2n === 1n)) kept += 1n;
  const scale = Number(drop) - 1100;
  const value = scale < -1000 ? Number(kept) * 2 ** -1000 * 2 ** (scale + 1000) : Number(kept) * 2 ** scale;
  return units < 0n ? -value : value;
}

describe("a sum", () => {
  test("is the exact one, rounded once", () => {
    fc.assert(
      fc.property(numbers, (all) => {
        const exact = all.reduce((total, x) => total + fraction(x), 0n);
        expect(roundedSum(sumOf(all)) + 0).toBe(nearest(exact) + 0);
      }),
      { numRuns: 2000 },
    );
  });

  test("is the same in every order, and of sums of parts", () => {
    fc.assert(
      fc.property(numbers, fc.infiniteStream(fc.nat()), fc.nat(30), (all, order, cut) => {
        const keys = order.take(all.length);
        const shuffled = [...all]
          .map((x) => ({ x, key: keys.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ x }) => x);
        const merged = sumOf(shuffled.slice(0, cut));
        for (const part of sumOf(shuffled.slice(cut))) addTo(merged, part);
        expect(roundedSum(merged)).toBe(roundedSum(sumOf(all)));
        expect(toUnits(merged)).toBe(toUnits(sumOf(all)));
      }),
    );
  });

  test("of nothing is 0", () => expect(roundedSum([])).toBe(0));

  test("keeps what naive addition loses", () => {
    expect(roundedSum(sumOf([1e16, 1, -1e16]))).toBe(1);
    expect(roundedSum(sumOf([1, 2 ** -53, 2 ** -106]))).toBe(1 + 2 ** -52); // a tie, but for the last
  });
});

test("a square is added exactly", () => {
  const x = fc.double({ noNaN: true, min: -1e60, max: 1e60 }).filter((v) => v === 0 || Math.abs(v) > 1e-100);
  fc.assert(
    fc.property(x, (x) => {
      const sum: ExactSum = [];
      addSquareTo(sum, x);
      expect(toUnits(sum) << 1074n).toBe(toUnits([x]) ** 2n);
    }),
    { numRuns: 1000 },
  );
});

describe("the standard error of a mean", () => {
  const errorOf = (all: readonly number[]) => {
    const squares: ExactSum = [];
    for (const x of all) addSquareTo(squares, x);
    return standardErrorOf(sumOf(all), squares, all.length);
  };

  test("is the formula's, in two passes", () => {
    const some = fc.array(fc.double({ noNaN: true, min: -1e3, max: 1e3 }), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(some, (all) => {
        const mean = all.reduce((a, b) => a + b, 0) / all.length;
        const squares = all.reduce((total, x) => total + (x - mean) ** 2, 0);
        const want = Math.sqrt(squares / (all.length - 1) / all.length);
        expect(Math.abs(errorOf(all) - want)).toBeLessThanOrEqual(1e-9 * want + 1e-12);
      }),
    );
  });

  test("does not cancel where all numbers are nearly one large one", () => {
    expect(errorOf([1e9, 1e9 + 1])).toBeCloseTo(0.5, 12);
    expect(errorOf([2 ** 40 + 2 ** -10, 2 ** 40])).toBe(2 ** -11);
    expect(errorOf([7, 7, 7])).toBe(0);
  });
});
