import { describe, expect, test } from "vitest";
import {
  firstNonFinite,
  float16Values,
  widenBfloat16,
  widenFloat16,
} from "../../../src/model/checkpoint/float16.ts";

const allBits = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);

/**
 * IEEE 754's formula in float64: (−1)^s 2^(e − bias) 1.m; 0.m at the lowest exponent; at the highest, infinity or NaN.
 */
function formula(bits: number, exponentBits: number, mantissaBits: number): number {
  const sign = bits >> 15 === 1 ? -1 : 1;
  const highest = 2 ** exponentBits - 1;
  const exponent = (bits >> mantissaBits) & highest;
  const fraction = (bits & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  const bias = (highest - 1) / 2;
  if (exponent === highest) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * 2 ** (1 - bias) * fraction : sign * 2 ** (exponent - bias) * (1 + fraction);
}

describe("all 65,536 bit patterns", () => {
  test("float16 to float32", () => {
    const read = new Float32Array(65_536);
    widenFloat16(read, allBits, float16Values());
    expect([...allBits].filter((bits) => !Object.is(read[bits], formula(bits, 5, 10)))).toEqual([]);
  });

  test("bfloat16 to float32", () => {
    const read = new Float32Array(65_536);
    widenBfloat16(read, allBits);
    expect([...allBits].filter((bits) => !Object.is(read[bits], formula(bits, 8, 7)))).toEqual([]);
  });

  test("a NaN's payload stays", () => {
    expect(new Uint32Array(float16Values().buffer)[0xfe01]).toBe(0xffc02000);
  });
});

describe("firstNonFinite finds", () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("%d", (value) => {
    const values = new Float32Array(9);
    values[7] = value;
    values[8] = Number.NaN;
    expect(firstNonFinite(values)).toBe(7);
    expect(firstNonFinite(values.subarray(7))).toBe(0);
  });

  test("nothing among the largest, the smallest and zero", () => {
    expect(firstNonFinite(Float32Array.of(3.4028234663852886e38, -3.4e38, 1e-45, 0, -0))).toBe(-1);
  });
});
