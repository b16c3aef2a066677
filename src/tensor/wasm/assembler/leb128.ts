/** Appends an unsigned integer below 2³²: seven bits to a byte, the least significant first. @see WebAssembly core specification, §5.2.2 */
export function pushUnsigned(bytes: number[], value: number): void {
  let rest = value >>> 0;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
}

export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  pushUnsigned(bytes, value);
  return bytes;
}

/** A signed 32-bit integer in the same way, in two's complement. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  while (rest < -64 || rest > 63) {
    bytes.push((rest & 127) | 128);
    rest >>= 7;
  }
  bytes.push(rest & 127);
  return bytes;
}
