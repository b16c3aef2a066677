// @ts-check
import { config as llamaConfig, llamaWeights, noise, random } from "../llama/weights.mjs";

/** @type {import("./hybrid.mjs").Config} */
export const config = { ...llamaConfig, dInner: 24, dState: 4, dConv: 4, dtRank: 3 };

/**
 * A Llama's weights, and Mamba's beside them under the names of Hugging Face's.
 *
 * @param {import("./hybrid.mjs").Config} config
 * @param {number} seed
 */
export function hybridWeights(config, seed) {
  const { nLayers, dModel, dInner, dState, dConv, dtRank } = config;
  const next = random(seed + 1000);
  const weights = llamaWeights(config, seed);
  for (let layer = 0; layer < nLayers; layer++) {
    const here = `model.layers.${layer}.mamba`;
    Object.assign(weights, {
      [`${here}.in_proj.weight`]: noise(next, 2 * dInner * dModel, 2 / Math.sqrt(dModel)),
      [`${here}.conv1d.weight`]: noise(next, dInner * dConv, 1),
      [`${here}.conv1d.bias`]: noise(next, dInner, 0.1),
      [`${here}.x_proj.weight`]: noise(next, (dtRank + 2 * dState) * dInner, 2 / Math.sqrt(dInner)),
      [`${here}.dt_proj.weight`]: noise(next, dInner * dtRank, 1),
      [`${here}.dt_proj.bias`]: noise(next, dInner, 1, -1),
      [`${here}.A_log`]: noise(next, dInner * dState, 0.7, 0.7),
      [`${here}.D`]: noise(next, dInner, 0.3, 1),
      [`${here}.out_proj.weight`]: noise(next, dModel * dInner, 2 / Math.sqrt(dInner)),
    });
  }
  return weights;
}
