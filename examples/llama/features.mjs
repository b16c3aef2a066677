// @ts-check
// Directions beside tokens: a probe, and a feature of a sparse autoencoder.

/**
 * The residual stream before a block (from the second on), as a model of its own: what the writers before it wrote, and
 * no norm to read it through. A direction is then read as it is, w·x, and its rows are what each writer adds to that.
 *
 * @param {import("logitscope").Attributable} model
 * @param {number} layer
 * @returns {import("logitscope").Attributable}
 */
export function residualBefore(model, layer) {
  const stream = `blocks.${layer - 1}.hook_resid_post`;
  const one = "1"; // the scale that divides x: no hook of the model, 1 everywhere
  /** @type {import("logitscope").Attributable} */
  const self = {
    ...model,
    config: { ...model.config, nLayers: layer },
    layerTypes: () => model.layerTypes().slice(0, layer),
    name: `${model.name} before block ${layer}`,
    writers: model.writers.filter((writer) => writer.layer === null || writer.layer < layer),
    finalNorm: {
      centred: false,
      gamma: null,
      beta: null,
      eps: Number.NaN, // there is no norm for leaveOneOut to compute anew: NaN rather than a wrong number
      inputHook: stream,
      scaleHook: one,
      outputHook: stream,
    },
    runWithCache(input, options) {
      const { cache } = model.runWithCache(input, options);
      const shape = [input.length, options.pos.length, 1];
      const ones = { shape, data: new Float32Array(input.length * options.pos.length).fill(1) };
      return {
        cache: {
          ...cache,
          model: self,
          has: (hook) => hook === one || cache.has(hook),
          get: (hook) => (hook === one ? ones : cache.get(hook)),
        },
      };
    },
  };
  return self;
}

/**
 * A sparse autoencoder reads its features off the residual stream: feature f is relu(W_enc[f]·(x − b_dec) + b_enc[f]).
 * Inside the relu this is the direction W_enc[f] read off x, and a bias that no writer wrote.
 *
 * @param {{ W_enc: Float32Array, b_enc: Float32Array, b_dec: Float32Array }} autoencoder  W_enc [features, dModel]
 * @param {number} f
 */
export function featureOf({ W_enc, b_enc, b_dec }, f) {
  const dModel = b_dec.length;
  const direction = Float64Array.from(W_enc.subarray(f * dModel, (f + 1) * dModel));
  const bias = b_enc[f] - direction.reduce((sum, value, i) => sum + value * b_dec[i], 0);
  return { direction, bias };
}
