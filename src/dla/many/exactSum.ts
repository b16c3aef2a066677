/**
 * Sums of float64 numbers without any error, so that they are the same in whatever order they are made: kept as a few numbers
 * whose sum they are, none overlapping another, smallest first.
 *
 * @see Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997, §2.4; Python's math.fsum for the rounding
 */
export type ExactSum = number[];

/** Adds a finite number. */
export function addTo(sum: ExactSum, number: number): void {
  let x = number;
  let kept = 0;
  for (const part of sum) {
    const [large, small] = Math.abs(x) < Math.abs(part) ? [part, x] : [x, part];
    x = large + small;
    const lost = small - (x - large);
    if (lost !== 0) sum[kept++] = lost;
  }
  sum.length = kept;
  sum.push(x);
}

/** Adds a number's square: the product and what rounding took from it. */
export function addSquareTo(sum: ExactSum, x: number): void {
  const square = x * x;
  const spread = 134_217_729 * x; // 2²⁷ + 1, Veltkamp's splitting
  const high = spread - (spread - x);
  const low = x - high;
  addTo(sum, square);
  addTo(sum, high * high - square + 2 * high * low + low * low); // Dekker's product
}

/** The sum rounded once, to the nearest float64, a tie to even. */
export function roundedSum(sum: ExactSum): number {
  let at = sum.length - 1;
  if (at < 0) return 0;
  let total = sum[at];
  let lost = 0;
  while (at > 0 && lost === 0) {
    const before = total;
    at--;
    total = before + sum[at];
    lost = sum[at] - (total - before);
  }
  if (at === 0 || lost === 0 || lost > 0 !== sum[at - 1] > 0) return total;
  const next = total + 2 * lost; // what is left decides a tie
  return next - total === 2 * lost ? next : total;
}

/** The sum in units of 2⁻¹⁰⁷⁴, which every float64 is a multiple of. */
export function toUnits(sum: ExactSum): bigint {
  return sum.reduce((total, part) => total + unitsOf(part), 0n);
}

const UNIT_BITS = 1074;

function unitsOf(x: number): bigint {
  const bits = new BigUint64Array(Float64Array.of(x).buffer)[0];
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xfffffffffffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | 0x10000000000000n) << (exponent - 1n);
  return x < 0 ? -magnitude : magnitude;
}

/**
 * The standard error of a mean of numbers with these exact sums: √((n Σx² − (Σx)²) / (n² (n − 1))), the difference without
 * cancellation.
 */
export function standardErrorOf(sum: ExactSum, squares: ExactSum, count: number): number {
  const n = BigInt(count);
  const total = toUnits(sum);
  const spread = ((n * toUnits(squares)) << BigInt(UNIT_BITS)) - total * total; // in units of 2⁻²¹⁴⁸
  const divisor = n * n * (n - 1n);
  if (spread <= 0n) return 0; // squares below float64's range are lost
  const shift = Math.max(0, 2 * Math.ceil((140 + bitsOf(divisor) - bitsOf(spread)) / 2)); // even, for the root
  const quotient = (spread << BigInt(shift)) / divisor;
  const dropped = Math.max(0, 2 * Math.floor((bitsOf(quotient) - 140) / 2));
  const root = Math.sqrt(Number(quotient >> BigInt(dropped)));
  return root * 2 ** ((dropped - shift) / 2 - UNIT_BITS);
}

function bitsOf(positive: bigint): number {
  return positive.toString(16).length * 4;
}
