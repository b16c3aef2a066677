import type { Accuracy, Kernels } from "../kernels.ts";
import { geluErf, geluTanh, relu, silu, tanhRows } from "./activations.ts";
import { attentionScores } from "./attentionScores.ts";
import { add, gatherRows } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { mixValues } from "./mixValues.ts";
import { affineRows, layerNormScale, normalizeRows } from "./norm.ts";
import { pack, packColumns, unpack } from "./pack.ts";
import { project } from "./project.ts";
import { softmaxRows } from "./softmax.ts";

/**
 * Sums run in float64. Products of two float32 are exact there; n of them take n − 1 additions, and one more
 * operation for the bias or the scale: γₙ with the unit roundoff 2⁻⁵³.
 */
const accuracy: Accuracy = {
  normalization: 2 ** -24 + 2 ** -51,
  accumulation: (n) => (n * 2 ** -53) / (1 - n * 2 ** -53),
};

/** The reference backend: plain TypeScript, the same bits in every JavaScript engine. */
export const jsKernels: Kernels = {
  name: "js",
  accuracy,
  pack,
  packColumns,
  unpack,
  matmul,
  project,
  layerNormScale,
  normalizeRows,
  affineRows,
  attentionScores,
  softmaxRows,
  mixValues,
  add,
  gatherRows,
  activations: { geluTanh, geluErf, relu, silu, tanh: tanhRows },
};
