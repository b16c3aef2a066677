// @ts-check
import { attributable, embedding, llamaWriters } from "../llama/attributable.mjs";
import { forward } from "./hybrid.mjs";

/**
 * The hybrid, to be attributed: its blocks say that they have a part "mamba", and a writer which says that it is that
 * part's.
 *
 * @param {import("./hybrid.mjs").Config} config
 * @param {import("../llama/llama.mjs").Weights} weights
 * @param {{ declareMamba?: boolean }} options  false: as whoever knows attention and MLPs alone would declare it
 */
export function hybrid(config, weights, { declareMamba = true } = {}) {
  const writers = Array.from({ length: config.nLayers }, (_, layer) => {
    const [attn, mlp] = llamaWriters(config, weights, layer);
    /** @type {import("logitscope").ResidualWriter} */
    const mamba = {
      label: `${layer}_mamba_out`,
      hook: `blocks.${layer}.hook_mamba_out`,
      layer,
      part: "mamba",
    };
    return declareMamba ? [attn, mamba, mlp] : [attn, mlp];
  });
  return attributable(
    "hybrid",
    { config, weights },
    forward,
    [embedding, ...writers.flat()],
    "attn+mamba+mlp",
  );
}
