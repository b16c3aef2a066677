export {
  availableKernels,
  type BackendOptions,
  backendNames,
  MOST_THREADS,
  startKernels,
} from "./available.ts";
export { jsKernels } from "./js/index.ts";
export { exp, log } from "./js/math.ts";
export type { Accuracy, Activation, Kernels, MemoryPlan, PackedMatrix } from "./kernels.ts";
export {
  activate,
  add,
  affineRows,
  attend,
  attentionScores,
  empty,
  layerNormScale,
  linear,
  mixValues,
  normalizeRows,
  pack,
  reshape,
  softmaxRows,
} from "./ops.ts";
export { sizeOf, type Tensor, type Tensor64, tensor } from "./tensor.ts";
export {
  type Precision,
  type SpawnThread,
  type Thread,
  wasmKernels,
} from "./wasm/index.ts";
export { zeros } from "./zeros.ts";
