/** A weight matrix W [inner, cols] in a backend's own layout. Only the backend that made it can read it. */
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
   * @see Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., §3.1
   */
  accumulation(n: number): number;

  /** The same for a row's mean of n elements, with Σ|xᵢ|/n on the right. */
  mean(n: number): number;

  /**
   * A bound of the same error for these very vectors and a bias added to their product, which may be much smaller than
   * γ's: a running error bound.
   *
   * @see Higham, §3.3
   */
  dotError(a: Float32Array, b: Float32Array, bias: number): number;
}

/** What a backend is to make room for. */
export interface MemoryPlan {
  /** The sizes of the matrices to come, about in the order in which they are used. */
  readonly matrices: readonly { readonly inner: number; readonly cols: number }[];
  /** Elements of all activations that a session holds at one time, as far as they are to lie beside the weights. */
  readonly activations: number;
}

/**
 * What a backend is: the arithmetic of the forward pass on contiguous row-major Float32Arrays, and the memory that
 * it works on. It knows no model. Kernels write to `out`, never to an input; shapes are checked in ops.ts. The order
 * in which an output is accumulated depends on the inner dimension alone, so a row has the same bits alone, in a
 * batch, or computed by another thread or on another machine.
 */
export interface Kernels extends MatrixKernels, RowKernels, AttentionKernels, Workspace {
  /** What computes: "js", "wasm" or "wasm fast". */
  readonly name: string;
  /** Why it is not what was asked for; null where it is. */
  readonly note: string | null;
  readonly threads: number;
  readonly accuracy: Accuracy;

  /** Ends the threads and lets go of the memory. Where a backend has either, what it is asked for afterwards is a ValueError. */
  dispose(): void;
}

/**
 * Where activations lie while a model runs. A backend may have memory of its own for them, in which its kernels find
 * them without a copy; what a kernel is given from elsewhere it copies.
 */
export interface Workspace {
  /**
   * Runs `run`. What is allocated within is free again afterwards, so what `run` returns must be its own: see
   * `own`. A session may run within another.
   */
  session<T>(run: () => T): T;

  /** Room for so many elements, not cleared, until the session ends; an array of its own outside of one. */
  allocate(length: number): Float32Array;

  /** Frees all that the session has allocated but `kept`, which moves to where `near` lies. */
  keepOnly(kept: Float32Array, near: PackedMatrix): Float32Array;

  /** The same elements, in an array that outlives the session: itself, or a copy. */
  own(data: Float32Array): Float32Array;

  /** A buffer that the kernels read without a copy, for weights on their way. */
  buffer(bytes: number): ArrayBufferView<ArrayBufferLike> & Uint8Array;
}

/** Weights: how they come into the backend's layout, what is done to them there, and products with them. */
export interface MatrixKernels {
  /**
   * Makes room for matrices that will be asked for.
   *
   * @throws MemoryError where there is not so much
   */
  reserve(plan: MemoryPlan): void;

  /** A matrix of zeros. */
  matrix(inner: number, cols: number): PackedMatrix;

  /**
   * W[first + r, c] = rows[r · stride + offset + c] for `count` rows: a part of wider rows, or all.
   *
   * @param rows read
   */
  fillRows(
    W: PackedMatrix,
    first: number,
    rows: Float32Array,
    count: number,
    stride: number,
    offset: number,
  ): void;

  /**
   * W[k, first + c] = columns[c, k] for `count` columns.
   *
   * @param columns [count, W.inner] read
   */
  fillColumns(W: PackedMatrix, first: number, columns: Float32Array, count: number): void;

  /** W row-major [inner, cols], bit for bit. */
  unpack(W: PackedMatrix): Float32Array;

  /** Another matrix of the same elements. */
  copy(W: PackedMatrix): PackedMatrix;

  /**
   * Takes a norm's affine part and centring into a matrix that reads it, in float64, rounded once:
   *
   *   out = betaᵀW      W ← P(gamma ⊙ W): each row times its gamma, then each column less its mean
   *
   * @param out   [W.cols]  written
   * @param gamma [W.inner] read
   * @param beta  [W.inner] read
   */
  foldNorm(out: Float64Array, W: PackedMatrix, gamma: Float64Array, beta: Float64Array): void;

  /** W ← W P: each row less its mean, as `centre` has it, to the bit. */
  centreRows(W: PackedMatrix): void;

  /**
   * out = x·W + bias
   *
   * @param out  [rows, W.cols]  written; must not overlap `x`
   * @param x    [rows, W.inner] read
   * @param bias [W.cols] or null for none
   */
  matmul(out: Float32Array, x: Float32Array, W: PackedMatrix, bias: Float32Array | null, rows: number): void;

  /**
   * The same with a W that is given by its columns and not kept; the same bits.
   *
   * @param columns [cols, inner] read
   */
  matmulByColumns(
    out: Float32Array,
    x: Float32Array,
    columns: Float32Array,
    bias: Float32Array,
    rows: number,
    inner: number,
    cols: number,
  ): void;

  /**
   * The rows of W mixed, in float64: out = vᵀW.
   *
   * @param out [W.cols]  written
   * @param v   [W.inner] read
   */
  combineRows(out: Float64Array, v: Float64Array, W: PackedMatrix): void;

  /**
   * x·W once more in float64, part by part of the inner dimension, read along a direction of each row:
   *
   *   products[r] = x[r]·W      scores[r, p] = (x[r, part p]·W[part p]) · u[r]
   *
   * and Σ_k |x[r, k] W[k, c]| beside it, not less than 1 − 2⁻¹⁰ of it, for bounds.
   *
   * @param scores     [rows, parts]   written
   * @param products   [rows, W.cols]  written
   * @param magnitudes [rows, W.cols]  written
   * @param x          [rows, W.inner] read; parts are equally long
   * @param u          [rows, W.cols]  read
   */
  projectParts(
    scores: Float64Array,
    products: Float64Array,
    magnitudes: Float32Array,
    x: Float32Array,
    W: PackedMatrix,
    u: Float64Array,
    rows: number,
    parts: number,
  ): void;

  /** out = the float16 or bfloat16 numbers as float32, exactly. */
  widen(out: Float32Array, halves: Uint16Array, format: "F16" | "BF16"): void;

  /** Whether no element is NaN or infinite. */
  allFinite(x: Float32Array): boolean;

  /**
   * sums += each of the rows in turn, in float64
   *
   * @param sums [cols]           read and written
   * @param x    [any, cols]      read
   */
  addRows(sums: Float64Array, x: Float32Array): void;
}

/** What works row by row or element by element. */
export interface RowKernels {
  /**
   * x[r] ← x[r] − mean(x[r]), in float64, rounded once
   *
   * @param x [rows, cols] read and written
   */
  centre(x: Float32Array, rows: number, cols: number): void;

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
   * LayerNorm's affine part: out[r] = x[r] ⊙ gamma + beta.
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
   * Softmax of each row. An entry of −∞ becomes 0, a row of nothing else is all 0.
   *
   *   out[r, j] = exp(x[r, j] − max(x[r])) / Σ_j exp(x[r, j] − max(x[r]))
   *
   * @param out [rows, cols] written; may be `x`
   */
  softmaxRows(out: Float32Array, x: Float32Array, rows: number, cols: number): void;

  /** out = a + b, rounded to float32. `out` may be `a` or `b`. */
  add(out: Float32Array, a: Float32Array, b: Float32Array): void;

  /** The MLP's nonlinearities, element by element; `out` may be `x`. */
  readonly activations: Readonly<Record<Activation, (out: Float32Array, x: Float32Array) => void>>;
}

/** The sizes of an attention: of queries and keys. */
export interface AttentionDims {
  readonly batch: number;
  readonly pos: number;
  readonly heads: number;
  readonly dHead: number;
  /** The position of each query, from 0 to pos − 1: it sees the keys up to there. */
  readonly queryPos: readonly number[];
}

/** Causal attention, whole or in its steps. */
export interface AttentionKernels {
  /**
   * The three steps below in one, with the same bits, but without holding scores or pattern.
   *
   * @param out [batch, queries, heads, dHead] written; must not overlap `q`
   * @param q   [batch, queries, heads, dHead] read
   * @param k   [batch, pos, heads, dHead]     read
   * @param v   [batch, pos, heads, dHead]     read
   */
  attend(
    out: Float32Array,
    q: Float32Array,
    k: Float32Array,
    v: Float32Array,
    dims: AttentionDims,
    scale: number,
  ): void;

  /**
   * Scaled dot products of queries and keys; a key after its query is masked with −∞.
   *
   *   out[b, h, i, j] = scale · Σ_d q[b, i, h, d] k[b, j, h, d]   for j ≤ queryPos[i]
   *
   * @param out [batch, heads, queries, pos]   written
   * @param q   [batch, queries, heads, dHead] read
   * @param k   [batch, pos, heads, dHead]     read
   */
  attentionScores(
    out: Float32Array,
    q: Float32Array,
    k: Float32Array,
    dims: AttentionDims,
    scale: number,
  ): void;

  /**
   * Values mixed by the attention pattern.
   *
   *   out[b, i, h, d] = Σ_j pattern[b, h, i, j] v[b, j, h, d]
   *
   * @param out     [batch, queries, heads, dHead] written
   * @param pattern [batch, heads, queries, pos]   read; a row's trailing zeros cost nothing
   * @param v       [batch, pos, heads, dHead]     read
   */
  mixValues(out: Float32Array, pattern: Float32Array, v: Float32Array, dims: AttentionDims): void;
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
