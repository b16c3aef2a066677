/** What a contender's run does once: floating-point operations for GFLOP/s, or elements for ns each. */
export type Work = { flops: number } | { elements: number };

const ROUNDS = 15;
const ROUND_MS = 60;

/**
 * Times contenders in interleaved rounds in one process, so that a busy moment of the machine hits all alike,
 * and prints each one's median time and how many times as long the others take: the median and range over
 * rounds of their time divided by the first one's.
 */
export function compare(
  title: string,
  work: Work,
  contenders: Readonly<Record<string, () => void>>,
  rounds: number = ROUNDS,
): void {
  const entries = Object.entries(contenders).map(([name, run]) => ({ name, run, repeats: repeatsOf(run) }));
  const times: number[][] = entries.map(() => []);
  for (let round = 0; round < rounds; round++) {
    entries.forEach(({ run, repeats }, i) => {
      const start = performance.now();
      for (let n = 0; n < repeats; n++) run();
      times[i].push((performance.now() - start) / repeats);
    });
  }
  console.log(title);
  entries.forEach(({ name }, i) => {
    const ratios = times[i].map((time, round) => time / times[0][round]).sort((a, b) => a - b);
    const against =
      i === 0
        ? ""
        : `${median(ratios).toFixed(2)}x the time of ${entries[0].name} (${ratios[1].toFixed(2)}–${ratios[rounds - 2].toFixed(2)})`;
    console.log(`  ${name.padEnd(12)} ${rate(median(times[i]), work).padEnd(32)} ${against}`);
  });
}

/**
 * @throws Error unless |got − want| ≤ tolerance · max(1, |want|), element by element: nothing is timed before it
 * is right
 */
export function check(what: string, got: Float32Array, want: Float32Array, tolerance: number): void {
  want.forEach((value, i) => {
    if (Math.abs(got[i] - value) <= tolerance * Math.max(1, Math.abs(value))) return;
    throw new Error(
      `${what}: element ${i}: got ${got[i]}, expected ${value}. The kernel is wrong; not timed.`,
    );
  });
}

/** Uniform in [−range, range], the same on every run. */
export function numbers(length: number, range = 1): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (range * state) / 2 ** 31;
  });
}

/** Warms up, and finds how many runs fill a round. */
function repeatsOf(run: () => void): number {
  const start = performance.now();
  let runs = 0;
  while (performance.now() - start < 2 * ROUND_MS) {
    run();
    runs++;
  }
  return Math.max(1, Math.round(runs / 2));
}

function rate(ms: number, work: Work): string {
  if ("flops" in work) return `${ms.toFixed(2)} ms  ${(work.flops / ms / 1e6).toFixed(2)} GFLOP/s`;
  return `${ms.toFixed(3)} ms  ${((ms * 1e6) / work.elements).toFixed(2)} ns/element`;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
