/** A matrix whose rows are read when they are needed: from memory, or from the file that they are in. */
export interface Table {
  readonly rows: number;
  readonly cols: number;
  /**
   * Copies rows, one after the other.
   *
   * @param out  [indices.length, cols] written
   * @throws CheckpointError when the file has changed since it was opened, or a value is not finite
   */
  read(out: Float32Array, indices: readonly number[]): void;
}

/** A table in memory, row-major; the array is kept. */
export function memoryTable(data: Float32Array, cols: number): Table {
  return {
    rows: data.length / cols,
    cols,
    read(out, indices) {
      indices.forEach((row, i) => {
        out.set(data.subarray(row * cols, (row + 1) * cols), i * cols);
      });
    },
  };
}

/** One row, in an array of its own. */
export function readRow(table: Table, row: number): Float32Array {
  const out = new Float32Array(table.cols);
  table.read(out, [row]);
  return out;
}

/** Rows read at one time: the chunk stays in the cache. */
const AT_ONCE = 128;

/** Calls `visit` with all rows, some at a time, in `buffer`'s place: [count, cols]. */
export function eachChunk(
  table: Table,
  allocate: (length: number) => Float32Array,
  visit: (rows: Float32Array, first: number) => void,
): void {
  const buffer = allocate(Math.min(AT_ONCE, table.rows) * table.cols);
  for (let first = 0; first < table.rows; first += AT_ONCE) {
    const count = Math.min(AT_ONCE, table.rows - first);
    const rows = buffer.subarray(0, count * table.cols);
    table.read(
      rows,
      Array.from({ length: count }, (_, i) => first + i),
    );
    visit(rows, first);
  }
}
