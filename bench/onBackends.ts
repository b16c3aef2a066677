import { jsKernels, type Kernels, wasmKernels } from "../src/tensor/index.ts";
import { check, compare, type Work } from "./harness.ts";

/** A kernel as it is compared: what it reads, how much it writes, and how else the same is computed. */
export interface Case {
  readonly inputs: readonly Float32Array[];
  /** The length of what it writes. */
  readonly output: number;
  readonly work: Work;
  /** Called once for each backend; what it returns is timed. */
  run(kernels: Kernels): (out: Float32Array, ...inputs: Float32Array[]) => void;
  /** What a backend is checked against: the formula as a loop. It is timed too. */
  plain(out: Float32Array, ...inputs: Float32Array[]): void;
  /** Of |want|, or of 1 where that is less; default four units in the last place. */
  tolerance?(kernels: Kernels): number;
  /** The weights that wasm needs room for. */
  readonly matrices?: readonly { inner: number; cols: number }[];
}

/** Runs in one session, so that copying the inputs into a backend's memory weighs little. */
const RUNS = 10;

/** Checks a kernel on every backend, then times all of them and the plain loop in turn. */
export async function onBackends(title: string, kernel: Case): Promise<void> {
  const { inputs, output, work, plain, tolerance = () => 2 ** -21, matrices = [] } = kernel;
  const want = new Float32Array(output);
  plain(want, ...inputs);

  const room = { matrices, activations: inputs.reduce((sum, { length }) => sum + length, output) + 256 };
  const contenders: Record<string, () => void> = {};
  for (const kernels of [
    wasmKernels({ precision: "reproducible" }),
    wasmKernels({ precision: "fast" }),
    jsKernels,
  ]) {
    kernels.reserve(room);
    const run = kernel.run(kernels);
    const runs = (count: number, then?: (out: Float32Array) => void) =>
      kernels.session(() => {
        const placed = inputs.map((input) => {
          const here = kernels.allocate(input.length);
          here.set(input);
          return here;
        });
        const out = kernels.allocate(output);
        for (let n = 0; n < count; n++) run(out, ...placed);
        then?.(out);
      });
    runs(1, (out) => check(`${title}, ${kernels.name}`, out, want, tolerance(kernels)));
    contenders[kernels.name] = () => runs(RUNS);
  }
  contenders.plain = () => {
    for (let n = 0; n < RUNS; n++) plain(want, ...inputs);
  };
  const all = "flops" in work ? { flops: RUNS * work.flops } : { elements: RUNS * work.elements };
  await compare(`${title}, ${RUNS} times`, all, contenders, { rounds: 9 });
}
