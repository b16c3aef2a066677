import { tagOf } from "../errors.ts";

/** Whole numbers in a row: a list, or an array of a whole-number type. */
export type Integers =
  | readonly number[]
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** True for an array of a whole-number type, of any realm. */
export function isIntegers(value: unknown): value is Exclude<Integers, readonly number[]> {
  return /^(Big)?(Int|Uint)\d+(Clamped)?Array$/.test(tagOf(value));
}

/** The same in a list of its own; a BigInt of an array is the number that it is, one of a list stays. */
export function plainIntegers(integers: Integers): number[] {
  return isIntegers(integers) ? Array.from<number | bigint, number>(integers, Number) : dense(integers);
}

/**
 * A copy of a list, with undefined where it has a hole, and up to there alone: what reads it refuses that, and a list of billions
 * of holes is not gone through.
 */
export function dense<T>(list: readonly T[]): T[] {
  const hole = list.findIndex((_, index) => !(index in list));
  return Array.from(hole === -1 ? list : list.slice(0, hole + 1));
}

/** A list for what is an array of a whole-number type, or a list, as `dense`; what else it is stays so. */
export function asList<T>(value: T): T | number[] {
  if (isIntegers(value)) return plainIntegers(value);
  return Array.isArray(value) ? (dense(value) as T) : value;
}
