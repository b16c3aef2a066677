import { type Gpt2, type Gpt2Config, type ModelOptions, modelFromWeights } from "../src/index.ts";
import { numbers } from "./harness.ts";

/** gpt2-small's shape. */
export const gpt2Small: Gpt2Config = {
  nLayers: 12,
  nHeads: 12,
  dModel: 768,
  dHead: 64,
  dMlp: 3072,
  nCtx: 1024,
  dVocab: 50257,
  eps: 1e-5,
  activation: "geluTanh",
  scaleAttnWeights: true,
  scaleAttnByInverseLayerIdx: false,
  tieWordEmbeddings: true,
  bosTokenId: 50256,
};

/** A model of that shape with random weights of GPT-2's initial spread, folded: speed does not depend on the values. */
export function randomGpt2Small(options: ModelOptions = {}): Gpt2 {
  const { nLayers, dModel, dMlp, nCtx, dVocab } = gpt2Small;
  const spread = 0.02 * Math.sqrt(3);
  const matrix = (rows: number, cols: number) => numbers(rows * cols, spread);
  const ones = () => new Float32Array(dModel).fill(1);
  const blocks = Array.from({ length: nLayers }, () => ({
    ln1_w: ones(),
    ln1_b: numbers(dModel, 0.1),
    W_Q: matrix(dModel, dModel),
    W_K: matrix(dModel, dModel),
    W_V: matrix(dModel, dModel),
    b_Q: numbers(dModel, spread),
    b_K: numbers(dModel, spread),
    b_V: numbers(dModel, spread),
    W_O: matrix(dModel, dModel),
    b_O: numbers(dModel, spread),
    ln2_w: ones(),
    ln2_b: numbers(dModel, 0.1),
    W_in: matrix(dModel, dMlp),
    b_in: numbers(dMlp, spread),
    W_out: matrix(dMlp, dModel),
    b_out: numbers(dModel, spread),
  }));
  const outer = {
    W_E: matrix(dVocab, dModel),
    W_pos: matrix(nCtx, dModel),
    lnFinal_w: ones(),
    lnFinal_b: numbers(dModel, 0.1),
    W_U: null,
  };
  return modelFromWeights(
    gpt2Small,
    { blocks, ...outer },
    { name: "gpt2-small shape", compatibilityMode: true, ...options },
  );
}
