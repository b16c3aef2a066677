/**
 * Elementary functions in float64 from + − × ÷, Math.floor and Math.abs, which are exactly specified: the
 * last bits of Math.exp and Math.tanh differ between engines. Errors are measured in test/tensor/math.test.ts.
 */

/**
 * eˣ; relative error < 1.5e-16, < 0.9 ulp.
 *
 *   x = k ln 2 + r,  |r| ≤ ½ ln 2      eˣ = 2ᵏ (1 + (eʳ − 1))
 *
 * @see Cody and Waite, Software Manual for the Elementary Functions, 1980, ch. 6: ln 2 in two parts
 */
export function exp(x: number): number {
  if (!(x >= -746)) return x < -746 ? 0 : x; // x is NaN otherwise
  if (x > 710) return Infinity;
  const k = Math.floor(x * Math.LOG2E + 0.5);
  const y = 1 + reducedExpm1(x - k * LN2_HIGH, k * LN2_LOW);
  const half = k >> 1; // 2ᵏ itself may lie beyond float64's exponents where the result does not
  return y * POWERS_OF_TWO[half + BIAS] * POWERS_OF_TWO[k - half + BIAS];
}

/**
 * tanh x; relative error < 4e-16, < 2.5 ulp.
 *
 *   2|x| = k ln 2 + r      t = 2ᵏ (eʳ − 1) + (2ᵏ − 1) = e^2|x| − 1      tanh |x| = t / (t + 2)
 *
 * With k ≥ 0 nothing cancels, near 0 neither.
 */
export function tanh(x: number): number {
  const a = Math.abs(x);
  if (a < 2e-9) return x; // x − x³/3 rounds to x; keeps −0
  if (a > 22) return x < 0 ? -1 : 1; // 1 − 2e⁻⁴⁴ rounds to 1
  if (Number.isNaN(x)) return x;
  const k = Math.floor(2 * a * Math.LOG2E + 0.5);
  const power = POWERS_OF_TWO[k + BIAS];
  const t = power * reducedExpm1(2 * a - k * LN2_HIGH, k * LN2_LOW) + (power - 1);
  const y = t / (t + 2);
  return x < 0 ? -y : y;
}

/**
 * ln x; relative error < 2e-16, < 1 ulp.
 *
 *   x = 2ᵏ m, √½ < m ≤ √2      ln x = k ln 2 + 2 artanh f,  f = (m − 1)/(m + 1), |f| < 0.172
 *
 * 2 artanh f = 2 (f + f³/3 + … + f²¹/21); the first omitted term is below 10⁻¹⁸ of it. 2f = d − f d with d = m − 1, which is exact.
 *
 * @see Abramowitz and Stegun, Handbook of Mathematical Functions, 4.1.27
 */
export function log(x: number): number {
  if (!(x > 0 && x < Infinity)) return x === 0 ? -Infinity : x > 0 ? x : Number.NaN;
  let k = 0;
  let m = x;
  for (; m > Math.SQRT2; m /= 2) k++;
  for (; m <= Math.SQRT1_2; m *= 2) k--;
  const d = m - 1;
  const f = d / (2 + d);
  const z = f * f;
  let series = 0;
  for (let n = 21; n >= 3; n -= 2) series = z * (series + 1 / n);
  const correction = f * (d - 2 * series);
  return k * LN2_HIGH - (correction - k * LN2_LOW - d);
}

/**
 * The upper tail of the standard normal distribution, ½ erfc(x/√2), for x ≥ 0; relative error < 5e-16, < 4.5 ulp
 * where x is a float32, whose square is exact.
 *
 *   e^(−x²/2) P(u) / (1 + x),   u = 1.625 − 13.125/(x + 5), which is in [−1, 1] for x in [0, 16]
 *
 * P is the Chebyshev series in u of (1 + x) e^(x²/2) ½ erfc(x/√2), to degree 20, computed with 60 digits and
 * written as a polynomial; what it omits is below 10⁻¹⁷. From 16 on, where the tail is below 2⁻¹⁸⁸, it
 * is 0.
 *
 * @see Shepherd and Laframboise, Chebyshev approximation of (1 + 2x) exp(x²) erfc(x), Math. Comp. 36, 1981
 */
export function normalTail(x: number): number {
  if (x >= 16) return 0;
  const u = 1.625 - 13.125 / (x + 5);
  const v = u * u; // even and odd powers apart: two chains of operations that do not wait for each other
  let even = -3.086841936516209e-11;
  even = even * v + 5.149372963245096e-10;
  even = even * v - 6.383683662610533e-9;
  even = even * v + 8.184313439623337e-8;
  even = even * v - 1.1660255373677522e-6;
  even = even * v + 1.6712258055979236e-5;
  even = even * v - 0.00012860931489155938;
  even = even * v - 0.005588747106316196;
  even = even * v - 0.024249985500324908;
  even = even * v + 0.0062400465264762185;
  even = even * v + 0.48483139380687673;
  let odd = -9.688221874776622e-12;
  odd = odd * v + 3.78720037245914e-10;
  odd = odd * v - 6.410152409976252e-9;
  odd = odd * v + 6.017743145520734e-8;
  odd = odd * v + 4.7029641860954873e-7;
  odd = odd * v - 4.7098190993498925e-5;
  odd = odd * v + 0.0013990440794852542;
  odd = odd * v + 0.014173420684044171;
  odd = odd * v + 0.023863823724641048;
  odd = odd * v - 0.07826999414204794;
  return (exp(-0.5 * x * x) * (even + u * odd)) / (1 + x);
}

/**
 * eʳ − 1 for r = high − low, |r| ≤ ½ ln 2, from the series of R = r coth(r/2) = r (eʳ + 1)/(eʳ − 1):
 *
 *   R = 2 + P,  P = r²/6 − r⁴/360 + … − 691 r¹²/653837184000      eʳ − 1 = r + r c/(2 − c),  c = r − P
 *
 * The first omitted term is below 10⁻¹⁷. `low` enters last, where it costs no digits.
 *
 * @see Abramowitz and Stegun, Handbook of Mathematical Functions, 4.5.67
 */
function reducedExpm1(high: number, low: number): number {
  const r = high - low;
  const z = r * r;
  let P = -691 / 653837184000;
  P = P * z + 1 / 23950080;
  P = P * z - 1 / 604800;
  P = P * z + 1 / 15120;
  P = P * z - 1 / 360;
  P = (P * z + 1 / 6) * z;
  const c = r - P;
  return high - (low - (r * c) / (2 - c));
}

/** ln 2 in two parts; the first has 32 bits, so its product with any exponent k is exact. */
const LN2_HIGH = 2977044471 / 4294967296;
const LN2_LOW = 1.9082149292705877e-10;

/** 2ᵏ at k + BIAS, for half of any float64 exponent. */
const BIAS = 540;
const POWERS_OF_TWO: Float64Array = /* @__PURE__ */ powersOfTwo(BIAS);

function powersOfTwo(limit: number): Float64Array {
  const powers = new Float64Array(2 * limit + 1);
  powers[limit] = 1;
  for (let k = 1; k <= limit; k++) {
    powers[limit + k] = powers[limit + k - 1] * 2;
    powers[limit - k] = powers[limit - k + 1] / 2;
  }
  return powers;
}
