import type { Kernels } from "../tensor/index.ts";
import { eachChunk, type Table } from "./table.ts";
import type { UnembeddingColumn } from "./unembedding.ts";

/** The whole vocabulary's columns in short, by which a search of it folds the likeliest alone. */
export interface Survey {
  /** The mean of the columns, [dModel]. */
  readonly mean: Float64Array;
  /**
   * Products of vectors with every column, but for what they have in common at one vector, from the table as stored.
   *
   * @param vectors each [dModel]
   * @returns of each [dVocab], and how far a difference of two of them may be off
   */
  products(vectors: readonly Float64Array[]): { products: Float32Array[]; error: number[] };
}

/** The parts of a survey. `read` takes a vector to where the table's rows are read as they are. */
interface Surveyed {
  readonly kernels: Kernels;
  readonly table: Table;
  readonly fold: (row: Float32Array) => UnembeddingColumn;
  readonly read: (y: Float64Array) => Float64Array;
  /** The greatest magnitude of gamma, and the vector that folding takes from every row; 0 and empty for weights as trained. */
  readonly gamma: number;
  readonly subtracted: Float64Array;
}

/**
 * Folds every column once, for their mean and the greatest norms; afterwards products are those of rows as stored,
 *
 *   y·W_U[:, t] = x·E_t − x·m,   x = gamma ⊙ P y
 *
 * in the kernels' float32. By Cauchy and Schwarz the first is off by ‖x‖·max‖E‖ times what a float32 product loses; the columns, each
 * rounded once, by ‖y‖·max‖W_U[:, t]‖·2⁻²⁴; and folding in float64 by the last term.
 */
export function surveyOf({ kernels, table, fold, read, gamma, subtracted }: Surveyed): Survey {
  const { rows: count, cols: size } = table;
  const mean = new Float64Array(size);
  let [rowNorm, columnNorm] = [0, 0];
  eachChunk(
    table,
    (length) => new Float32Array(length),
    (rows) => {
      for (let start = 0; start < rows.length; start += size) {
        const row = rows.subarray(start, start + size);
        rowNorm = Math.max(rowNorm, norm(row));
        const { column } = fold(row);
        columnNorm = Math.max(columnNorm, norm(column));
        for (let i = 0; i < size; i++) mean[i] += column[i];
      }
    },
  );
  for (let i = 0; i < size; i++) mean[i] /= count;
  const foldError = 4 * (size + 4) * 2 ** -53 * gamma * (rowNorm + norm(subtracted));
  const { accumulation } = kernels.accuracy;
  const errorOf = (x: Float64Array, y: Float64Array) =>
    1.01 * (accumulation(size) + 2 ** -23) * norm(x) * rowNorm +
    1.01 * (2 ** -24 * columnNorm + foldError) * norm(y) +
    size * 2 ** -126;
  return {
    mean,
    products(vectors) {
      const read64 = vectors.map(read);
      const x = new Float32Array(vectors.length * size);
      for (const [v, vector] of read64.entries()) x.set(vector, v * size);
      const products = vectors.map(() => new Float32Array(count));
      kernels.session(() =>
        eachChunk(table, kernels.allocate, (rows, first) => {
          const here = rows.length / size;
          const out = new Float32Array(vectors.length * here);
          kernels.matmulByColumns(out, x, rows, new Float32Array(here), vectors.length, size, here);
          for (const [v, all] of products.entries()) all.set(out.subarray(v * here, (v + 1) * here), first);
        }),
      );
      return { products, error: vectors.map((y, v) => 2 * errorOf(read64[v], y)) };
    },
  };
}

function norm(values: Float32Array | Float64Array): number {
  let [even, odd] = [0, 0]; // neither waits for the other
  for (let i = 0; i + 1 < values.length; i += 2) {
    even += values[i] * values[i];
    odd += values[i + 1] * values[i + 1];
  }
  const last = values.length % 2 === 1 ? values[values.length - 1] : 0;
  return 1.0000001 * Math.sqrt(even + odd + last * last);
}
