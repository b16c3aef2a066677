import type { Kernels, PackedMatrix } from "../../tensor/index.ts";

/** Where a stored tensor goes, as rows of `cols` elements. */
export interface Destination {
  readonly rows: number;
  readonly cols: number;
  /** Takes `count` rows, from row `first` on; they lie in a buffer that is used again. */
  put(rows: Float32Array, first: number, count: number): void;
}

/** Vectors that the file holds side by side: one row. */
export function vectors(parts: readonly Float32Array[]): Destination {
  const [{ length }] = parts;
  return {
    rows: 1,
    cols: parts.length * length,
    put(row) {
      parts.forEach((part, p) => {
        part.set(row.subarray(p * length, (p + 1) * length));
      });
    },
  };
}

/** A table in memory, row-major. */
export function wholeRows(table: Float32Array, cols: number): Destination {
  return {
    rows: table.length / cols,
    cols,
    put: (rows, first) => table.set(rows, first * cols),
  };
}

/** Matrices that the file holds side by side: stored [inner, parts · cols]. */
export function matricesByRows(kernels: Kernels, parts: readonly PackedMatrix[]): Destination {
  const [{ inner, cols }] = parts;
  const stride = parts.length * cols;
  return {
    rows: inner,
    cols: stride,
    put(rows, first, count) {
      parts.forEach((part, p) => {
        kernels.fillRows(part, first, rows, count, stride, p * cols);
      });
    },
  };
}

/** A matrix whose rows are centred on their way: while they are in the cache. */
export function centredRows(kernels: Kernels, W: PackedMatrix): Destination {
  const { rows, cols, put } = matricesByRows(kernels, [W]);
  return {
    rows,
    cols,
    put(chunk, first, count) {
      kernels.centre(chunk, count, cols);
      put(chunk, first, count);
    },
  };
}

/** The same stored as [parts · cols, inner]: each row is a column. */
export function matricesByColumns(kernels: Kernels, parts: readonly PackedMatrix[]): Destination {
  const [{ inner, cols }] = parts;
  return {
    rows: parts.length * cols,
    cols: inner,
    put(rows, first, count) {
      parts.forEach((part, p) => {
        const begin = Math.max(first, p * cols);
        const end = Math.min(first + count, (p + 1) * cols);
        if (begin >= end) return;
        const own = rows.subarray((begin - first) * inner, (end - first) * inner);
        kernels.fillColumns(part, begin - p * cols, own, end - begin);
      });
    },
  };
}

/** Transposes a square matrix in place. */
export function transpose(kernels: Kernels, W: PackedMatrix): void {
  kernels.fillColumns(W, 0, kernels.unpack(W), W.cols);
}
