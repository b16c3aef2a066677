import type { FinalNorm, LinearSplit } from "../../model/index.ts";
import { partWrite } from "../rows/parts.ts";
import { joined } from "../vectors.ts";
import {
  changeOfProducts,
  changeWithout,
  type Numbers,
  type Stream,
  type WriteProducts,
} from "./withoutWrite.ts";

/**
 * The change of the logit (difference) of each stream if each part of one writer were left out, [parts]: the writes are
 * made, one part at a time.
 *
 * @param activations of each stream, [parts · size]
 */
export function partChanges(
  norm: FinalNorm,
  split: LinearSplit,
  streams: readonly Stream[],
  activations: readonly Numbers[],
): Float64Array[] {
  const { parts, size } = split;
  const W = split.weights();
  return streams.map((stream, i) => {
    const scores = new Float64Array(parts);
    for (let part = 0; part < parts; part++)
      scores[part] = changeWithout(norm, stream, partWrite(activations[i], W, part * size, size));
    return scores;
  });
}

/**
 * The same of parts that are one number each, so that a write is a·W[part]: the norm is computed from products with that row
 * of W alone, and a write is made only where these cancel.
 *
 * @param activations of each stream, [parts]
 */
export function neuronChanges(
  norm: FinalNorm,
  split: LinearSplit,
  streams: readonly Stream[],
  activations: readonly Float32Array[],
): Float64Array[] {
  const { parts } = split;
  const W = split.weights();
  const products = neuronProducts(norm, split, W, streams, activations);
  return streams.map((stream, i) => {
    const scores = new Float64Array(parts);
    for (let part = 0; part < parts; part++)
      scores[part] =
        changeOfProducts(stream, products(i, part)) ??
        changeWithout(norm, stream, partWrite(activations[i], W, part, 1));
    return scores;
  });
}

/** The products of stream i with the write of a neuron. */
function neuronProducts(
  { centred }: FinalNorm,
  split: LinearSplit,
  W: Float32Array,
  streams: readonly Stream[],
  activations: readonly Float32Array[],
): (i: number, part: number) => WriteProducts {
  const { parts } = split;
  const dModel = W.length / parts;
  const { squares, means } = rowSizes(W, parts);
  const inTurn = joined(Float32Array, activations);
  const along = (directions: readonly Float64Array[]) =>
    split.read(inTurn, joined(Float64Array, directions)).scores;
  const ofU = along(streams.map(({ u }) => u));
  const ofX = along(streams.map(({ seen }) => seen));
  return (i, part) => {
    const at = i * parts + part;
    const power = inTurn[at] ** 2;
    const square = power * squares[part];
    const seenSquare = centred ? square - power * dModel * means[part] ** 2 : square;
    return { read: ofU[at], along: ofX[at], seenSquare, square };
  };
}

/** ‖W[part]‖² and the mean of each row. */
function rowSizes(W: Float32Array, parts: number): { squares: Float64Array; means: Float64Array } {
  const dModel = W.length / parts;
  const [squares, means] = [new Float64Array(parts), new Float64Array(parts)];
  for (let part = 0, at = 0; part < parts; part++) {
    let [sum, square] = [0, 0];
    for (let i = 0; i < dModel; i++, at++) {
      sum += W[at];
      square += W[at] * W[at];
    }
    squares[part] = square;
    means[part] = sum / dModel;
  }
  return { squares, means };
}
