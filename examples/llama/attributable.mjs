// @ts-check
// What logitscope asks of a model, made of a forward pass that names what it stores.

import { columns, linearSplit } from "./linear.mjs";
import { forward } from "./llama.mjs";

/**
 * @typedef {import("logitscope").Attributable} Attributable
 * @typedef {import("./llama.mjs").Config} Config
 * @typedef {import("./llama.mjs").Weights} Weights
 */
/**
 * @template {Config} C
 * @typedef {{ config: C, weights: Weights }} Model
 */
/**
 * @template {Config} C
 * @typedef {(model: Model<C>, tokens: readonly number[], at: import("./llama.mjs").At) => unknown} Forward
 */

/** The arithmetic of math.mjs: sums in float64, and one rounding to float32 when a hook point stores them. */
const u = 2 ** -53;
/** @param {number} n */
const accumulation = (n) => ((n + 1) * u) / (1 - (n + 1) * u);
/** @type {import("logitscope").Accuracy} */
const accuracy = {
  normalization: 2 ** -24 + 2 ** -51,
  accumulation,
  mean: accumulation,
  dotError: (a, b, bias) =>
    accumulation(a.length) * a.reduce((sum, value, i) => sum + Math.abs(value * b[i]), Math.abs(bias)),
};

/**
 * A Llama, to be attributed.
 *
 * @param {Config} config
 * @param {Weights} weights
 * @returns {Attributable}
 */
export function llama(config, weights) {
  const layers = Array.from({ length: config.nLayers }, (_, layer) => layer);
  const writers = [embedding, ...layers.flatMap((layer) => llamaWriters(config, weights, layer))];
  return attributable("llama", { config, weights }, forward, writers, "attn+mlp");
}

/** @type {import("logitscope").ResidualWriter} */
export const embedding = { label: "embed", hook: "hook_embed", layer: null };

/**
 * What attention and the MLP of a block add to the residual stream, each linear in what it was made of.
 *
 * @param {Config} config
 * @param {Weights} weights
 * @param {number} layer
 * @returns {import("logitscope").ResidualWriter[]}
 */
export function llamaWriters({ nHeads, dHead, dMlp }, weights, layer) {
  const here = `blocks.${layer}`;
  const W_O = weights[`model.layers.${layer}.self_attn.o_proj.weight`];
  const W_down = weights[`model.layers.${layer}.mlp.down_proj.weight`];
  return [
    {
      label: `${layer}_attn_out`,
      hook: `${here}.hook_attn_out`,
      layer,
      part: "attn",
      heads: linearSplit(`${here}.attn.hook_z`, nHeads, dHead, W_O),
    },
    {
      label: `${layer}_mlp_out`,
      hook: `${here}.hook_mlp_out`,
      layer,
      part: "mlp",
      neurons: linearSplit(`${here}.mlp.hook_post`, dMlp, 1, W_down),
    },
  ];
}

/**
 * @template {Config} C
 * @param {string} name
 * @param {Model<C>} model
 * @param {Forward<C>} forward
 * @param {readonly import("logitscope").ResidualWriter[]} writers  in the order in which they are added
 * @param {string} layerType                                        of every block
 * @returns {Attributable}
 */
export function attributable(name, model, forward, writers, layerType) {
  const { config, weights } = model;
  const { nLayers, nHeads, dModel, dVocab, nCtx, eps } = config;
  /** @type {Attributable} */
  const self = {
    name,
    backend: "plain loops",
    accuracy,
    config: { nLayers, nHeads, dModel, dVocab, nCtx, bosTokenId: undefined },
    tokenizer: undefined, // prompts and answers are ids
    compatibilityMode: false,
    writers,
    finalNorm: {
      centred: false, // RMSNorm divides and no more
      gamma: weights["model.norm.weight"],
      beta: null,
      eps,
      inputHook: "ln_final.hook_in",
      scaleHook: "ln_final.hook_scale",
      outputHook: "unembed.hook_in",
    },
    unembedding: columns(weights["lm_head.weight"], dModel),
    layerTypes: () => Array(nLayers).fill(layerType),
    runWithCache(input, { names, pos }) {
      const runs = input.map((tokens) => capture(model, forward, tokens, names));
      return {
        cache: {
          model: self,
          tokens: input,
          positions: pos,
          has: (hook) => runs[0].has(hook),
          get: (hook) =>
            stack(runs.map((run) => pos.map((at) => /** @type {Float32Array[]} */ (run.get(hook))[at]))),
        },
      };
    },
  };
  return self;
}

/**
 * The activations of one prompt by hook.
 *
 * @template {Config} C
 * @param {Model<C>} model
 * @param {Forward<C>} forward
 * @param {readonly number[]} tokens
 * @param {(hook: string) => boolean} names
 */
export function capture(model, forward, tokens, names) {
  /** @type {Map<string, Float32Array[]>} */
  const kept = new Map();
  forward(model, tokens, (hook, rows) => {
    const stored = rows.map((row) => Float32Array.from(row));
    if (names(hook)) kept.set(hook, stored);
    return stored;
  });
  return kept;
}

/** Rows of one width, as a tensor [batch, pos, width]. @param {Float32Array[][]} runs */
function stack(runs) {
  const shape = [runs.length, runs[0].length, runs[0][0].length];
  return { shape, data: Float32Array.from(runs.flatMap((rows) => rows.flatMap((row) => [...row]))) };
}
