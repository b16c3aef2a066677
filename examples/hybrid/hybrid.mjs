// @ts-check
// A hybrid's forward pass: Llama's blocks, with a selective state-space mixer beside attention. Both read the same
// norm's output, and what each makes is added to the residual stream, as is what the MLP makes.

import { attention, mlp, unembed, weightsOf } from "../llama/llama.mjs";
import { add, dot, linear, rmsNorm, silu } from "../llama/math.mjs";

/**
 * @typedef {import("../llama/llama.mjs").Row} Row
 * @typedef {import("../llama/llama.mjs").Config & { dInner: number, dState: number, dConv: number, dtRank: number }} Config
 * @typedef {{ config: Config, weights: import("../llama/llama.mjs").Weights }} Model
 */

/**
 * Logits [pos, dVocab] of a prompt.
 *
 * @param {Model} model
 * @param {readonly number[]} tokens
 * @param {import("../llama/llama.mjs").At} at
 */
export function forward({ config, weights }, tokens, at) {
  const { nLayers, dModel, eps } = config;
  const W_E = weights["model.embed_tokens.weight"];
  let x = at(
    "hook_embed",
    tokens.map((token) => W_E.subarray(token * dModel, (token + 1) * dModel)),
  );
  for (let layer = 0; layer < nLayers; layer++) {
    const here = `blocks.${layer}`;
    const weight = weightsOf(weights, layer);
    const mixersIn = rmsNorm(x, weight("input_layernorm"), eps);
    const attnOut = attention(config, weight, here, mixersIn, at);
    const mambaOut = at(`${here}.hook_mamba_out`, mamba(config, weights, layer, mixersIn));
    x = at(`${here}.hook_resid_mid`, add(add(x, attnOut), mambaOut));
    const mlpIn = rmsNorm(x, weight("post_attention_layernorm"), eps);
    x = at(`${here}.hook_resid_post`, add(x, mlp(weight, here, mlpIn, at)));
  }
  return unembed({ config, weights }, x, at);
}

/**
 * Mamba's mixer: each channel c keeps dState numbers h, which it updates by what it reads.
 *
 *   u = silu(conv(W_in x)),   dt, B, C = W_x u,   Δ = softplus(W_dt dt + b_dt)
 *   h ← exp(Δ A) h + Δ B u,   y = C·h + D u,      out = W_out (y ⊙ silu(gate))
 *
 * @see Gu and Dao, Mamba: Linear-Time Sequence Modeling with Selective State Spaces, arXiv 2312.00752, algorithm 2
 * @param {Config} config
 * @param {import("../llama/llama.mjs").Weights} weights
 * @param {number} layer
 * @param {Row[]} x
 */
function mamba({ dInner, dState, dConv, dtRank }, weights, layer, x) {
  const weight = (/** @type {string} */ name) => weights[`model.layers.${layer}.mamba.${name}`];
  const [b_conv, b_dt, A_log, D] = ["conv1d.bias", "dt_proj.bias", "A_log", "D"].map(weight);
  const projected = x.map((row) => linear(row, weight("in_proj.weight")));
  const state = new Float64Array(dInner * dState);
  return projected.map((row, pos) => {
    const gate = row.subarray(dInner);
    const u = Float64Array.from({ length: dInner }, (_, c) => {
      const kernel = weight("conv1d.weight").subarray(c * dConv, (c + 1) * dConv);
      // the last element of the kernel meets the position itself; before the first position there is nothing
      const seen = Array.from({ length: dConv }, (_, k) => projected[pos - dConv + 1 + k]?.[c] ?? 0);
      return silu(dot(kernel, seen) + b_conv[c]);
    });
    const read = linear(u, weight("x_proj.weight"));
    const dt = linear(read.subarray(0, dtRank), weight("dt_proj.weight"));
    const B = read.subarray(dtRank, dtRank + dState);
    const C = read.subarray(dtRank + dState);
    const y = u.map((value, c) => {
      const h = state.subarray(c * dState, (c + 1) * dState);
      const delta = Math.log1p(Math.exp(dt[c] + b_dt[c]));
      for (let n = 0; n < dState; n++) {
        const A = -Math.exp(A_log[c * dState + n]);
        h[n] = Math.exp(delta * A) * h[n] + delta * B[n] * value;
      }
      return (dot(C, h) + D[c] * value) * silu(gate[c]);
    });
    return linear(y, weight("out_proj.weight"));
  });
}
