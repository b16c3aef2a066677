/** out = a + b, rounded to float32; `out` may be `a` or `b`. */
export function add(out: Float32Array, a: Float32Array, b: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = a[i] + b[i];
}

/**
 * out[i] = table[ids[i]].
 *
 * @param out   [ids.length, cols] written
 * @param table [any, cols]        read; ids must lie inside it
 */
export function gatherRows(
  out: Float32Array,
  table: Float32Array,
  ids: ArrayLike<number>,
  cols: number,
): void {
  for (let i = 0; i < ids.length; i++) {
    const from = ids[i] * cols;
    for (let c = 0; c < cols; c++) out[i * cols + c] = table[from + c];
  }
}
