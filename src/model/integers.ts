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

/** Whether it is an array of a whole-number type, of any realm. */
export function isIntegers(value: unknown): value is Exclude<Integers, readonly number[]> {
  return /^(Big)?(Int|Uint)\d+(Clamped)?Array$/.test(tagOf(value));
}

/** The same numbers in a list of their own; nothing stands where a list has a hole. */
export function plainIntegers(integers: Integers): number[] {
  return Array.from<number | bigint, number>(integers, (value) =>
    typeof value === "bigint" ? Number(value) : value,
  );
}

/** A list for what is an array of a whole-number type; what else it is stays so. */
export function asList<T>(value: T): T | number[] {
  return isIntegers(value) ? plainIntegers(value) : value;
}
