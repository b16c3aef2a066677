import type { UnembeddingColumn } from "../../model/index.ts";

/** A weighted sum of columns of W_U and their entries of b_U, in float64. */
export interface WeightedColumns {
  /** Σ weight · column, [dModel]. */
  readonly w: Float64Array;
  /** Σ|weight · column|, [dModel]. */
  readonly sizes: Float64Array;
  /** Σ weight · b_U. */
  bias: number;
  /** Σ|weight · b_U|. */
  biasSize: number;
}

export function startColumns(dModel: number): WeightedColumns {
  return { w: new Float64Array(dModel), sizes: new Float64Array(dModel), bias: 0, biasSize: 0 };
}

/** sum += weight · (column, bias) */
export function addColumn(sum: WeightedColumns, { column, bias }: UnembeddingColumn, weight: number): void {
  const { w, sizes } = sum;
  for (let i = 0; i < w.length; i++) {
    const term = weight * column[i];
    w[i] += term;
    sizes[i] += Math.abs(term);
  }
  sum.bias += weight * bias;
  sum.biasSize += Math.abs(weight * bias);
}
