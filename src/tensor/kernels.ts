/** A weight matrix W [inner, cols] in a backend's own layout. Only the backend that packed it can read it. */
export interface PackedMatrix {
  readonly inner: number;
  readonly cols: number;
}

/** How far a backend's results may lie from the exact ones; the attribution's bounds are derived from it. */
export interface Accuracy {
  /** What normalizeRows adds to the error of the mean: |out − (x − mean) / scale| ≤ normalization · |out|. */
  readonly normalization: number;

  /**
   * γ such that a sum of n products, before its one rounding to float32, obeys
   *
   *   |accumulated − Σ aᵢbᵢ| ≤ γ · Σ|aᵢbᵢ|
   *
   * and the same for a mean of n, with Σ|xᵢ|/n on the right.
   *
   * @see Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., §3.1
   */
  accumulation(n: number): number;
}

/**
 * What a backend is: the arithmetic of the forward pass on contiguous row-major Float32Arrays. It knows no
 * model. Kernels write to `out`, never to an input, and keep nothing between calls; shapes are checked in
 * ops.ts. The order in which an output is accumulated depends on the inner dimension alone, so a row has the
 * same bits alone, in a batch, or computed on another machine.
 */
export interface Kernels {
  readonly name: string;
  readonly accuracy: Accuracy;

  /** Copies W, row-major [inner, cols], into the backend's layout. */
  pack(W: Float32Array, inner: number, cols: number): PackedMatrix;

  /** The same from a function that gives column c as [inner]; it may reuse one array. */
  packColumns(column: (c: number) => Float32Array, inner: number, cols: number): PackedMatrix;

  /** The inverse of pack: W row-major [inner, cols], bit for bit. */
  unpack(W: PackedMatrix): Float32Array;

  /**
   * out = x·W + bias, with one rounding to float32 per element
   *
   * @param out  [rows, W.cols]  written; must not overlap `x`
   * @param x    [rows, W.inner] read
   * @param bias [W.cols] or null for none
   */
  matmul(out: Float32Array, x: Float32Array, W: PackedMatrix, bias: Float32Array | null, rows: number): void;

  /**
   * What each row of W writes along the direction u, in float64, and the sum of magnitudes that bounds its error:
   *
   *   out[i] = Σ_j W[i, j] u[j]        magnitudes[i] = Σ_j |W[i, j] u[j]|
   *
   * @param out, magnitudes [W.inner] written
   * @param u               [W.cols]  read
   */
  project(out: Float64Array, magnitudes: Float64Array, W: PackedMatrix, u: Float64Array): void;

  /**
   * LayerNorm's denominator, row by row; the variance is biased and eps is inside the root, as in PyTorch.
   *
   *   out[r] = sqrt(mean((x[r] − mean(x[r]))²) + eps)
   *
   * @param out [rows]       written
   * @param x   [rows, cols] read
   */
  layerNormScale(out: Float32Array, x: Float32Array, rows: number, cols: number, eps: number): void;

  /**
   * LayerNorm before its affine part, with the denominator given, so that a hook may change it.
   *
   *   out[r] = (x[r] − mean(x[r])) / scale[r]
   *
   * @param out   [rows, cols] written; may be `x`
   * @param x     [rows, cols] read
   * @param scale [rows]       read
   */
  normalizeRows(out: Float32Array, x: Float32Array, scale: Float32Array, rows: number, cols: number): void;

  /**
   * LayerNorm's affine part: out[r] = x[r] ⊙ gamma + beta, one rounding per element.
   *
   * @param out [rows, cols] written; may be `x`
   */
  affineRows(
    out: Float32Array,
    x: Float32Array,
    gamma: Float32Array,
    beta: Float32Array,
    rows: number,
    cols: number,
  ): void;

  /**
   * Scaled dot products of queries and keys; a key after its query is masked with −∞.
   *
   *   out[b, h, i, j] = scale · Σ_d q[b, i, h, d] k[b, j, h, d]   for j ≤ i
   *
   * @param out  [batch, heads, pos, pos]  written
   * @param q, k [batch, pos, heads, dHead] read
   */
  attentionScores(
    out: Float32Array,
    q: Float32Array,
    k: Float32Array,
    batch: number,
    pos: number,
    heads: number,
    dHead: number,
    scale: number,
  ): void;

  /**
   * Softmax of each row. An entry of −∞ becomes 0, a row of nothing else is all 0.
   *
   *   out[r, j] = exp(x[r, j] − max(x[r])) / Σ_j exp(x[r, j] − max(x[r]))
   *
   * @param out [rows, cols] written; may be `x`
   */
  softmaxRows(out: Float32Array, x: Float32Array, rows: number, cols: number): void;

  /**
   * Values mixed by the attention pattern.
   *
   *   out[b, i, h, d] = Σ_j pattern[b, h, i, j] v[b, j, h, d]
   *
   * @param out     [batch, pos, heads, dHead] written
   * @param pattern [batch, heads, pos, pos]   read; a row's trailing zeros cost nothing
   * @param v       [batch, pos, heads, dHead] read
   */
  mixValues(
    out: Float32Array,
    pattern: Float32Array,
    v: Float32Array,
    batch: number,
    pos: number,
    heads: number,
    dHead: number,
  ): void;

  /** out = a + b, rounded to float32. `out` may be `a` or `b`. */
  add(out: Float32Array, a: Float32Array, b: Float32Array): void;

  /**
   * Rows of a table: out[i] = table[ids[i]].
   *
   * @param out   [ids.length, cols] written
   * @param table [any, cols]        read; ids must lie inside it
   */
  gatherRows(out: Float32Array, table: Float32Array, ids: ArrayLike<number>, cols: number): void;

  /** The MLP's nonlinearities, element by element; `out` may be `x`. */
  readonly activations: Readonly<Record<Activation, (out: Float32Array, x: Float32Array) => void>>;
}

/**
 * The nonlinearities a GPT-2 config can name.
 *
 *   geluTanh  ½x(1 + tanh(√(2/π)(x + 0.044715x³)))   Hugging Face's gelu_new
 *   geluErf   ½x(1 + erf(x/√2))                      Hugging Face's gelu
 *   relu      max(x, 0)
 *   silu      x / (1 + e⁻ˣ)
 *   tanh      tanh(x)
 *
 * @see Hendrycks and Gimpel, Gaussian Error Linear Units, arXiv 1606.08415
 */
export type Activation = "geluTanh" | "geluErf" | "relu" | "silu" | "tanh";
