import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Kernels, PackedMatrix } from "../../../../src/tensor/kernels.ts";
import { pack } from "../../../../src/tensor/ops.ts";
import { expectSameBytes } from "../../../support/bits.ts";
import { kernelsOn } from "../../../support/threads.ts";
import { noise, seed } from "../../conformance/support.ts";

const size = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(33, 299));

type Result = Float32Array | Float64Array;

/** What is done to, or made of, a packed matrix. */
const ofMatrices: Record<string, (k: Kernels, W: PackedMatrix, seed: number) => Result[]> = {
  "fillRows and unpack": (k, W) => [k.unpack(W)],
  fillColumns: (k, { inner, cols }, seed) => {
    const W = k.matrix(inner, cols);
    k.fillColumns(W, 0, noise(seed, inner * cols), cols);
    return [k.unpack(W)];
  },
  "copy and centreRows": (k, W) => {
    const twin = k.copy(W);
    k.centreRows(twin);
    return [k.unpack(twin), k.unpack(W)];
  },
  foldNorm: (k, W, seed) => {
    const sums = new Float64Array(W.cols);
    k.foldNorm(sums, W, Float64Array.from(noise(seed, W.inner)), Float64Array.from(noise(seed + 1, W.inner)));
    return [sums, k.unpack(W)];
  },
  combineRows: (k, W, seed) => {
    const out = new Float64Array(W.cols);
    k.combineRows(out, Float64Array.from(noise(seed, W.inner)), W);
    return [out];
  },
  projectParts: (k, W, seed) => {
    const rows = 13;
    const [scores, products] = [new Float64Array(rows * W.inner), new Float64Array(rows * W.cols)];
    const magnitudes = new Float32Array(rows * W.cols);
    const u = Float64Array.from(noise(seed + 1, rows * W.cols));
    k.projectParts(scores, products, magnitudes, noise(seed, rows * W.inner), W, u, rows, W.inner);
    return [scores, products, magnitudes];
  },
};

/** What reads a buffer of the backend's own, where weights are on their way. */
const ofBuffers: Record<string, (k: Kernels, halves: Uint16Array, room: Float32Array) => Result[]> = {
  "widen, F16": (k, halves, room) => {
    k.widen(room, halves, "F16");
    return [room];
  },
  "widen, BF16": (k, halves, room) => {
    k.widen(room, halves, "BF16");
    return [room];
  },
  "allFinite and addRows": (k, halves, room) => {
    room.set(noise(halves.length, room.length));
    const sums = new Float64Array(4);
    k.addRows(sums, room);
    return [sums, Float64Array.of(Number(k.allFinite(room)))];
  },
};

describe.each(["reproducible", "fast"] as const)(
  "%s, the same bits on 1, 2 and 3 threads",
  async (precision) => {
    const all = await Promise.all([1, 2, 3].map((threads) => kernelsOn(threads, { precision })));
    for (const kernels of all)
      kernels.reserve({ matrices: [{ inner: 4096, cols: 8192 }], activations: 1 << 18 });
    afterAll(() => {
      for (const kernels of all) kernels.dispose();
    });
    const expectSame = (compute: (kernels: Kernels) => Result[]) => {
      const [want, ...others] = all.map(compute);
      for (const [i, got] of others.entries()) {
        got.forEach((array, which) => {
          expectSameBytes(array, want[which], `result ${which} on ${i + 2} threads`);
        });
      }
    };

    test.each(Object.entries(ofMatrices))("%s", (_, compute) => {
      fc.assert(
        fc.property(size, size, seed, (inner, cols, seed) => {
          expectSame((kernels) =>
            compute(kernels, pack(kernels, noise(seed, inner * cols), inner, cols), seed + 1),
          );
        }),
        { numRuns: 30 },
      );
    });

    test.each(Object.entries(ofBuffers))("%s", (_, compute) => {
      for (const fours of [1, 3, 4097]) {
        expectSame((kernels) => {
          const bytes = kernels.buffer(24 * fours);
          expect(bytes.buffer).not.toHaveProperty("byteLength", bytes.byteLength); // it is the backend's memory
          const halves = new Uint16Array(bytes.buffer, bytes.byteOffset + 16 * fours, 4 * fours);
          halves.set(halves.map((_, i) => 17 * i));
          return compute(kernels, halves, new Float32Array(bytes.buffer, bytes.byteOffset, 4 * fours)).map(
            (result) => result.slice(),
          );
        });
      }
    });

    test("attention, whole and in steps, of more prompts and heads than threads", () => {
      const dims = fc.record({
        batch: fc.integer({ min: 1, max: 3 }),
        heads: fc.integer({ min: 1, max: 5 }),
        pos: fc.constantFrom(1, 2, 41, 130),
        dHead: fc.constantFrom(1, 5, 16, 33),
      });
      fc.assert(
        fc.property(dims, seed, (drawn, seed) => {
          const { batch, heads, pos, dHead } = drawn;
          const given = { ...drawn, queryPos: Array.from({ length: pos }, (_, i) => i) };
          const [q, k, v] = [0, 1, 2].map((salt) => noise(seed + salt, batch * heads * pos * dHead));
          expectSame((kernels) => {
            const attended = new Float32Array(q.length);
            kernels.attend(attended, q, k, v, given, 0.3);
            const pattern = new Float32Array(batch * heads * pos * pos);
            kernels.attentionScores(pattern, q, k, given, 0.3);
            kernels.softmaxRows(pattern, pattern, batch * heads * pos, pos);
            const mixed = new Float32Array(q.length);
            kernels.mixValues(mixed, pattern, v, given);
            expectSameBytes(mixed, attended, "in steps");
            return [attended, pattern];
          });
        }),
        { numRuns: 30 },
      );
    });
  },
);
