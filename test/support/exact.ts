/**
 * Elementary functions in fixed point with 1280 bits after the point: some 380 digits, so what is measured
 * against them is the other side's error. Taylor series from the definitions; shares nothing with src.
 */

/** The real number value / 2¹²⁸⁰. */
export type Fixed = bigint;

const BITS = 1280n;
const ONE = 1n << BITS;

/** A finite float64, exactly. */
export function fixed(x: number): Fixed {
  const [high, low] = new Uint32Array(Float64Array.of(x).buffer).reverse();
  const exponent = (high >>> 20) & 0x7ff;
  const fraction = (BigInt(high & 0xfffff) << 32n) | BigInt(low);
  const significand = exponent === 0 ? fraction << 1n : fraction | (1n << 52n);
  const shifted = (significand << (BITS - 1075n)) << BigInt(exponent);
  return x < 0 ? -shifted : shifted;
}

export const times = (a: Fixed, b: Fixed): Fixed => (a * b) >> BITS;
export const over = (a: Fixed, b: Fixed): Fixed => (a << BITS) / b;
export const magnitude = (a: Fixed): Fixed => (a < 0n ? -a : a);

/** eˣ = 2ᵏ (e^(r/2¹⁶))^(2¹⁶), x = k ln 2 + r */
export function exp(x: Fixed): Fixed {
  const k = x / LN2;
  const r = (x - k * LN2) >> 16n;
  let sum = ONE;
  let term = ONE;
  for (let n = 1n; term !== 0n && term !== -1n; n++) {
    term = times(term, r) / n;
    sum += term;
  }
  for (let i = 0; i < 16; i++) sum = times(sum, sum);
  return k < 0n ? sum >> -k : sum << k;
}

/** ln x, for x from 2⁻⁸⁰⁰ to 2⁸⁰⁰, by Newton's method on eʸ = x: each step doubles the digits, of which float64 gives the first. */
export function log(x: Fixed): Fixed {
  let y = fixed(Math.log(toNumber(x)));
  for (let step = 0; step < 6; step++) y += times(x, exp(-y)) - ONE;
  return y;
}

/** (e²ˣ − 1) / (e²ˣ + 1) */
export function tanh(x: Fixed): Fixed {
  const power = exp(-2n * magnitude(x));
  const y = over(ONE - power, ONE + power);
  return x < 0n ? -y : y;
}

/** 1 / (1 + e⁻ˣ) */
export function sigmoid(x: Fixed): Fixed {
  return over(ONE, ONE + exp(-x));
}

/** Φ(x) = ½ + e^(−x²/2) / √(2π) · (x + x³/3 + x⁵/(3·5) + …), to 500 bits for |x| < 30; the series grows as e^(x²/2). */
export function normalCdf(x: Fixed): Fixed {
  const square = times(x, x);
  let sum = x;
  let term = x;
  for (let n = 3n; magnitude(term) > 1n; n += 2n) {
    term = times(term, square) / n;
    sum += term;
  }
  return ONE / 2n + over(times(exp(-square / 2n), sum), SQRT_2PI);
}

export const geluErf = (x: Fixed): Fixed => times(x, normalCdf(x));
export const silu = (x: Fixed): Fixed => times(x, sigmoid(x));

/** ½x(1 + tanh u) = x / (1 + e⁻²ᵘ), u = √(2/π)(x + 0.044715x³) */
export function geluTanh(x: Fixed): Fixed {
  const cube = times(x, times(x, x));
  const u = over(2n * (x + (44715n * cube) / 1_000_000n), SQRT_2PI);
  return times(x, sigmoid(2n * u));
}

/** |got − want| as a float64. */
export function errorOf(got: number, want: Fixed): number {
  return toNumber(magnitude(fixed(got) - want));
}

/** |got − want| / |want| */
export function relativeError(got: number, want: Fixed): number {
  return ratio(magnitude(fixed(got) - want), magnitude(want));
}

/** |got − want| in units of want's last place, in a format of so many bits whose least exponent is given. */
export function ulps(got: number, want: Fixed, bits: number, least: number): number {
  const exponent = lengthOf(want) - Number(BITS) - 1;
  const ulp = Math.max(exponent - bits + 1, least);
  return ratio(magnitude(fixed(got) - want), 1n << (BITS + BigInt(ulp)));
}
export const ulps64 = (got: number, want: Fixed): number => ulps(got, want, 53, -1074);
export const ulps32 = (got: number, want: Fixed): number => ulps(got, want, 24, -149);

/** The float64 within an ulp of `a`; 0 below 2⁻¹⁰⁷⁴. */
export function toNumber(a: Fixed): number {
  const shift = Math.max(lengthOf(a) - 60, 0);
  return Number(a >> BigInt(shift)) * 2 ** (shift - 1000) * 2 ** (1000 - Number(BITS));
}

function ratio(a: bigint, b: bigint): number {
  return Number((a << 64n) / b) / 2 ** 64;
}

function lengthOf(a: bigint): number {
  const hex = magnitude(a).toString(16);
  return 4 * (hex.length - 1) + (32 - Math.clz32(Number.parseInt(hex[0], 16)));
}

/** atanh(1/n) or, with alternating signs, atan(1/n) */
function inverseSeries(n: bigint, sign: bigint): Fixed {
  let sum = 0n;
  let term = ONE / n;
  for (let k = 1n; term !== 0n; k += 2n) {
    sum += term / k;
    term = (sign * term) / (n * n);
  }
  return sum;
}

/** ln 2 = 2 atanh(1/3) */
const LN2: Fixed = 2n * inverseSeries(3n, 1n);
/** Machin: π = 16 atan(1/5) − 4 atan(1/239) */
const PI: Fixed = 16n * inverseSeries(5n, -1n) - 4n * inverseSeries(239n, -1n);
const SQRT_2PI: Fixed = squareRoot(2n * PI);

/** Newton's iteration for √a. */
function squareRoot(a: Fixed): Fixed {
  let root = a;
  for (;;) {
    const next = (root + over(a, root)) / 2n;
    if (magnitude(next - root) <= 1n) return next;
    root = next;
  }
}
