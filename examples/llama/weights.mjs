// @ts-check
// Weights in Llama's layout, untrained: the same for everybody, so that what the examples print can be compared.

/** @type {import("./llama.mjs").Config} */
export const config = {
  nLayers: 2,
  nHeads: 4,
  nKvHeads: 2,
  dHead: 6,
  dModel: 20,
  dMlp: 28,
  dVocab: 40,
  nCtx: 32,
  ropeTheta: 10_000,
  eps: 1e-5,
};

/**
 * @param {import("./llama.mjs").Config} config
 * @param {number} seed
 * @returns {Record<string, Float32Array>}
 */
export function llamaWeights({ nLayers, nHeads, nKvHeads, dHead, dModel, dMlp, dVocab }, seed) {
  const next = random(seed);
  /** @type {Record<string, Float32Array>} */
  const weights = {
    "model.embed_tokens.weight": noise(next, dVocab * dModel, 1),
    "model.norm.weight": noise(next, dModel, 0.3, 1),
    "lm_head.weight": noise(next, dVocab * dModel, 1),
  };
  for (let layer = 0; layer < nLayers; layer++) {
    const here = `model.layers.${layer}`;
    weights[`${here}.input_layernorm.weight`] = noise(next, dModel, 0.3, 1);
    weights[`${here}.post_attention_layernorm.weight`] = noise(next, dModel, 0.3, 1);
    const shapes = {
      "self_attn.q_proj": [nHeads * dHead, dModel],
      "self_attn.k_proj": [nKvHeads * dHead, dModel],
      "self_attn.v_proj": [nKvHeads * dHead, dModel],
      "self_attn.o_proj": [dModel, nHeads * dHead],
      "mlp.gate_proj": [dMlp, dModel],
      "mlp.up_proj": [dMlp, dModel],
      "mlp.down_proj": [dModel, dMlp],
    };
    for (const [name, [rows, cols]] of Object.entries(shapes))
      weights[`${here}.${name}.weight`] = noise(next, rows * cols, 2 / Math.sqrt(cols));
  }
  return weights;
}

/** Numbers within `spread` of `centre`. @param {() => number} next @param {number} length @param {number} spread */
export function noise(next, length, spread, centre = 0) {
  return Float32Array.from({ length }, () => centre + spread * (2 * next() - 1));
}

/** Uniform in [0, 1): Tommy Ettinger's mulberry32. @param {number} seed @returns {() => number} */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
