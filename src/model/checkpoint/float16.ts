/**
 * The value of every float16, by its bits. Exact: each is a float32.
 *
 *   (−1)^s · 2^(e−15) · 1.m   for 0 < e < 31;   (−1)^s · 2^(−14) · 0.m   for e = 0
 *
 * @returns [65536]
 * @see IEEE 754-2019, §3.4 and table 3.5, binary16
 */
export function float16Values(): Float32Array {
  const values = new Float32Array(65_536);
  const bits = new Uint32Array(values.buffer); // written as bits, a NaN keeps its payload
  for (let half = 0; half < 65_536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 31;
    const mantissa = half & 0x3ff;
    if (exponent === 31) bits[half] = sign | 0x7f80_0000 | (mantissa << 13);
    else if (exponent > 0) bits[half] = sign | ((exponent + 112) << 23) | (mantissa << 13);
    else values[half] = (sign < 0 ? -1 : 1) * mantissa * 2 ** -24;
  }
  return values;
}

/** out = the float16s as float32, by the table of float16Values. */
export function widenFloat16(out: Float32Array, halves: Uint16Array, values: Float32Array): void {
  for (let i = 0; i < halves.length; i++) out[i] = values[halves[i]];
}

/** out = the bfloat16s as float32: a bfloat16 is a float32's upper half. */
export function widenBfloat16(out: Float32Array, halves: Uint16Array): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
}

/** Where the first NaN or infinity is, or −1. */
export function firstNonFinite(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i] & 0x7f80_0000) === 0x7f80_0000) return i;
  return -1;
}
