import { readFileSync } from "node:fs";
import { join } from "node:path";
import { onnxGraph } from "./onnxGraph.ts";
import type { Bytes } from "./protobuf.ts";
import { storedTensors } from "./safetensors.ts";

/** The file that holds the weights, and the name that the session knows it by. */
export const weightsFile = "model.safetensors";

/**
 * GPT-2 in ONNX's own operators: `ids` [1, pos] of int64 to `logits` [1, dVocab], those of the last position.
 *
 * The fastest of the graphs that were tried. Its rows are flat, [pos, dModel], so that Gemm adds the biases, and its last
 * block does only what the last position needs. On gpt2-small's shape, 64 and 256 tokens, these take longer:
 *
 *   the last block in full, as exporters write it                                  6–7%
 *   MatMul and Add for Gemm; MatMul, Mul, Add, Softmax and MatMul for Attention    0–2%
 *   Microsoft's Attention or MultiHeadAttention, SkipLayerNormalization, FastGelu  0–1%
 *   GELU as seven nodes                                                            1%
 *   one Gemm for queries, keys and values; the weights inside of the model         0–1%
 *
 * The matrices are 95% of the time, and all of these run the same matrix product.
 *
 * @param folder what bench/checkpoint.ts wrote, in float32
 */
export function gpt2Onnx(folder: string): Bytes {
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  const {
    n_layer: nLayers,
    n_head: nHeads,
    n_embd: dModel,
    layer_norm_epsilon: eps,
    vocab_size: dVocab,
  } = config;
  const stored = storedTensors(join(folder, weightsFile));
  const graph = onnxGraph();
  const { node, split, integers } = graph;

  const weight = (name: string) => {
    const { shape, offset, length } = stored.get(`transformer.${name}`)!;
    return graph.external(name, shape, weightsFile, offset, length);
  };
  const embedding = (ids: string) => {
    const pos = node("Shape", [ids]);
    const positions = node("Slice", [weight("wpe.weight"), integers(0), pos]);
    return node("Add", [node("Gather", [weight("wte.weight"), ids]), positions]);
  };
  const norm = (x: string, name: string) =>
    node("LayerNormalization", [x, weight(`${name}.weight`), weight(`${name}.bias`)], {
      epsilon: { float: eps },
    });
  const linear = (x: string, name: string) =>
    node("Gemm", [x, weight(`${name}.weight`), weight(`${name}.bias`)]);
  const lastRow = (x: string) => node("Gather", [x, integers(-1)]);

  /** Its rows: all positions, or the last one only. */
  const attention = (x: string, name: string, onlyLast: boolean) => {
    const [W_Q, W_KV] = split(weight(`${name}.c_attn.weight`), 1, [dModel, 2 * dModel]);
    const [b_Q, b_KV] = split(weight(`${name}.c_attn.bias`), 0, [dModel, 2 * dModel]);
    const batch = (rows: string) => node("Unsqueeze", [rows, integers(0)]);
    const queries = batch(node("Gemm", [onlyLast ? lastRow(x) : x, W_Q, b_Q]));
    const [keys, values] = split(batch(node("Gemm", [x, W_KV, b_KV])), 2, [dModel, dModel]);
    const heads = { q_num_heads: nHeads, kv_num_heads: nHeads, is_causal: onlyLast ? 0 : 1 };
    const z = node("Squeeze", [node("Attention", [queries, keys, values], heads), integers(0)]);
    return linear(z, `${name}.c_proj`);
  };
  const mlp = (x: string, name: string) =>
    linear(node("Gelu", [linear(x, `${name}.c_fc`)], { approximate: "tanh" }), `${name}.c_proj`);
  const block = (x: string, layer: number) => {
    const onlyLast = layer === nLayers - 1;
    const attnOut = attention(norm(x, `h.${layer}.ln_1`), `h.${layer}.attn`, onlyLast);
    const mid = node("Add", [onlyLast ? lastRow(x) : x, attnOut]);
    return node("Add", [mid, mlp(norm(mid, `h.${layer}.ln_2`), `h.${layer}.mlp`)]);
  };

  let x = embedding(node("Squeeze", ["ids", integers(0)]));
  for (let layer = 0; layer < nLayers; layer++) x = block(x, layer);
  node("Gemm", [norm(x, "ln_f"), weight("wte.weight")], { transB: 1 }, "logits");
  return graph.finish(
    { name: "ids", type: "int64", dims: [1, "pos"] },
    { name: "logits", type: "float32", dims: [1, dVocab] },
  );
}
