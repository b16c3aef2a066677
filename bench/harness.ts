/** What a contender's run does once: floating-point operations for GFLOP/s, or elements for ns each. */
export type Work = { flops: number } | { elements: number };

type Contenders<Name extends string> = Readonly<Record<Name, () => unknown>>;

/** How contenders are timed: so many rounds of at least so many ms for each. */
export interface Rounds {
  readonly rounds?: number;
  readonly roundMs?: number;
}

/**
 * Times contenders in interleaved rounds in one process, so that a busy moment of the machine hits all alike.
 *
 * @returns the milliseconds that one run took, round by round
 */
export async function timeInTurn<Name extends string>(
  contenders: Contenders<Name>,
  { rounds = 15, roundMs = 60 }: Rounds = {},
): Promise<Record<Name, number[]>> {
  const entries = Object.entries<() => unknown>(contenders);
  const times = Object.fromEntries(entries.map(([name]) => [name, []])) as Record<string, number[]>;
  const repeats: Record<string, number> = {};
  for (const [name, run] of entries) repeats[name] = await repeatsOf(run, roundMs);
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of entries) {
      const start = performance.now();
      for (let n = 0; n < repeats[name]; n++) await run();
      times[name].push((performance.now() - start) / repeats[name]);
    }
  }
  return times;
}

/** Warms up, and finds how many runs fill a round. */
async function repeatsOf(run: () => unknown, roundMs: number): Promise<number> {
  const start = performance.now();
  let runs = 0;
  while (performance.now() - start < 2 * roundMs) {
    await run();
    runs++;
  }
  return Math.max(1, Math.round(runs / 2));
}

/** Times contenders in turn, and prints each one's median time and how many times as long as the first the others take. */
export async function compare(
  title: string,
  work: Work,
  contenders: Contenders<string>,
  rounds?: Rounds,
): Promise<void> {
  const times = await timeInTurn(contenders, rounds);
  const [first] = Object.keys(contenders);
  console.log(title);
  for (const name of Object.keys(contenders)) {
    const ratio = spread(ratios(times[name], times[first]));
    const against = name === first ? "" : `${showSpread(ratio, "x")} the time of ${first}`;
    console.log(`  ${name.padEnd(14)} ${rate(median(times[name]), work).padEnd(32)} ${against}`.trimEnd());
  }
}

/**
 * @throws Error unless |got − want| ≤ tolerance · max(1, |want|), element by element: nothing is timed before it
 * is right
 */
export function check(
  what: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  tolerance: number,
): void {
  for (let i = 0; i < want.length; i++) {
    const isRight = Math.abs(got[i] - want[i]) <= tolerance * Math.max(1, Math.abs(want[i]));
    if (isRight || got[i] === want[i]) continue; // the second for infinities
    throw new Error(`${what}: element ${i}: got ${got[i]}, expected ${want[i]}. It is wrong; not timed.`);
  }
}

/** Uniform in [−range, range], the same on every run. */
export function numbers(length: number, range = 1): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (range * state) / 2 ** 31;
  });
}

/** Round by round, how many times as long as the second the first takes. */
export function ratios(times: readonly number[], others: readonly number[]): number[] {
  return times.map((time, round) => time / others[round]);
}

export interface Spread {
  readonly median: number;
  /** The least and the greatest, one of each left out where there are five or more. */
  readonly low: number;
  readonly high: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const out = sorted.length >= 5 ? 1 : 0;
  return { median: sorted[sorted.length >> 1], low: sorted[out], high: sorted[sorted.length - 1 - out] };
}

export function median(values: readonly number[]): number {
  return spread(values).median;
}

/** 1.31x (1.28–1.36), or 31 kB where there is but one value */
export function showSpread({ median, low, high }: Spread, unit: string, digits = 2): string {
  const range = low === high ? "" : ` (${low.toFixed(digits)}–${high.toFixed(digits)})`;
  return `${median.toFixed(digits)}${unit.length > 1 ? " " : ""}${unit}${range}`;
}

function rate(ms: number, work: Work): string {
  if ("flops" in work) return `${ms.toFixed(2)} ms  ${(work.flops / ms / 1e6).toFixed(2)} GFLOP/s`;
  return `${ms.toFixed(3)} ms  ${((ms * 1e6) / work.elements).toFixed(2)} ns/element`;
}
