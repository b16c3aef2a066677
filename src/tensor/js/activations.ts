import { exp, normalTail, tanh } from "./math.ts";

/**
 * ½x(1 + tanh(u)) with u = √(2/π)(x + 0.044715x³), computed as x / (1 + e⁻²ᵘ): the same function, without the
 * cancellation of 1 + tanh(u) where u is negative. NaN at −∞, as in PyTorch.
 */
export function geluTanh(out: Float32Array, x: Float32Array): void {
  for (let i = 0; i < out.length; i++) {
    const value = x[i];
    out[i] = value / (1 + exp(-2 * SQRT_2_OVER_PI * (value + 0.044715 * value * value * value)));
  }
}

/**
 * ½x(1 + erf(x/√2)) = xΦ(x), from the tail of the normal distribution: Φ(−x) for x < 0, where 1 + erf cancels,
 * and 1 − Φ(−x) elsewhere. NaN at −∞, as in PyTorch.
 */
export function geluErf(out: Float32Array, x: Float32Array): void {
  for (let i = 0; i < out.length; i++) {
    const value = x[i];
    const tail = normalTail(Math.abs(value));
    out[i] = value * (value < 0 ? tail : 1 - tail);
  }
}

/** max(x, 0) */
export function relu(out: Float32Array, x: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = Math.max(x[i], 0);
}

/** x / (1 + e⁻ˣ). NaN at −∞, as in PyTorch. */
export function silu(out: Float32Array, x: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = x[i] / (1 + exp(-x[i]));
}

/** tanh(x) */
export function tanhRows(out: Float32Array, x: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = tanh(x[i]);
}

/** √(2/π) */
const SQRT_2_OVER_PI = 0.7978845608028654;
