import { describe, expect, test } from "vitest";
import { addLogit, finishSum, startSum } from "../../src/dla/answers/forwardLogit.ts";
import { addColumn, startColumns } from "../../src/dla/answers/weightedColumns.ts";
import type { Attributable } from "../../src/dla/index.ts";
import { streamErrors } from "../../src/dla/rows/pathError.ts";
import type { AttentionSplit } from "../../src/model/index.ts";
import { jsKernels } from "../../src/tensor/index.ts";

const float32 = (values: readonly number[]) => Float32Array.from(values);

describe("what bounds are made of", () => {
  test("a position's errors are of its own writes, whatever was read before", () => {
    const norm = { centred: true, gamma: float32([1, 2]), beta: null, eps: 1e-5 };
    const errorsOf = streamErrors(jsKernels.accuracy, { norm } as unknown as AttentionSplit, 2);
    const copied = (writes: readonly (readonly number[])[], scale: number) =>
      Object.values(errorsOf(writes.map(float32), scale)).map((values: Float64Array) => [...values]);
    const first = copied(
      [
        [1, 2],
        [3, -4],
      ],
      2,
    );
    copied(
      [
        [1e30, -1e30],
        [1e30, 7],
      ],
      1e-3,
    );
    expect(
      copied(
        [
          [1, 2],
          [3, -4],
        ],
        2,
      ),
    ).toEqual(first);
    expect([...errorsOf([float32([1, 2]), float32([3, -4])], 2).written]).toEqual([2, 3]);
  });

  test("a weighted sum of logits has float64's share of all that it is summed from", () => {
    const columns = startColumns(2);
    addColumn(columns, { column: float32([1, -2]), bias: 4 }, 0.5);
    addColumn(columns, { column: float32([-3, 1]), bias: 8 }, -0.25);
    expect([[...columns.w], [...columns.sizes], columns.bias, columns.biasSize]).toEqual([
      [1.25, -1.25],
      [1.25, 1.25],
      0,
      4,
    ]);
    const output = float32([2, -8]);
    const sum = startSum();
    const model = { accuracy: { ...jsKernels.accuracy, dotError: () => 0 } } as unknown as Attributable;
    addLogit(sum, model, output, { column: float32([0, 0]), bias: 0 }, -2, 3);
    const { logit, magnitude, error } = finishSum(sum, columns, output, 2);
    expect([logit, magnitude]).toEqual([-6, 6]);
    // 2 (n + 2) u (Σ|weight · column|·|y| + Σ|weight · b_U| + Σ|weight · logit|)
    const own = 2 * 4 * 2 ** -53 * (1.25 * 2 + 1.25 * 8 + 4 + 6);
    expect(error - sum.error).toBeGreaterThan(0.99 * own);
    expect(error - sum.error).toBeLessThan(1.01 * own);
  });
});
