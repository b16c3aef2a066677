import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Kernels } from "../../../src/tensor/kernels.ts";
import { expectNear, expectSameBits, output, size } from "./support.ts";

/** A backend may flush what float32 holds only as a subnormal. */
const SUBNORMAL = 2 ** -126;

const entry = fc.oneof(
  fc.float({ min: -20, max: 20, noNaN: true }),
  fc.constantFrom(-Infinity, -1e4, 1e4, 9999, -87.5, -103, -0),
);

const rows = fc.tuple(fc.integer({ min: 1, max: 4 }), size).chain(([rows, cols]) =>
  fc.record({
    rows: fc.constant(rows),
    cols: fc.constant(cols),
    x: fc
      .array(entry, { minLength: rows * cols, maxLength: rows * cols })
      .map((values) => Float32Array.from(values)),
  }),
);

/** One row's softmax and the bound of each entry's error, in float64. */
function reference(kernels: Kernels, row: Float32Array): { want: number[]; errors: number[] } {
  const max = Math.max(...row);
  if (max === -Infinity) return { want: Array.from(row, () => 0), errors: Array.from(row, () => 0) };
  // e^(x − max) errs by its argument's rounding, twice in the reduction, and 8 units of its own
  const unit = kernels.accuracy.accumulation(1) + 2 ** -53; // this reference's errors too
  const powers = Array.from(row, (v) => Math.exp(v - max));
  const relative = Array.from(row, (v) => (v === -Infinity ? 0 : unit * (2 * (max - v) + 8)));
  const sum = powers.reduce((total, v) => total + v, 0);
  const sumError =
    powers.reduce((total, v, j) => total + v * relative[j], 0) / sum +
    2 * kernels.accuracy.accumulation(row.length + 2);
  return {
    want: powers.map((v) => v / sum),
    errors: powers.map((v, j) =>
      row[j] === -Infinity ? 0 : (v / sum) * (relative[j] + sumError) + SUBNORMAL,
    ),
  };
}

export function softmaxConformance(kernels: Kernels): void {
  const softmax = (x: Float32Array, rows: number, cols: number) =>
    output(x.length, [x], (out) => kernels.softmaxRows(out, x, rows, cols));

  describe("softmaxRows", () => {
    test("by hand: equal scores share, −∞ gets nothing, a row of −∞ is zeros", () => {
      const none = -Infinity;
      const x = Float32Array.of(5, 5, none, none, 1e4, 1e4, none, -1e4, none, none, none, none);
      expect([...softmax(x, 3, 4)]).toEqual([0.5, 0.5, 0, 0, 0.5, 0.5, 0, 0, 0, 0, 0, 0]);
    });

    test("within the bound of its exponentials and their sum; rows sum to 1; also in place", () => {
      fc.assert(
        fc.property(rows, ({ rows, cols, x }) => {
          const got = softmax(x, rows, cols);
          for (let r = 0; r < rows; r++) {
            const row = x.slice(r * cols, (r + 1) * cols);
            const { want, errors } = reference(kernels, row);
            for (let j = 0; j < cols; j++) {
              if (row[j] === -Infinity) expect(got[r * cols + j], `masked entry ${j} of row ${r}`).toBe(0);
              else expectNear(got[r * cols + j], want[j], errors[j], `entry ${j} of row ${r}`);
            }
            const sum = got.slice(r * cols, (r + 1) * cols).reduce((total: number, v) => total + v, 0);
            const total = want.some((v) => v > 0) ? 1 : 0;
            const slack = errors.reduce((a, b) => a + b, 0) + cols * 2 ** -149;
            expectNear(sum, total, slack * (1 + 2 ** -20), `sum of row ${r}`);
          }
          const inPlace = x.slice();
          kernels.softmaxRows(inPlace, inPlace, rows, cols);
          expectSameBits(inPlace, got, "in place");
        }),
        { numRuns: 300 },
      );
    });

    test("a row has the same bits alone, and with a masked tail", () => {
      fc.assert(
        fc.property(rows, fc.integer({ min: 1, max: 5 }), ({ rows, cols, x }, tail) => {
          const batch = softmax(x, rows, cols);
          for (let r = 0; r < rows; r++) {
            const row = x.slice(r * cols, (r + 1) * cols);
            const want = batch.slice(r * cols, (r + 1) * cols);
            expectSameBits(softmax(row, 1, cols), want, `row ${r}`);
            const longer = Float32Array.of(...row, ...new Array(tail).fill(-Infinity));
            expectSameBits(softmax(longer, 1, cols + tail).slice(0, cols), want, `row ${r}, longer`);
          }
        }),
      );
    });
  });
}
