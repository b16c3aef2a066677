import type { Kernels, PackedMatrix } from "../tensor/index.ts";

/**
 * W_U [dModel, dVocab] and b_U [dVocab], read by columns. Attribution needs a few columns, so the matrix is
 * computed and packed whole only when all logits are first asked for; both ways give a token the same bits.
 */
export interface Unembedding {
  /** The hook of all logits, [batch, pos, dVocab]. */
  readonly hook: string;
  /** W_U[:, token], [dModel]. Not to be written to. */
  column(token: number): Float32Array;
  /** b_U[token]. */
  bias(token: number): number;
  /**
   * Logits of rows of the final norm's output.
   *
   * @param x      [rows, dModel]
   * @param tokens which columns; all when left out
   * @returns      [rows, tokens] or [rows, dVocab]
   */
  logits(x: Float32Array, tokens?: readonly number[]): Float32Array;
}

/** w = W_U[:, answer] − W_U[:, wrong] in float64; without a wrong token, W_U[:, answer]. */
export function tokenDirection(
  unembedding: Pick<Unembedding, "column">,
  answer: number,
  wrong: number | undefined,
): Float64Array {
  const w = Float64Array.from(unembedding.column(answer));
  if (wrong === undefined) return w;
  const subtracted = unembedding.column(wrong);
  return w.map((value, i) => value - subtracted[i]);
}

/** The unembedding as trained: column t is row t of the table, and there is no bias. */
export function rawUnembedding(kernels: Kernels, table: Float32Array, dModel: number): Unembedding {
  const column = (token: number) => table.subarray(token * dModel, (token + 1) * dModel);
  return unembedding(kernels, dModel, table.length / dModel, column, () => 0);
}

/**
 * The unembedding of compatibility mode: the final norm's gamma and beta folded in, centred over dModel, then
 * over the vocabulary, which shifts every logit of a position by the same amount.
 *
 *   W_U[:, t] = P(gamma ⊙ E_t) − mean_t P(gamma ⊙ E_t),  b_U[t] = beta·E_t − mean_t beta·E_t
 *
 * with E_t row t of the table. In float64 from the table as trained, rounded to float32 once.
 */
export function foldedUnembedding(
  kernels: Kernels,
  table: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
): Unembedding {
  const dModel = gamma.length;
  const dVocab = table.length / dModel;
  let vocabularyMean: Float64Array | undefined;

  function column(token: number): Float32Array {
    vocabularyMean ??= columnMeans(table, dModel);
    const folded = new Float64Array(dModel);
    let sum = 0;
    for (let i = 0, at = token * dModel; i < dModel; i++, at++) {
      folded[i] = gamma[i] * (table[at] - vocabularyMean[i]);
      sum += folded[i];
    }
    const centred = new Float32Array(dModel);
    for (let i = 0; i < dModel; i++) centred[i] = folded[i] - sum / dModel;
    return centred;
  }

  function bias(token: number): number {
    vocabularyMean ??= columnMeans(table, dModel);
    let sum = 0;
    for (let i = 0, at = token * dModel; i < dModel; i++, at++)
      sum += beta[i] * (table[at] - vocabularyMean[i]);
    return Math.fround(sum);
  }

  return unembedding(kernels, dModel, dVocab, column, bias);
}

function unembedding(
  kernels: Kernels,
  dModel: number,
  dVocab: number,
  column: (token: number) => Float32Array,
  bias: (token: number) => number,
): Unembedding {
  let whole: { W_U: PackedMatrix; b_U: Float32Array } | undefined;

  function wholeMatrix(): { W_U: PackedMatrix; b_U: Float32Array } {
    whole ??= {
      W_U: kernels.packColumns(column, dModel, dVocab),
      b_U: Float32Array.from({ length: dVocab }, (_, token) => bias(token)),
    };
    return whole;
  }

  function columns(tokens: readonly number[]): { W_U: PackedMatrix; b_U: Float32Array } {
    return {
      W_U: kernels.packColumns((c) => column(tokens[c]), dModel, tokens.length),
      b_U: Float32Array.from(tokens, bias),
    };
  }

  function logits(x: Float32Array, tokens?: readonly number[]): Float32Array {
    const { W_U, b_U } = tokens ? columns(tokens) : wholeMatrix();
    const rows = x.length / dModel;
    const out = new Float32Array(rows * W_U.cols);
    kernels.matmul(out, x, W_U, b_U, rows);
    return out;
  }

  return { hook: "unembed.hook_out", column, bias, logits };
}

/** The mean row of a table [rows, cols], in float64. */
function columnMeans(table: Float32Array, cols: number): Float64Array {
  const means = new Float64Array(cols);
  for (let start = 0; start < table.length; start += cols) {
    for (let i = 0; i < cols; i++) means[i] += table[start + i];
  }
  return means.map((sum) => (sum * cols) / table.length);
}
