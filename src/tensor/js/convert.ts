/** out = the float16 or bfloat16 numbers as float32, exactly: a bfloat16 is a float32's upper half. */
export function widen(out: Float32Array, halves: Uint16Array, format: "F16" | "BF16"): void {
  if (format === "F16") {
    float16s ??= float16Values();
    for (let i = 0; i < out.length; i++) out[i] = float16s[halves[i]];
  } else {
    const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
    for (let i = 0; i < bits.length; i++) bits[i] = halves[i] << 16;
  }
}

/** Whether no element is NaN or infinite. */
export function allFinite(x: Float32Array): boolean {
  const bits = new Uint32Array(x.buffer, x.byteOffset, x.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i] & 0x7f80_0000) === 0x7f80_0000) return false;
  return true;
}

/** sums += each of the rows of x in turn, in float64. */
export function addRows(sums: Float64Array, x: Float32Array): void {
  for (let start = 0; start < x.length; start += sums.length) {
    for (let c = 0; c < sums.length; c++) sums[c] += x[start + c];
  }
}

/** Made when it is first needed. */
let float16s: Float32Array | undefined;

/**
 * The value of every float16, by its bits. Exact: each is a float32.
 *
 *   (−1)^s · 2^(e−15) · 1.m   for 0 < e < 31;   (−1)^s · 2^(−14) · 0.m   for e = 0
 *
 * @returns [65536]
 * @see IEEE 754-2019, §3.4 and table 3.5, binary16
 */
function float16Values(): Float32Array {
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
