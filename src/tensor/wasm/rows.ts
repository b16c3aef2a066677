import type { Activation, AttentionDims, AttentionKernels, RowKernels } from "../kernels.ts";
import type { Backend } from "./backend.ts";
import { attentionScratchBytes } from "./code/attentionScratch.ts";

/** Elements below which a second thread would take longer to be told than to do its part. */
const LEAST_FOR_THREADS = 1 << 14;

/** What works row by row or element by element. */
export function rowKernels(backend: Backend): RowKernels {
  /** Runs a kernel on `count` rows, `elements` in all, in as many chunks as there are threads for. */
  const chunked = (count: number, elements: number, multiple = 1) => {
    const threads = elements < LEAST_FOR_THREADS ? 1 : backend.crew.threads;
    const per = multiple * Math.ceil(count / (multiple * threads));
    return { per, chunks: Math.ceil(count / per) };
  };
  const activation = (name: Activation) => (out: Float32Array, x: Float32Array) => {
    const { per, chunks } = chunked(out.length, out.length, 4);
    backend.inOneMemory([out], [x], 0, (memory, [outAt, xAt]) => {
      backend.run(memory, name, chunks, [outAt, xAt, out.length, per]);
    });
  };
  return {
    centre(x, rows, cols) {
      const { per, chunks } = chunked(rows, rows * cols);
      backend.inPlace(x, 32 * backend.crew.threads, (memory, xAt, scratch) => {
        backend.run(memory, "centre", chunks, [xAt, rows, cols, per, scratch]);
      });
    },
    layerNormScale(out, x, rows, cols, eps) {
      const { per, chunks } = chunked(rows, rows * cols);
      backend.inOneMemory([out], [x], 0, (memory, [outAt, xAt]) => {
        backend.run(memory, "layerNormScale", chunks, [outAt, xAt, rows, cols, per, eps]);
      });
    },
    normalizeRows(out, x, scale, rows, cols) {
      const { per, chunks } = chunked(rows, rows * cols);
      backend.inOneMemory([out], [x, scale], 0, (memory, [outAt, xAt, scaleAt]) => {
        backend.run(memory, "normalizeRows", chunks, [outAt, xAt, scaleAt, rows, cols, per]);
      });
    },
    affineRows(out, x, gamma, beta, rows, cols) {
      const { per, chunks } = chunked(rows, rows * cols);
      backend.inOneMemory([out], [x, gamma, beta], 0, (memory, [outAt, xAt, gammaAt, betaAt]) => {
        backend.run(memory, "affineRows", chunks, [outAt, xAt, gammaAt, betaAt, rows, cols, per]);
      });
    },
    softmaxRows(out, x, rows, cols) {
      const { per, chunks } = chunked(rows, rows * cols);
      const scratchBytes = 64 * Math.ceil((4 * cols + 16) / 64);
      backend.inOneMemory(
        [out],
        [x],
        scratchBytes * backend.crew.threads,
        (memory, [outAt, xAt, scratch]) => {
          backend.run(memory, "softmaxRows", chunks, [outAt, xAt, rows, cols, per, scratch, scratchBytes]);
        },
      );
    },
    add(out, a, b) {
      const { per, chunks } = chunked(out.length, out.length, 4);
      backend.inOneMemory([out], [a, b], 0, (memory, [outAt, aAt, bAt]) => {
        backend.run(memory, "add", chunks, [outAt, aAt, bAt, out.length, per]);
      });
    },
    activations: {
      geluTanh: activation("geluTanh"),
      geluErf: activation("geluErf"),
      relu: activation("relu"),
      silu: activation("silu"),
      tanh: activation("tanh"),
    },
  };
}

/** Attention: a chunk for each head of each prompt. */
export function attentionKernels(backend: Backend): AttentionKernels {
  function run(
    kernel: "attend" | "attentionScores" | "mixValues",
    out: Float32Array,
    arrays: { q?: Float32Array; k?: Float32Array; v?: Float32Array; pattern?: Float32Array },
    { batch, pos, heads, dHead, queryPos }: AttentionDims,
    scale: number,
  ): void {
    const scratchBytes = 64 * Math.ceil(attentionScratchBytes(pos, dHead) / 64);
    const visible = Int32Array.from(queryPos, (position) => position + 1);
    const given = Object.entries(arrays);
    backend.inOneMemory(
      [out],
      [...given.map(([, array]) => array), visible, Float32Array.of(scale)],
      backend.crew.threads * scratchBytes,
      (memory, [outAt, ...addresses]) => {
        const at: Record<string, number> = { out: outAt, q: 0, k: 0, v: 0, pattern: 0 };
        given.forEach(([name], i) => {
          at[name] = addresses[i];
        });
        if (kernel === "attentionScores") at.pattern = outAt;
        const [visibleAt, scaleAt, scratch] = addresses.slice(given.length);
        backend.run(memory, kernel, batch * heads, [
          ...[at.out, at.q, at.k, at.v, at.pattern, queryPos.length, pos, heads, dHead],
          ...[visibleAt, scaleAt, scratch, scratchBytes],
        ]);
      },
    );
  }
  return {
    attend: (out, q, k, v, dims, scale) => run("attend", out, { q, k, v }, dims, scale),
    attentionScores: (out, q, k, dims, scale) => run("attentionScores", out, { q, k }, dims, scale),
    mixValues: (out, pattern, v, dims) => run("mixValues", out, { pattern, v }, dims, 1),
  };
}
