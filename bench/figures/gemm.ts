/** Matrix products on one thread against the most that the engine makes of multiplications and additions in registers. */
import { type Precision, pack, wasmKernels } from "../../src/tensor/index.ts";
import { figure, heading } from "../figure.ts";
import { check, median, numbers, timeInTurn } from "../harness.ts";
import { plainMatmul } from "../plain.ts";
import { registerPeaks } from "../registerPeak.ts";

const shapes = [
  [64, 768, 768],
  [64, 768, 2304],
  [64, 768, 3072],
  [64, 3072, 768],
  [256, 768, 2304],
  [256, 3072, 768],
];
const LAYERS = 12;

heading("GEMM [rows × inner × cols], 64 rows and more, 1 thread, of the peak in registers");
for (const [precision, peakName, reach] of [
  ["reproducible", "mul+add", { atLeast: 90, unit: "%" }],
  ["fast", "FMA", { atLeast: 85, unit: "%" }],
] as const) {
  const peaks = registerPeaks(precision);
  for (const [rows, inner, cols] of shapes) {
    const { again, layers } = products(precision, rows, inner, cols);
    const contenders = {
      again,
      layers,
      ...Object.fromEntries(peaks.map(({ run }, i) => [`peak ${i}`, run])),
    };
    const times: Record<string, number[]> = await timeInTurn(contenders, { rounds: 9, roundMs: 30 });
    const rates = peaks.map(({ flops }, i) => times[`peak ${i}`].map((ms) => flops / ms / 1e6));
    const [best] = rates.sort((a, b) => median(b) - median(a));
    const product = 2e-6 * rows * inner * cols;
    const rate = {
      again: times.again.map((ms) => (LAYERS * product) / ms),
      layers: times.layers.map((ms) => (LAYERS * product) / ms),
    };
    const show = (kind: keyof typeof rate, where: string) =>
      figure(
        `${rows}×${inner}×${cols}, ${precision}, ${where}`,
        rate[kind].map((gflops, round) => (100 * gflops) / best[round]),
        reach,
        `${median(rate[kind]).toFixed(1)} of ${median(best).toFixed(1)} GFLOP/s of ${peakName}`,
      );
    show("again", "one W");
    show("layers", `${LAYERS} W in turn`);
  }
}

/** So many products by one matrix, and one by each of as many as a model has. */
function products(precision: Precision, rows: number, inner: number, cols: number) {
  const kernels = wasmKernels({ precision });
  kernels.reserve({
    matrices: new Array(LAYERS).fill({ inner, cols }),
    activations: rows * (inner + cols) + 64,
  });
  const [W, bias, given] = [numbers(inner * cols), numbers(cols), numbers(rows * inner)];
  const all = Array.from({ length: LAYERS }, () => pack(kernels, W, inner, cols));
  const into = (matrices: typeof all, then: (out: Float32Array) => void = () => {}) =>
    kernels.session(() => {
      const [x, out] = [kernels.allocate(rows * inner), kernels.allocate(rows * cols)];
      x.set(given);
      for (const matrix of matrices) kernels.matmul(out, x, matrix, bias, rows);
      then(out);
    });
  const want = new Float32Array(rows * cols);
  plainMatmul(want, given, W, bias, rows, inner, cols);
  into([all[0]], (out) => check("matmul", out, want, inner * kernels.accuracy.accumulation(inner)));
  return { again: () => into(new Array(LAYERS).fill(all[0])), layers: () => into(all) };
}
