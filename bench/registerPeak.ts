import {
  assemble,
  defineFunction,
  doWhile,
  f32x4,
  i32,
  i32s,
  locals,
  set,
  tee,
  v128,
} from "../src/tensor/wasm/assembler/index.ts";
import type { Precision } from "../src/tensor/wasm/index.ts";

const multiplyAdd = {
  reproducible: (x, y, sum) => f32x4.add(sum, f32x4.mul(x, y)),
  fast: f32x4.relaxed_madd,
} satisfies Record<Precision, typeof f32x4.relaxed_madd>;

/** A loop that multiplies and adds in registers, and the floating-point operations of one call. */
export interface Peak {
  run(): void;
  readonly flops: number;
}

const STEPS = 60_000;

/**
 * The most that the engine makes of multiplications and additions: loops of n sums in registers, sums[k] +=
 * x · sums[k − 1], which depend on no memory but for one load a round, and on nothing computed in the same round.
 * Which n is best depends on the engine: the best of them all is the peak.
 */
export function registerPeaks(precision: Precision): Peak[] {
  return [10, 11, 12, 13].flatMap((n) => [1, 2].map((unroll) => registerPeak(precision, n, unroll)));
}

function registerPeak(precision: Precision, n: number, unroll: number): Peak {
  const loop = defineFunction("peak", i32s("at"), ({ at }) => {
    const sums = locals("v128", n + 1);
    const [x] = locals("v128", 1);
    const round = (u: number) => [
      ...Array.from({ length: n }, (_, i) => n - i).map((k) =>
        set(sums[k], multiplyAdd[precision](x, sums[k - 1], sums[k])),
      ),
      set(sums[0], v128.load(at, 16 * u)),
    ];
    return [
      set(x, v128.load(i32.const(0))),
      doWhile(
        tee(at, i32.sub(at, i32.const(16 * unroll))),
        Array.from({ length: unroll }, (_, u) => round(u)).flat(),
      ),
      sums.map((sum, k) => v128.store(i32.const(0), sum, 16 * k)),
    ];
  });
  const memory = new WebAssembly.Memory({ initial: 17 });
  const numbers = new Float32Array(memory.buffer).fill(1);
  const module = new WebAssembly.Module(assemble([loop], false));
  const { peak } = new WebAssembly.Instance(module, { env: { memory } }).exports as {
    peak(at: number): void;
  };

  const steps = 24;
  const want = new Array<number>(n + 1).fill(0);
  for (let step = 0; step < steps; step++) {
    for (let k = n; k > 0; k--) want[k] += want[k - 1];
    want[0] = 1;
  }
  peak(16 * steps);
  if (want.some((value, k) => numbers[4 * k] !== value)) throw new Error("registerPeak: the loop is wrong.");

  numbers.fill(0);
  return { run: () => peak(16 * STEPS), flops: 8 * n * STEPS };
}
