import { expect } from "vitest";
import type { Kernels } from "../../src/tensor/kernels.ts";

const GUARD = 16;
const sentinel = Math.fround(-98765.43);

/**
 * The same kernels, each call in a session with its arrays where the session allocates them, guards between: for the
 * backends that find activations in memory of their own.
 */
export function inSession(kernels: Kernels): Kernels {
  function wrapped<Arguments extends unknown[]>(kernel: (...args: Arguments) => void) {
    return (...args: Arguments) =>
      kernels.session(() => {
        const placed = new Map<Float32Array, Float32Array>();
        const guards: Float32Array[] = [];
        const guard = () => guards.push(kernels.allocate(GUARD).fill(sentinel));
        guard();
        const moved = args.map((arg) => {
          if (!(arg instanceof Float32Array)) return arg;
          const here = placed.get(arg) ?? kernels.allocate(arg.length);
          here.set(arg);
          placed.set(arg, here);
          guard();
          return here;
        });
        kernel(...(moved as Arguments));
        for (const [array, here] of placed) array.set(here);
        for (const values of guards) expect([...values]).toEqual(new Array(GUARD).fill(sentinel));
      });
  }
  const kernelNames = [
    ...([
      "matmul",
      "matmulByColumns",
      "layerNormScale",
      "normalizeRows",
      "affineRows",
      "softmaxRows",
      "add",
    ] as const),
    ...(["attend", "attentionScores", "mixValues"] as const),
  ];
  const activations = Object.entries(kernels.activations).map(([name, kernel]) => [name, wrapped(kernel)]);
  return {
    ...kernels,
    ...Object.fromEntries(
      kernelNames.map((name) => [name, wrapped(kernels[name] as (...args: unknown[]) => void)]),
    ),
    activations: Object.fromEntries(activations),
  };
}
