// @ts-check
// A matrix as attribution reads it: what a write divides into, and the columns of an unembedding.

import { dot } from "./math.mjs";

/**
 * write = W · activation, divided into parts of the activation, each of `size` numbers.
 *
 * @param {string} hook     of the activation
 * @param {number} parts
 * @param {number} size
 * @param {Float32Array} W  [dModel, parts · size]
 * @returns {import("logitscope").LinearSplit}
 */
export function linearSplit(hook, parts, size, W) {
  const inner = parts * size;
  const dModel = W.length / inner;
  return {
    hook,
    parts,
    size,
    bias: new Float32Array(dModel), // Llama's have none
    weights: () => Float32Array.from(W, (_, at) => W[(at % dModel) * inner + Math.floor(at / dModel)]),
    read(activations, directions) {
      const rows = activations.length / inner;
      const scores = new Float64Array(rows * parts);
      const writes = new Float64Array(rows * dModel);
      const magnitudes = new Float64Array(rows * dModel);
      for (let row = 0; row < rows; row++) {
        for (let d = 0; d < dModel; d++) {
          for (let i = 0; i < inner; i++) {
            const product = W[d * inner + i] * activations[row * inner + i];
            scores[row * parts + Math.floor(i / size)] += product * directions[row * dModel + d];
            writes[row * dModel + d] += product;
            magnitudes[row * dModel + d] += Math.abs(product);
          }
        }
      }
      return { scores, writes, magnitudes: Float32Array.from(magnitudes) };
    },
  };
}

/**
 * The unembedding by columns: W_U[:, token] is a row of Llama's lm_head.
 *
 * @param {Float32Array} lmHead  [dVocab, dModel]
 * @param {number} dModel
 * @returns {import("logitscope").Unembedding}
 */
export function columns(lmHead, dModel) {
  const column = (/** @type {number} */ token) => lmHead.subarray(token * dModel, (token + 1) * dModel);
  const every = Array.from({ length: lmHead.length / dModel }, (_, token) => token);
  return {
    hook: "unembed.hook_out",
    token: (token) => ({ column: column(token), bias: 0 }),
    difference: (answer, wrong) => ({
      column: column(answer).map((value, i) => value - column(wrong)[i]),
      bias: 0,
    }),
    read: (x, { column, bias }) => Math.fround(dot(x, column) + bias),
    logits: (x, tokens = every) =>
      Float32Array.from({ length: (x.length / dModel) * tokens.length }, (_, at) => {
        const row = Math.floor(at / tokens.length) * dModel;
        return dot(x.subarray(row, row + dModel), column(tokens[at % tokens.length]));
      }),
  };
}
