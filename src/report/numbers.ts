/** A score with its sign and fixed decimals, so that a column of them is aligned on the point. */
export function signed(value: number, decimals: number): string {
  const sign = value < 0 ? "-" : value > 0 ? "+" : " ";
  return sign + Math.abs(value).toFixed(decimals);
}

/** Decimals that show four figures or more of the greatest of `values`, and at least four. */
export function decimalsFor(values: Iterable<number>): number {
  const max = greatest(values);
  return max > 0 ? Math.min(20, Math.max(4, 3 - Math.floor(Math.log10(max)))) : 4;
}

/** The greatest magnitude; 0 of none. */
export function greatest(values: Iterable<number>): number {
  let max = 0;
  for (const value of values) max = Math.max(max, Math.abs(value));
  return max;
}

/** A number that only its size matters of: `3.1e-8`. */
export function tiny(value: number): string {
  return value === 0 ? "0" : value.toExponential(1);
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A share of one, such as a probability, in per cent: `49.2%`, `0.04%`, `4e-8%`. */
export function percent(share: number, decimals = 1): string {
  const value = 100 * share;
  const size = Math.abs(value);
  if (size === 0 || size >= 0.5 * 10 ** -decimals) return `${value.toFixed(decimals)}%`;
  if (size < 1e-3) return `${value.toExponential(decimals - 1)}%`;
  return `${value.toFixed(decimals - 1 - Math.floor(Math.log10(size)))}%`;
}
