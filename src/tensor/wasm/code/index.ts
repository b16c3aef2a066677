import { assemble, f32x4, listing, type V128, type WasmFunction } from "../assembler/index.ts";
import { activationFunctions } from "./activations.ts";
import { attentionFunctions } from "./attention.ts";
import { addRows, findNonFinite, widenBfloat16, widenFloat16 } from "./convert.ts";
import { add } from "./elementwise.ts";
import { centre, foldNorm, rowSums, subtractFromRows } from "./fold.ts";
import { gemmFunctions } from "./gemm.ts";
import { affineRows, layerNormScale, normalizeRows } from "./norm.ts";
import type { MultiplyAdd } from "./panels.ts";
import { combineRows, projectParts } from "./project.ts";
import { softmaxRows } from "./softmax.ts";

/**
 * How products and sums of float32 are rounded. "reproducible": each on its own, so that every runtime and machine has the
 * same bits. "fast": once for both, where the machine has such an instruction: what it rounds is the machine's.
 */
export type Precision = "reproducible" | "fast";

const multiplyThenAdd: MultiplyAdd = (a: V128, b: V128, c: V128) => f32x4.add(f32x4.mul(a, b), c);

/** Every kernel; strides and sizes are arguments, so one module serves every model. */
function kernelFunctions(precision: Precision): readonly WasmFunction[] {
  const isFast = precision === "fast";
  const multiplyAdd = isFast ? f32x4.relaxed_madd : multiplyThenAdd;
  // 16 vector registers: sums of 4 rows with a product beside them, of 5 where multiplication and addition are one
  const { gemm, functions } = gemmFunctions(multiplyAdd, isFast ? 5 : 4);
  return [
    ...functions,
    ...attentionFunctions(gemm, multiplyAdd),
    softmaxRows(multiplyAdd),
    ...activationFunctions(multiplyAdd),
    layerNormScale(),
    normalizeRows(),
    affineRows(),
    add(),
    combineRows(),
    projectParts(),
    rowSums(),
    foldNorm(),
    centre(),
    subtractFromRows(),
    widenFloat16(),
    widenBfloat16(),
    findNonFinite(),
    addRows(),
  ];
}

/** The kernels' module for a memory that threads share, or not. */
export function kernelsModule(precision: Precision, shared: boolean): Uint8Array<ArrayBuffer> {
  return assemble(kernelFunctions(precision), shared);
}

/** The same in the text format, to be read. */
export function kernelsListing(precision: Precision): string {
  return listing(kernelFunctions(precision), false);
}
