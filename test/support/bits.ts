import { expect } from "vitest";
import { bytesOf, type Numbers } from "./hash.ts";

/** Asserts that arrays have the same bytes, NaN's and −0's too. */
export function expectSameBytes(got: Numbers, want: Numbers, what: string): void {
  expect(got.length, what).toBe(want.length);
  if (Buffer.compare(bytesOf(got), bytesOf(want)) === 0) return; // expect() is slow
  const at = got.findIndex((value, i) => !Object.is(value, want[i]));
  expect.fail(`${what}, element ${at} of ${want.length}: got ${got[at]}, expected ${want[at]}`);
}
