/** The js backend's matrix product against the loop everyone writes first, and against TensorFlow.js's JavaScript. */
import { jsKernels, pack } from "../../src/tensor/index.ts";
import { figure, heading } from "../figure.ts";
import { check, median, numbers, ratios, timeInTurn } from "../harness.ts";
import { tfjsMatmul, tfjsVersion } from "../peers/tfjs.ts";
import { plainMatmul } from "../plain.ts";

heading(`js backend, GEMM [rows × inner × cols], against a naive loop and tfjs-cpu ${tfjsVersion()}`);
for (const [rows, inner, cols] of [
  [64, 768, 2304],
  [64, 3072, 768],
]) {
  const [x, W, bias] = [numbers(rows * inner), numbers(inner * cols), new Float32Array(cols)];
  const packed = pack(jsKernels, W, inner, cols);
  const [out, want] = [new Float32Array(rows * cols), new Float32Array(rows * cols)];
  const js = () => jsKernels.matmul(out, x, packed, bias, rows);
  const naive = () => plainMatmul(want, x, W, bias, rows, inner, cols);
  const tfjs = () => tfjsMatmul(x, W, rows, inner, cols);
  js();
  naive();
  check("js", out, want, 0); // both add in the order of the inner index: the same bits
  check("tfjs", tfjs(), want, inner * 2 ** -24);

  const times = await timeInTurn({ js, naive, tfjs }, { rounds: 7 });
  for (const peer of ["naive", "tfjs"] as const) {
    const rate = (name: "js" | "naive" | "tfjs") =>
      ((2e-6 * rows * inner * cols) / median(times[name])).toFixed(2);
    figure(
      `${rows}×${inner}×${cols}: times as fast as ${peer}`,
      ratios(times[peer], times.js),
      { atLeast: 4, unit: "x" },
      `${rate("js")} against ${rate(peer)} GFLOP/s`,
    );
  }
}
