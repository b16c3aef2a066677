export function average(x: Float32Array, of: (value: number) => number): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += of(x[i]);
  return sum / x.length;
}

export function dot(u: Float64Array, x: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < u.length; i++) sum += u[i] * x[i];
  return sum;
}

/** Arrays of any lengths, one after the other. */
export function concatenated(arrays: readonly Float64Array[]): Float64Array<ArrayBuffer> {
  const out = new Float64Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  return out;
}

/** Arrays of one length, one after the other. */
export function joined<T extends Float32Array | Float64Array>(
  type: new (length: number) => T,
  arrays: readonly T[],
): T {
  const [{ length }] = arrays;
  const out = new type(arrays.length * length);
  arrays.forEach((array, i) => {
    out.set(array, i * length);
  });
  return out;
}
