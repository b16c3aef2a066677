import { createHash } from "node:crypto";

export type Numbers = Float32Array | Float64Array;

export const bytesOf = ({ buffer, byteOffset, byteLength }: Numbers): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** SHA-256 over the bytes of all arrays, one after the other. */
export function hashOf(arrays: Iterable<Numbers>): string {
  const hash = createHash("sha256");
  for (const array of arrays) hash.update(bytesOf(array));
  return hash.digest("hex");
}
