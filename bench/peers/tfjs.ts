import { peerPackage } from "./package.ts";

interface Tensor {
  dataSync(): Float32Array;
}
interface TensorFlow {
  enableProdMode(): void;
  matMul(a: Tensor, b: Tensor): Tensor;
  tensor2d(values: Float32Array, shape: [number, number]): Tensor;
  tidy<Result>(compute: () => Result): Result;
  version_core: string;
}

/**
 * x·W [rows, cols] by TensorFlow.js's pure JavaScript backend.
 *
 * @param x [rows, inner]
 * @param W [inner, cols]
 */
export function tfjsMatmul(
  x: Float32Array,
  W: Float32Array,
  rows: number,
  inner: number,
  cols: number,
): Float32Array {
  const tf = tensorflow();
  return tf.tidy(() => tf.matMul(tf.tensor2d(x, [rows, inner]), tf.tensor2d(W, [inner, cols])).dataSync());
}

export function tfjsVersion(): string {
  return tensorflow().version_core;
}

function tensorflow(): TensorFlow {
  const tf = peerPackage<TensorFlow>("@tensorflow/tfjs-core");
  tf.enableProdMode(); // no search for NaN, and no advice
  peerPackage("@tensorflow/tfjs-backend-cpu"); // registers itself
  return tf;
}
