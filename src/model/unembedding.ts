import { describe, ValueError } from "../errors.ts";
import type { Kernels, PackedMatrix } from "../tensor/index.ts";
import { asList, type Integers } from "./integers.ts";
import { expectTokenId } from "./prompts.ts";
import { type Survey, surveyOf } from "./survey.ts";
import { eachChunk, readRow, type Table } from "./table.ts";

/** A column of W_U [dModel, dVocab] and its entry of b_U; or the difference of two. */
export interface UnembeddingColumn {
  /** [dModel]. Not to be written to. */
  readonly column: Float32Array;
  /** The entry of b_U, or the difference of two. */
  readonly bias: number;
}

/**
 * W_U and b_U, read by columns. Attribution needs a few columns, so the matrix is computed and packed whole only when all
 * logits are first asked for; both ways give a token the same bits.
 */
export interface Unembedding {
  /** The hook of all logits, [batch, pos, dVocab]. */
  readonly hook: string;
  /** W_U[:, token] and b_U[token]. @throws ValueError for what is no id of the vocabulary, as all of these */
  token(token: number): UnembeddingColumn;
  /** The same of several, where that is quicker than one by one, as from a file. */
  tokens?(tokens: readonly number[]): UnembeddingColumn[];
  /**
   * W_U[:, answer] − W_U[:, wrong] and the same of b_U, rounded once. What all columns have in common cancels, so the
   * vocabulary's mean is not needed, and nothing is lost to its size.
   */
  difference(answer: number, wrong: number): UnembeddingColumn;
  /** The logit of a row x [dModel] of the final norm's output by one column, x·column + bias, as the forward pass has it. */
  read(x: Float32Array, column: UnembeddingColumn): number;
  /**
   * Logits of rows of the final norm's output.
   *
   * @param x      [rows, dModel]
   * @param tokens which columns; all when left out
   * @returns      [rows, tokens] or [rows, dVocab]
   */
  logits(x: Float32Array, tokens?: readonly number[]): Float32Array;
  /** The columns in short, made at the first call: see `Survey`. */
  survey?(): Survey;
}

/** What attribution reads: a token's column, or what tells it from a wrong one. */
export function tokenColumn(
  unembedding: Pick<Unembedding, "token" | "difference">,
  answer: number,
  wrong: number | undefined,
): UnembeddingColumn {
  return wrong === undefined ? unembedding.token(answer) : unembedding.difference(answer, wrong);
}

/** Some tokens' columns, at once where the model can. */
export function tokenColumns(
  unembedding: Pick<Unembedding, "token" | "tokens">,
  tokens: readonly number[],
): UnembeddingColumn[] {
  return unembedding.tokens?.(tokens) ?? tokens.map((token) => unembedding.token(token));
}

/** How rows of the table, or differences of two, become columns of W_U and entries of b_U; rounded once. */
interface Folding {
  /** A token's, in the place of its row. */
  token(row: Float32Array): UnembeddingColumn;
  /** Of a row less another; the first is written over. */
  difference(row: Float32Array, subtracted: Float32Array): UnembeddingColumn;
  survey(token: (row: Float32Array) => UnembeddingColumn): Survey;
}

/** The unembedding as trained: column t is row t of the table, and there is no bias. */
export function rawUnembedding(kernels: Kernels, table: Table): Unembedding {
  return unembedding(kernels, table, {
    token: (row) => ({ column: row, bias: 0 }),
    difference(row, subtracted) {
      for (let i = 0; i < row.length; i++) row[i] -= subtracted[i];
      return { column: row, bias: 0 };
    },
    survey: (fold) =>
      surveyOf({ kernels, table, fold, read: (y) => y, gamma: 0, subtracted: new Float64Array() }),
  });
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
  table: Table,
  gamma: Float32Array,
  beta: Float32Array,
): Unembedding {
  let vocabularyMean: Float64Array | undefined;
  return unembedding(kernels, table, {
    token(row) {
      vocabularyMean ??= meanRow(kernels, table);
      return fold(row, vocabularyMean, gamma, beta);
    },
    difference: (row, subtracted) => fold(row, Float64Array.from(subtracted), gamma, beta),
    survey(token) {
      vocabularyMean ??= meanRow(kernels, table);
      const read = (y: Float64Array) => {
        const mean = y.reduce((sum, value) => sum + value, 0) / y.length;
        return y.map((value, i) => gamma[i] * (value - mean));
      };
      const greatest = gamma.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      return surveyOf({ kernels, table, fold: token, read, gamma: greatest, subtracted: vocabularyMean });
    },
  });
}

function unembedding(kernels: Kernels, table: Table, folding: Folding): Unembedding {
  let surveyed: Survey | undefined;
  let whole: { W_U: PackedMatrix; b_U: Float32Array } | undefined;
  const where = "unembedding";
  const row = (id: number) => {
    expectTokenId(where, { dVocab: table.rows }, id);
    return readRow(table, id);
  };
  const tokens = (given: Integers) => {
    const ids = expectIds(where, table.rows, given);
    const rows = new Float32Array(ids.length * table.cols);
    table.read(rows, ids);
    return ids.map((_, i) => folding.token(rows.subarray(i * table.cols, (i + 1) * table.cols)));
  };

  function byColumns(x: Float32Array, columns: readonly UnembeddingColumn[]): Float32Array {
    const inner = table.cols;
    const rows = x.length / inner;
    const W = new Float32Array(columns.length * inner);
    for (const [c, { column }] of columns.entries()) W.set(column, c * inner);
    const out = new Float32Array(rows * columns.length);
    const biases = Float32Array.from(columns, ({ bias }) => bias);
    kernels.matmulByColumns(out, x, W, biases, rows, inner, columns.length);
    return out;
  }

  return {
    hook: "unembed.hook_out",
    token: (id) => folding.token(row(id)),
    tokens,
    survey() {
      surveyed ??= folding.survey(folding.token);
      return surveyed;
    },
    difference: (answer, wrong) => folding.difference(row(answer), row(wrong)),
    read(x, column) {
      expectRows(where, x, table.cols, 1);
      expectColumn(where, column, table.cols);
      return byColumns(x, [column])[0];
    },
    logits(x, only) {
      expectRows(where, x, table.cols);
      if (only !== undefined) return byColumns(x, tokens(only));
      whole ??= wholeMatrix(kernels, table, folding);
      const { W_U, b_U } = whole;
      const rows = x.length / table.cols;
      const out = new Float32Array(rows * W_U.cols);
      kernels.matmul(out, x, W_U, b_U, rows);
      return out;
    },
  };
}

/** The ids of a list or an array. @throws ValueError for another thing, or an id outside the vocabulary */
function expectIds(where: string, dVocab: number, given: Integers): readonly number[] {
  const ids: unknown = asList<unknown>(given);
  if (!Array.isArray(ids)) {
    throw new ValueError(
      `${where}: got ${describe(given)}, expected a list of token ids. Give which columns.`,
    );
  }
  for (const id of ids) expectTokenId(where, { dVocab }, id);
  return ids;
}

function expectRows(where: string, x: Float32Array, dModel: number, count?: number): void {
  if (x instanceof Float32Array && x.length > 0 && x.length % dModel === 0) {
    if (count === undefined || x.length === count * dModel) return;
  }
  const expected = count === 1 ? "a row" : "rows";
  throw new ValueError(
    `${where}: got ${describe(x)}, expected a Float32Array of ${expected} of dModel=${dModel}. Give the final norm's output.`,
  );
}

function expectColumn(where: string, given: UnembeddingColumn, dModel: number): void {
  const { column, bias } = Object(given) as Partial<UnembeddingColumn>;
  if (column instanceof Float32Array && column.length === dModel && typeof bias === "number") return;
  throw new ValueError(
    `${where}: got ${describe(given)}, expected a column of dModel=${dModel} and its bias. Give what token or difference returns.`,
  );
}

function wholeMatrix(
  kernels: Kernels,
  table: Table,
  folding: Folding,
): { W_U: PackedMatrix; b_U: Float32Array } {
  const W_U = kernels.matrix(table.cols, table.rows);
  const b_U = new Float32Array(table.rows);
  kernels.session(() =>
    eachChunk(table, kernels.allocate, (rows, first) => {
      const count = rows.length / table.cols;
      for (let i = 0; i < count; i++) {
        const row = rows.subarray(i * table.cols, (i + 1) * table.cols);
        b_U[first + i] = folding.token(row).bias;
      }
      kernels.fillColumns(W_U, first, rows, count);
    }),
  );
  return { W_U, b_U };
}

/**
 * P(gamma ⊙ (row − subtracted)) in the place of the row, and beta·(row − subtracted), both in float64 and rounded once. Plain
 * loops: all columns are folded for a pass over the vocabulary.
 */
function fold(
  row: Float32Array,
  subtracted: Float64Array,
  gamma: Float32Array,
  beta: Float32Array,
): UnembeddingColumn {
  let mean = 0;
  let bias = 0;
  for (let i = 0; i < row.length; i++) {
    const value = row[i] - subtracted[i];
    mean += gamma[i] * value;
    bias += beta[i] * value;
  }
  mean /= row.length;
  for (let i = 0; i < row.length; i++) row[i] = gamma[i] * (row[i] - subtracted[i]) - mean;
  return { column: row, bias: Math.fround(bias) };
}

/** The mean of a table's rows, in float64. */
function meanRow(kernels: Kernels, table: Table): Float64Array {
  const sums = new Float64Array(table.cols);
  kernels.session(() => eachChunk(table, kernels.allocate, (rows) => kernels.addRows(sums, rows)));
  return sums.map((sum) => sum / table.rows);
}
