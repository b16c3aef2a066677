import { createTokenizer, type Gpt2, type Gpt2Config, modelFromWeights } from "../../src/model/index.ts";
import { randomWeights } from "../support/arbitraries.ts";

const words = ["When", " Mary", " and", " John", " went", " to", " the", " store", " gave", " a", " drink"];

/** Byte-level BPE in which each word is one token, made by merging it from the left. */
function wordTokenizer() {
  const spelled = words.map((word) => word.replace(" ", "Ġ"));
  const prefixes = spelled.flatMap((word) => Array.from(word, (_, i) => word.slice(0, i + 1)));
  const tokens = [...new Set([...spelled.join("").concat(",!"), ...prefixes, "<|endoftext|>"])];
  const merges = [...new Set(prefixes.filter((prefix) => prefix.length > 1))];
  return createTokenizer({
    vocab: JSON.stringify(Object.fromEntries(tokens.map((token, id) => [token, id]))),
    merges: merges.map((token) => `${token.slice(0, -1)} ${token.slice(-1)}`).join("\n"),
  });
}

/** A small GPT-2 as trained, its weights drawn from a seed, that reads texts of a few words. */
export function wordModel(seed = 1): Gpt2 {
  const tokenizer = wordTokenizer();
  const config: Gpt2Config = {
    nLayers: 2,
    nHeads: 2,
    dModel: 10,
    dHead: 5,
    dMlp: 7,
    nCtx: 16,
    dVocab: tokenizer.vocabSize,
    eps: 1e-5,
    activation: "geluTanh",
    scaleAttnWeights: true,
    scaleAttnByInverseLayerIdx: false,
    tieWordEmbeddings: true,
    bosTokenId: tokenizer.bosToken,
  };
  return modelFromWeights(config, randomWeights(config, seed), { tokenizer, name: "words" });
}
