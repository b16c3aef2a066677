import fc from "fast-check";
import { expect } from "vitest";
import { random } from "../../support/random.ts";

/** Sizes on and off any tile and vector width, 1 among them. */
export const size: fc.Arbitrary<number> = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(33));

export const seed: fc.Arbitrary<number> = fc.integer();

/** Float32 values of both signs over 16 binades, an eighth of them 0, from a seed. */
export function noise(seed: number, length: number): Float32Array {
  const next = random(seed);
  return Float32Array.from({ length }, () => {
    const sign = next() < 0.5 ? -1 : 1;
    return next() < 0.125 ? 0 : sign * (1 + next()) * 2 ** Math.floor(16 * next() - 8);
  });
}

/** Asserts |got − want| ≤ error and the one rounding to float32, 2⁻²⁴ relative or half the least subnormal. */
export function expectNear(got: number, want: number, error: number, what: string): void {
  const bound = error + 2 ** -24 * (Math.abs(want) + error) + 2 ** -150;
  if (Math.abs(got - want) <= bound) return; // expect() is slow
  expect.fail(`${what}: got ${got}, expected ${want} within ${bound}`);
}

/** The same, element by element. */
export function expectAllNear(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  error: (i: number) => number,
  what: string,
): void {
  expect(got.length, what).toBe(want.length);
  for (let i = 0; i < want.length; i++) expectNear(got[i], want[i], error(i), `${what}, element ${i}`);
}

export function expectSameBits(got: Float32Array, want: Float32Array, what: string): void {
  expect(got.length, what).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    if (!Object.is(got[i], want[i])) expect.fail(`${what}, element ${i}: got ${got[i]}, expected ${want[i]}`);
  }
}

/** Runs a kernel on an output with sentinels around it; neither they nor the inputs may change. */
export function output(
  length: number,
  inputs: readonly Float32Array[],
  kernel: (out: Float32Array) => void,
): Float32Array {
  const sentinel = 12345.678;
  const whole = new Float32Array(length + 16).fill(sentinel);
  const before = inputs.map((input) => input.slice());
  kernel(whole.subarray(8, 8 + length));
  inputs.forEach((input, i) => {
    expectSameBits(input, before[i], `input ${i} after the call`);
  });
  const edges = [...whole.subarray(0, 8), ...whole.subarray(8 + length)];
  expect(edges, "elements around the output").toEqual(new Array(16).fill(Math.fround(sentinel)));
  return whole.slice(8, 8 + length);
}

/** γₙ of this suite's own float64 sums. */
export function gamma64(n: number): number {
  return (n * 2 ** -53) / (1 - n * 2 ** -53);
}
