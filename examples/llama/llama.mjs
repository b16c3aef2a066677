// @ts-check
// A forward pass in Llama's layout, one prompt at a time: RMSNorm before each sublayer, rotary positions, grouped-query
// attention, SwiGLU, an unembedding of its own. An activation is a list of rows, one per position. Sums are in float64,
// as JavaScript's numbers are; `at` stores what is made at a hook point, and so decides what it is rounded to.

import { add, dot, linear, normalize, rms, rmsNorm, rotate, silu, softmax, split } from "./math.mjs";

/**
 * @typedef {ArrayLike<number>} Row
 * @typedef {(name: string, rows: Row[]) => Row[]} At  Stores rows under a hook's name; the model goes on with what it returns.
 * @typedef {Record<string, Float32Array>} Weights     By the names of Hugging Face's Llama, matrices [out, in].
 * @typedef {{
 *   nLayers: number, nHeads: number, nKvHeads: number, dHead: number, dModel: number, dMlp: number,
 *   dVocab: number, nCtx: number, ropeTheta: number, eps: number,
 * }} Config
 */

/**
 * Logits [pos, dVocab] of a prompt.
 *
 * @param {{ config: Config, weights: Weights }} model
 * @param {readonly number[]} tokens
 * @param {At} at
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
    const attnIn = rmsNorm(x, weight("input_layernorm"), eps);
    x = at(`${here}.hook_resid_mid`, add(x, attention(config, weight, here, attnIn, at)));
    const mlpIn = rmsNorm(x, weight("post_attention_layernorm"), eps);
    x = at(`${here}.hook_resid_post`, add(x, mlp(weight, here, mlpIn, at)));
  }
  return unembed({ config, weights }, x, at);
}

/**
 * A block's weights by what follows its number in their names.
 *
 * @param {Weights} weights
 * @param {number} layer
 * @returns {(name: string) => Float32Array}
 */
export function weightsOf(weights, layer) {
  return (name) => weights[`model.layers.${layer}.${name}.weight`];
}

/**
 * Causal attention with rotary positions: nHeads / nKvHeads heads share their keys and values.
 *
 * @param {Config} config
 * @param {(name: string) => Float32Array} weight
 * @param {string} here
 * @param {Row[]} x
 * @param {At} at
 */
export function attention({ nHeads, nKvHeads, dHead, ropeTheta }, weight, here, x, at) {
  const heads = (/** @type {Row} */ row, /** @type {string} */ name) =>
    split(linear(row, weight(name)), dHead);
  const rotated = (/** @type {string} */ name) =>
    x.map((row, pos) => heads(row, name).map((head) => rotate(head, pos, ropeTheta)));
  const q = rotated("self_attn.q_proj");
  const k = rotated("self_attn.k_proj");
  const v = x.map((row) => heads(row, "self_attn.v_proj"));
  const z = q.map((queries, pos) =>
    queries.flatMap((query, head) => {
      const shared = Math.floor(head / (nHeads / nKvHeads));
      const seen = k.slice(0, pos + 1);
      const pattern = softmax(seen.map((keys) => dot(query, keys[shared]) / Math.sqrt(dHead)));
      return Array.from({ length: dHead }, (_, i) =>
        pattern.reduce((sum, share, source) => sum + share * v[source][shared][i], 0),
      );
    }),
  );
  const stored = at(`${here}.attn.hook_z`, z);
  return at(
    `${here}.hook_attn_out`,
    stored.map((row) => linear(row, weight("self_attn.o_proj"))),
  );
}

/**
 * SwiGLU: a neuron's activation is silu(gate) · up.
 *
 * @param {(name: string) => Float32Array} weight
 * @param {string} here
 * @param {Row[]} x
 * @param {At} at
 */
export function mlp(weight, here, x, at) {
  const post = x.map((row) => {
    const gate = linear(row, weight("mlp.gate_proj"));
    const up = linear(row, weight("mlp.up_proj"));
    return gate.map((value, i) => silu(value) * up[i]);
  });
  const stored = at(`${here}.mlp.hook_post`, post);
  return at(
    `${here}.hook_mlp_out`,
    stored.map((row) => linear(row, weight("mlp.down_proj"))),
  );
}

/**
 * The final norm, whose input, scale and output are hook points since attribution reads them; and the logits.
 *
 * @param {{ config: Config, weights: Weights }} model
 * @param {Row[]} resid
 * @param {At} at
 */
export function unembed({ config, weights }, resid, at) {
  const gamma = weights["model.norm.weight"];
  const x = at("ln_final.hook_in", resid);
  const scale = at(
    "ln_final.hook_scale",
    x.map((row) => [rms(row, config.eps)]),
  );
  const output = x.map((row, pos) => normalize(row, scale[pos][0], gamma));
  return at(
    "unembed.hook_out",
    at("unembed.hook_in", output).map((row) => linear(row, weights["lm_head.weight"])),
  );
}
