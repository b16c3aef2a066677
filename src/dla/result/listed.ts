type TypedArray = Float64Array | Uint32Array;

type ListedValue<T> = T extends TypedArray ? readonly number[] : T; // of each alternative: `Float64Array | null`

/** An object of which arrays of numbers are lists, as JSON has them. */
export type Listed<T> = { readonly [Key in keyof T]: ListedValue<T[Key]> };

/** Typed arrays made into lists, null and all else left as it is. */
export function listed<T extends object>(object: T): Listed<T> {
  const fields = Object.entries(object).map(([key, value]) => [
    key,
    ArrayBuffer.isView(value) ? [...(value as TypedArray)] : value,
  ]);
  return Object.fromEntries(fields) as Listed<T>;
}
