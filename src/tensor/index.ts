export type { Accuracy, Activation, Kernels, PackedMatrix } from "./kernels.ts";
export { sizeOf, type Tensor, tensor } from "./tensor.ts";
