/** Whether the peers compute what they are timed for, against float64 on a tiny checkpoint: .../check.ts [THREADS] */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shapes, writeCheckpoint } from "../checkpoint.ts";
import { check, numbers } from "../harness.ts";
import { float64Forward } from "./float64.ts";
import { onnxForward } from "./onnxruntime.ts";
import { tfjsMatmul, tfjsVersion } from "./tfjs.ts";
import { transformerLens, transformerLensCold } from "./transformerLens.ts";

const threads = Number(process.argv[2] ?? 1);
const folder = mkdtempSync(join(tmpdir(), "logitscope-"));
writeCheckpoint(folder, shapes.tiny);
const prompts = [1, 2, 13, shapes.tiny.n_positions].map((length) =>
  Array.from({ length }, (_, i) => (5 + 37 * i) % shapes.tiny.vocab_size),
);
const [answer, wrong] = [11, 22];

const [rows, inner, cols] = [5, 33, 19];
const [x, W] = [numbers(rows * inner), numbers(inner * cols)];
const product = Float32Array.from({ length: rows * cols }, (_, i) => {
  const [row, col] = [Math.floor(i / cols), i % cols];
  let sum = 0;
  for (let k = 0; k < inner; k++) sum += x[row * inner + k] * W[k * cols + col];
  return sum;
});

const checks = {
  async "onnxruntime-web"() {
    const { version, run } = await onnxForward(folder, { threads });
    for (const ids of prompts) {
      check("logits", await run(ids), Float32Array.from(float64Forward(folder, ids).logits), 1e-6);
    }
    return version;
  },
  async "@tensorflow/tfjs-backend-cpu"() {
    check("matmul", tfjsMatmul(x, W, rows, inner, cols), product, 1e-6);
    return tfjsVersion();
  },
  async TransformerLens() {
    const { about, attribute, close } = await transformerLens(folder, { threads });
    try {
      for (const ids of prompts) {
        const { logits, bias } = float64Forward(folder, ids);
        const want = Float32Array.of(logits[answer] - logits[wrong] - (bias[answer] - bias[wrong]));
        const expectSum = (what: string, scores: readonly number[]) =>
          check(what, Float32Array.of(scores.reduce((total, score) => total + score)), want, 1e-6);
        for (const unit of ["component", "head"] as const) {
          const request = {
            unit,
            prompts: [ids, ids],
            answers: [answer, answer],
            wrongs: [wrong, wrong],
            repeats: 1,
          };
          const { scores } = await attribute(request);
          expectSum(unit, scores[1]);
        }
        if (ids === prompts[2]) expectSum("cold", transformerLensCold(folder, ids, answer, wrong).scores);
      }
    } finally {
      close();
    }
    return JSON.stringify(about);
  },
};

for (const [peer, run] of Object.entries(checks)) {
  try {
    console.log(`${peer} ✓ ${await run()}`);
  } catch (error) {
    console.log(`${peer} ✗ ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
rmSync(folder, { recursive: true });
