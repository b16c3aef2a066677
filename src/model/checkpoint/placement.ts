/**
 * Where a stored matrix goes: weights of [rows, cols] each, which the file holds side by side.
 *
 *   stored [rows, parts · cols]; transposed: [parts · cols, rows]
 */
export interface Destination {
  readonly parts: readonly Float32Array[];
  readonly rows: number;
  readonly cols: number;
  readonly transposed: boolean;
}

/** Puts `count` stored rows of [rows, parts · cols] in their places, from row `first` on. */
export function scatter(
  parts: readonly Float32Array[],
  chunk: Float32Array,
  first: number,
  count: number,
  cols: number,
): void {
  for (let row = 0; row < count; row++) {
    parts.forEach((part, p) => {
      const start = (row * parts.length + p) * cols;
      part.set(chunk.subarray(start, start + cols), (first + row) * cols);
    });
  }
}

/** Puts `count` stored rows of [parts · cols, rows] in their places, from row `first` on: each is a weight's column. */
export function scatterTransposed(
  parts: readonly Float32Array[],
  chunk: Float32Array,
  first: number,
  count: number,
  rows: number,
  cols: number,
): void {
  for (let p = 0; p < parts.length; p++) {
    const part = parts[p];
    const begin = Math.max(first, p * cols);
    const end = Math.min(first + count, (p + 1) * cols);
    for (let row = 0; row < rows; row++) {
      const to = row * cols - p * cols;
      for (let col = begin; col < end; col++) part[to + col] = chunk[(col - first) * rows + row];
    }
  }
}

/** Transposes a square matrix [size, size] in place. */
export function transposeSquare(matrix: Float32Array, size: number): void {
  for (let row = 0; row < size; row++) {
    for (let col = 0; col < row; col++) {
      const below = matrix[row * size + col];
      matrix[row * size + col] = matrix[col * size + row];
      matrix[col * size + row] = below;
    }
  }
}
