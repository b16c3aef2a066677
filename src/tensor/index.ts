export { jsKernels } from "./js/index.ts";
export type { Accuracy, Activation, Kernels, PackedMatrix } from "./kernels.ts";
export {
  activate,
  add,
  affineRows,
  attentionScores,
  layerNormScale,
  linear,
  mixValues,
  normalizeRows,
  reshape,
  softmaxRows,
} from "./ops.ts";
export { sizeOf, type Tensor, type Tensor64, tensor } from "./tensor.ts";
