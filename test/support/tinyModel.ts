import {
  createTokenizer,
  type Gpt2,
  type Gpt2Config,
  modelFromWeights,
  type Tokenizer,
} from "../../src/model/index.ts";
import { randomWeights } from "./arbitraries.ts";

/** Two layers, three heads of four dims: one model for examples. */
export const tinyConfig: Gpt2Config = {
  nLayers: 2,
  nHeads: 3,
  dModel: 12,
  dHead: 4,
  dMlp: 7,
  nCtx: 10,
  dVocab: 17,
  eps: 1e-5,
  activation: "geluTanh",
  scaleAttnWeights: true,
  scaleAttnByInverseLayerIdx: false,
  tieWordEmbeddings: true,
  bosTokenId: undefined,
};

/** `tinyConfig` with weights from a seed, as trained. */
export function tinyModel(
  options: { config?: Partial<Gpt2Config>; seed?: number; tokenizer?: Tokenizer } = {},
): Gpt2 {
  const { seed = 1, tokenizer } = options;
  const config = { ...tinyConfig, ...options.config };
  return modelFromWeights(config, randomWeights(config, seed), tokenizer ? { tokenizer } : {});
}

/**
 * Twelve tokens: the letters of "hat", a space (`Ġ`), " h", " ha", " hat", "at", an exclamation mark, the first two
 * bytes of "€", and `<|endoftext|>`, id 11.
 */
export function tinyTokenizer(options: { bos?: boolean } = {}): Tokenizer {
  const tokens = ["h", "a", "t", "Ġ", "Ġh", "Ġha", "Ġhat", "at", "!", "â", "Ĥ"];
  if (options.bos !== false) tokens.push("<|endoftext|>");
  return createTokenizer({
    vocab: JSON.stringify(Object.fromEntries(tokens.map((token, id) => [token, id]))),
    merges: "#version: 0.2\nĠ h\nĠh a\nĠha t\na t\n",
  });
}
