/** x[r] ← x[r] − mean(x[r]), rounded once. */
export function centre(x: Float32Array, rows: number, cols: number): void {
  for (let r = 0; r < rows; r++) {
    const mean = rowMean(x, r * cols, cols);
    for (let i = r * cols; i < (r + 1) * cols; i++) x[i] -= mean;
  }
}

/**
 * LayerNorm's denominator; mean and variance in float64, one rounding on store.
 *
 *   out[r] = sqrt(mean((x[r] − mean(x[r]))²) + eps)
 *
 * Two passes: the textbook's mean(x²) − mean(x)² loses every digit of a near-constant row with a large mean.
 *
 * @param out [rows]       written
 * @param x   [rows, cols] read
 */
export function layerNormScale(
  out: Float32Array,
  x: Float32Array,
  rows: number,
  cols: number,
  eps: number,
): void {
  for (let r = 0; r < rows; r++) {
    const start = r * cols;
    const mean = rowMean(x, start, cols);
    let squares = 0;
    for (let i = start; i < start + cols; i++) {
      const deviation = x[i] - mean;
      squares += deviation * deviation;
    }
    out[r] = Math.sqrt(squares / cols + eps);
  }
}

/**
 * out[r] = (x[r] − mean(x[r])) / scale[r], by the float32 scale as given.
 *
 * @param out   [rows, cols] written; may be `x`
 * @param x     [rows, cols] read
 * @param scale [rows]       read
 */
export function normalizeRows(
  out: Float32Array,
  x: Float32Array,
  scale: Float32Array,
  rows: number,
  cols: number,
): void {
  for (let r = 0; r < rows; r++) {
    const start = r * cols;
    const mean = rowMean(x, start, cols);
    const rowScale = scale[r];
    for (let i = start; i < start + cols; i++) out[i] = (x[i] - mean) / rowScale;
  }
}

/**
 * out[r] = x[r] ⊙ gamma + beta. A product of two float32 is exact in float64.
 *
 * @param out         [rows, cols] written; may be `x`
 * @param x           [rows, cols] read
 * @param gamma, beta [cols]       read
 */
export function affineRows(
  out: Float32Array,
  x: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
  rows: number,
  cols: number,
): void {
  for (let r = 0; r < rows; r++) {
    const start = r * cols;
    for (let c = 0; c < cols; c++) out[start + c] = x[start + c] * gamma[c] + beta[c];
  }
}

function rowMean(x: Float32Array, start: number, cols: number): number {
  let sum = 0;
  for (let i = start; i < start + cols; i++) sum += x[i];
  return sum / cols;
}

/** out = a + b, rounded to float32; `out` may be `a` or `b`. */
export function add(out: Float32Array, a: Float32Array, b: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = a[i] + b[i];
}
