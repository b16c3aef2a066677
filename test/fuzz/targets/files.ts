import { parseConfig } from "../../../src/index.ts";
import { readText } from "../../../src/model/files/json.ts";
import { estimateMemory } from "../../../src/model/memory.ts";
import { store, tinyConfig, tinyHead, tinyTensors, transposedLinears } from "../../support/gpt2Checkpoint.ts";
import { float32Tensor, writeSafetensors } from "../../support/writeSafetensors.ts";
import { bytesOf, type Target } from "../input.ts";
import { expect } from "../outcome.ts";
import { loadAndAsk } from "./ask.ts";

/** Of gentle sizes, so that activations stay finite. */
const tensors = [...tinyTensors(), tinyHead()].map((tensor) => ({
  ...tensor,
  values: tensor.values.map((value) => (value % 3) - 1),
}));
const body = tensors.slice(0, -1);

export const weights: readonly Uint8Array[] = [
  writeSafetensors(body.map(store)),
  writeSafetensors(tensors.map(store), { metadata: { format: "pt" } }),
  writeSafetensors(transposedLinears(body).map(store)),
  writeSafetensors([
    ...body.map((tensor) => ({ ...tensor, name: `transformer.${tensor.name}` })).map(store),
    float32Tensor("transformer.h.0.attn.bias", [1, 1, 2, 2], [1, 0, 1, 1]),
  ]),
];

export const configs: readonly Uint8Array[] = [
  tinyConfig,
  { ...tinyConfig, tie_word_embeddings: false, layer_norm_epsilon: 1e-5, bos_token_id: 50256 },
  { ...tinyConfig, n_inner: null, scale_attn_by_inverse_layer_idx: true, scale_attn_weights: true },
].map(bytesOf);

export const config: Target = {
  name: "config.json",
  kinds: ["json"],
  seeds: configs.map((bytes) => [bytes]),
  async run([bytes]) {
    const parsed = parseConfig(await readText(bytes, "config.json"));
    const { nLayers, nHeads, dModel, dHead, dMlp, nCtx, dVocab, eps, bosTokenId } = parsed;
    const sizes = [nLayers, nHeads, dModel, dHead, dMlp, nCtx, dVocab];
    expect(
      sizes.every((size) => Number.isSafeInteger(size) && size > 0),
      `sizes ${sizes}`,
    );
    expect(nHeads * dHead === dModel && eps > 0 && Number.isFinite(eps), "heads, eps");
    expect(bosTokenId === undefined || (bosTokenId >= 0 && bosTokenId < dVocab), `bos ${bosTokenId}`);
    const estimate = Object.values(estimateMemory(parsed));
    expect(
      estimate.every((bytes) => Number.isSafeInteger(bytes) && bytes > 0),
      `estimate ${estimate}`,
    );
  },
};

export const safetensors: Target = {
  name: "model.safetensors",
  kinds: ["safetensors"],
  seeds: weights.map((bytes) => [bytes]),
  run: ([bytes]) =>
    loadAndAsk(
      new Map([
        ["config.json", configs[0]],
        ["model.safetensors", bytes],
      ]),
    ),
};

const shards: readonly (readonly [string, Uint8Array])[] = [
  ["model-00001-of-00002.safetensors", writeSafetensors(body.slice(0, 9).map(store))],
  ["model-00002-of-00002.safetensors", writeSafetensors(body.slice(9).map(store))],
];

/** An index of these files: the first nine tensors are in the first. */
export function indexOf(first: string, rest: string = first): Uint8Array {
  const entries = body.map(({ name }, i) => [name, i < 9 ? first : rest]);
  return bytesOf({ metadata: { total_size: 1000 }, weight_map: Object.fromEntries(entries) });
}

/** Tells every name that is asked for. */
class WatchedFiles extends Map<string, Uint8Array> {
  override get(name: string): Uint8Array | undefined {
    expect(typeof name === "string" && !/[/\\\0]/.test(name), `a file ${JSON.stringify(name)} asked for`);
    return super.get(name);
  }
}

export const index: Target = {
  name: "index.json",
  kinds: ["json"],
  seeds: [[indexOf(shards[0][0], shards[1][0])]],
  run: ([bytes]) =>
    loadAndAsk(
      new WatchedFiles([["config.json", configs[0]], ["model.safetensors.index.json", bytes], ...shards]),
    ),
};
