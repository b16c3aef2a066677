import { ShapeError } from "../errors.ts";

/** Row-major and contiguous; `data.length` is the product of `shape`. Nobody writes to a tensor they were given. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * A tensor of the given shape, zero unless data is given.
 *
 * @throws ShapeError when `data` has another number of elements than `shape`
 */
export function tensor(
  shape: readonly number[],
  data: Float32Array = new Float32Array(sizeOf(shape)),
): Tensor {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `tensor: got ${data.length} elements, expected ${sizeOf(shape)} for shape [${shape.join(", ")}]. Give both the same size.`,
    );
  }
  return { shape, data };
}

/** A tensor of float64: what attribution computes with and returns. */
export interface Tensor64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
