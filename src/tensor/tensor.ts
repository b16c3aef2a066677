import { describe, MemoryError, ShapeError, ValueError } from "../errors.ts";

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
 * @throws ShapeError  when `data` has another number of elements than `shape`
 * @throws ValueError  for a shape or data of another kind
 * @throws MemoryError when there is no room for as many zeros
 */
export function tensor(shape: readonly number[], data: Float32Array = zerosOf(shape)): Tensor {
  expectSizes(shape);
  if (!(data instanceof Float32Array)) {
    throw new ValueError(
      `tensor: data: got ${describe(data)}, expected a Float32Array. Leave it out for zeros.`,
    );
  }
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `tensor: got ${data.length} elements, expected ${sizeOf(shape)} for shape [${shape.join(", ")}]. Give both the same size.`,
    );
  }
  return { shape, data };
}

function expectSizes(shape: readonly number[]): void {
  if (Array.isArray(shape) && shape.findIndex((size) => !(Number.isSafeInteger(size) && size >= 0)) === -1)
    return;
  const got = Array.isArray(shape)
    ? `[${Array.from(shape.slice(0, 8), describe).join(", ")}]`
    : describe(shape);
  throw new ValueError(`tensor: shape: got ${got}, expected whole numbers. Give a list of sizes.`);
}

function zerosOf(shape: readonly number[]): Float32Array {
  expectSizes(shape);
  try {
    return new Float32Array(sizeOf(shape));
  } catch (error) {
    throw new MemoryError(
      `tensor: got shape [${shape.join(", ")}], expected one that there is memory for. Take a smaller one.`,
      { cause: error },
    );
  }
}

/** A tensor of float64: what attribution computes with and returns. */
export interface Tensor64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
