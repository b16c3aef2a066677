import fc from "fast-check";
import { afterAll, describe, test } from "vitest";
import type { Activation, Kernels } from "../../../../src/tensor/kernels.ts";
import { pack } from "../../../../src/tensor/ops.ts";
import { expectSameBytes } from "../../../support/bits.ts";
import { kernelsOn } from "../../../support/threads.ts";
import { noise, seed } from "../../conformance/support.ts";

/** Off the vectors' width, beyond a block of rows or of the inner dimension, and so many elements that threads share them. */
const size = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(33, 299));

/** Makes rows [rows, length] of x [rows, cols], which lies where a session allocates; [rows, length] of the first result. */
type RowKernel = (kernels: Kernels, x: Float32Array, rows: number, cols: number) => Float32Array;

/** An output in the session. */
const written = (kernels: Kernels, length: number, kernel: (out: Float32Array) => void): Float32Array => {
  const out = kernels.allocate(length);
  kernel(out);
  return out;
};

/** Weights of the same numbers on all threads, from the inner dimension: as many columns unless told. */
const weights = (kernels: Kernels, inner: number, cols = inner) =>
  pack(kernels, noise(inner, inner * cols), inner, cols);

/** So many columns that the output's rows lie a page apart. */
const PAGE = 1024;

const rowKernels: Record<string, RowKernel> = {
  matmul: (k, x, rows, cols) =>
    written(k, rows * cols, (out) => k.matmul(out, x, weights(k, cols), noise(7, cols), rows)),
  "matmul to pages": (k, x, rows, inner) =>
    written(k, rows * PAGE, (out) => k.matmul(out, x, weights(k, inner, PAGE), noise(7, PAGE), rows)),
  matmulByColumns: (k, x, rows, cols) =>
    written(k, rows * cols, (out) =>
      k.matmulByColumns(out, x, noise(5, cols * cols), noise(7, cols), rows, cols, cols),
    ),
  layerNormScale: (k, x, rows, cols) => written(k, rows, (out) => k.layerNormScale(out, x, rows, cols, 1e-5)),
  normalizeRows: (k, x, rows, cols) => {
    const scale = written(k, rows, (out) => k.layerNormScale(out, x, rows, cols, 1e-5));
    return written(k, rows * cols, (out) => k.normalizeRows(out, x, scale, rows, cols));
  },
  affineRows: (k, x, rows, cols) =>
    written(k, rows * cols, (out) => k.affineRows(out, x, noise(7, cols), noise(8, cols), rows, cols)),
  softmaxRows: (k, x, rows, cols) => written(k, rows * cols, (out) => k.softmaxRows(out, x, rows, cols)),
  centre: (k, x, rows, cols) =>
    written(k, rows * cols, (out) => {
      out.set(x);
      k.centre(out, rows, cols);
    }),
  add: (k, x, rows, cols) => written(k, rows * cols, (out) => k.add(out, x, x)),
  "projectParts' magnitudes": (k, x, rows, cols) =>
    written(k, rows * cols, (out) => {
      const [scores, products] = [new Float64Array(rows), new Float64Array(rows * cols)];
      const u = new Float64Array(rows * cols).fill(1 / 3);
      k.projectParts(scores, products, out, x, weights(k, cols), u, rows, 1);
    }),
  ...Object.fromEntries(
    (["geluTanh", "geluErf", "relu", "silu", "tanh"] satisfies Activation[]).map(
      (name): [string, RowKernel] => [
        name,
        (k, x, rows, cols) => written(k, rows * cols, (out) => k.activations[name](out, x)),
      ],
    ),
  ),
};

describe.each(["reproducible", "fast"] as const)("%s", async (precision) => {
  const [alone, two, three] = await Promise.all(
    [1, 2, 3].map((threads) => kernelsOn(threads, { precision })),
  );
  afterAll(() => {
    for (const kernels of [alone, two, three]) kernels.dispose();
  });
  // weights are made anew for every run: room for all of them
  for (const kernels of [alone, two, three]) {
    kernels.reserve({ matrices: [{ inner: 4096, cols: 8192 }], activations: 1 << 20 });
  }

  describe.each(Object.entries(rowKernels))("%s", (_, kernel) => {
    test("has the same bits on 1, 2 and 3 threads, and a row the same as among many", () => {
      fc.assert(
        fc.property(size, size, seed, fc.nat(), (rows, cols, seed, at) => {
          const x = noise(seed, rows * cols);
          const row = at % rows;
          const computed = (kernels: Kernels, x: Float32Array, rows: number) =>
            kernels.session(() => {
              const here = kernels.allocate(x.length);
              here.set(x);
              return kernel(kernels, here, rows, cols).slice();
            });
          const want = computed(alone, x, rows);
          const length = want.length / rows;
          const wantOfRow = want.slice(row * length, (row + 1) * length);
          for (const kernels of [alone, two, three]) {
            const what = `${kernels.threads} threads`;
            expectSameBytes(computed(kernels, x, rows), want, what);
            const of = computed(kernels, x.slice(row * cols, (row + 1) * cols), 1);
            expectSameBytes(of, wantOfRow, `${what}, row ${row} of ${rows}`);
          }
        }),
        { numRuns: 30, examples: [[257, 257, 1, 256]] }, // a row left over from a block
      );
    });
  });
});
