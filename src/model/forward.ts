import {
  activate,
  add,
  affineRows,
  attend,
  attentionScores,
  type Kernels,
  layerNormScale,
  linear,
  mixValues,
  normalizeRows,
  type PackedMatrix,
  reshape,
  softmaxRows,
  type Tensor,
  tensor,
} from "../tensor/index.ts";
import type { Gpt2Config } from "./config.ts";
import { embed, embedPositions } from "./embedding.ts";
import type { Observer } from "./observer.ts";
import type { Affine, Gpt2Parameters } from "./parameters.ts";
import { headInputs, headResults, ownHeadColumns, sumHeads } from "./perHead.ts";
import { takePositions } from "./positions.ts";

/**
 * The residual stream of GPT-2 before block `stopAtLayer`, or after the last block. There it is computed only where it is
 * wanted: the last block's queries, attention output and MLP at those positions; keys and values at all.
 *
 * @param tokens one list of ids per prompt, all of one length
 * @param wanted the positions wanted after the last block
 * @returns [batch, pos, dModel]; after the last block [batch, wanted, dModel]
 * @see Radford et al., Language Models are Unsupervised Multitask Learners (2019)
 */
export function residualStream(
  model: Gpt2Parameters,
  tokens: readonly (readonly number[])[],
  stopAtLayer: number,
  wanted: readonly number[],
  observer: Observer,
): Tensor {
  const { kernels, embedding, blocks } = model;
  const tokenEmbed = observer.at("hook_embed", embed(kernels, embedding, tokens));
  const posEmbed = observer.at("hook_pos_embed", embedPositions(kernels, embedding, tokens));

  const every = tokens[0].map((_, pos) => pos);
  let resid = add(kernels, tokenEmbed, posEmbed);
  for (let layer = 0; layer < stopAtLayer; layer++) {
    resid = tensor(resid.shape, kernels.keepOnly(resid.data, blocks[layer].W_Q));
    resid = block(model, layer, resid, layer === blocks.length - 1 ? wanted : every, observer);
  }
  return resid;
}

/** The final LayerNorm: the residual stream in, what the unembedding reads out, both [batch, pos, dModel]. */
export function finalNorm(model: Gpt2Parameters, resid: Tensor, observer: Observer): Tensor {
  return observer.at("unembed.hook_in", layerNorm(model, "ln_final", model.lnFinal, resid, observer));
}

/** One transformer block: the residual stream [batch, pos, dModel] in, [batch, queryPos, dModel] out. */
function block(
  model: Gpt2Parameters,
  layer: number,
  resid: Tensor,
  queryPos: readonly number[],
  observer: Observer,
): Tensor {
  const { kernels } = model;
  const { ln2 } = model.blocks[layer];
  const here = `blocks.${layer}` as const;

  const residPre = observer.at(`${here}.hook_resid_pre`, resid);
  const attnOut = observer.at(`${here}.hook_attn_out`, attention(model, layer, residPre, queryPos, observer));
  const residMid = observer.at(
    `${here}.hook_resid_mid`,
    add(kernels, atPositions(kernels, residPre, queryPos), attnOut),
  );

  const readByMlp = observer.wants(`${here}.hook_mlp_in`)
    ? observer.at(`${here}.hook_mlp_in`, residMid)
    : residMid;
  const mlpIn = layerNorm(model, `${here}.ln2`, ln2, readByMlp, observer);
  const mlpOut = observer.at(`${here}.hook_mlp_out`, mlp(model, layer, mlpIn, observer));

  return observer.at(`${here}.hook_resid_post`, add(kernels, residMid, mlpOut));
}

/**
 * Multi-head causal self-attention with its LayerNorm: [batch, pos, dModel] to [batch, queryPos, dModel].
 *
 *   z_h = softmax(mask(q_h k_hᵀ · scale)) v_h        out = Σ_h z_h W_O[h] + b_O
 *
 * @see Vaswani et al., Attention Is All You Need, arXiv 1706.03762, §3.2
 */
function attention(
  model: Gpt2Parameters,
  layer: number,
  residPre: Tensor,
  queryPos: readonly number[],
  observer: Observer,
): Tensor {
  const { kernels } = model;
  const { ln1, W_Q, b_Q, W_K, b_K, W_V, b_V, W_O, b_O } = model.blocks[layer];
  const here = `blocks.${layer}` as const;

  const normalized = layerNorm(model, `${here}.ln1`, ln1, residPre, observer);
  const inputs = headInputs(model, layer, residPre, normalized, observer);
  const queried = atPositions(kernels, inputs.q, queryPos);
  const q = observer.at(`${here}.attn.hook_q`, heads(model, queried, W_Q, b_Q));
  const k = observer.at(`${here}.attn.hook_k`, heads(model, inputs.k, W_K, b_K));
  const v = observer.at(`${here}.attn.hook_v`, heads(model, inputs.v, W_V, b_V));
  const z = observer.at(`${here}.attn.hook_z`, mixed(model, layer, q, k, v, queryPos, observer));

  if (observer.wants(`${here}.attn.hook_result`)) {
    const result = headResults(kernels, z, W_O);
    const hooked = observer.at(`${here}.attn.hook_result`, result);
    if (hooked !== result) return sumHeads(hooked, b_O);
  }
  return linear(kernels, reshape(z, [...z.shape.slice(0, 2), W_O.inner]), W_O, b_O);
}

/** The values mixed by the attention pattern; scores and pattern are made only where, and at the queries at which, somebody looks. */
function mixed(
  model: Gpt2Parameters,
  layer: number,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  queryPos: readonly number[],
  observer: Observer,
): Tensor {
  const { kernels } = model;
  const scale = attentionScale(model.config, layer);
  const scoresHook = `blocks.${layer}.attn.hook_attn_scores` as const;
  const patternHook = `blocks.${layer}.attn.hook_pattern` as const;
  if (!observer.wants(scoresHook) && !observer.wants(patternHook)) {
    return attend(kernels, q, k, v, queryPos, scale);
  }
  const kept = observer.keptAt(patternHook);
  if (kept && kept.length < queryPos.length && !observer.wants(scoresHook)) {
    const asked = atPositions(
      kernels,
      q,
      kept.map((pos) => queryPos.indexOf(pos)),
    );
    const scores = attentionScores(kernels, asked, k, kept, scale);
    observer.at(patternHook, softmaxRows(kernels, scores));
    return attend(kernels, q, k, v, queryPos, scale);
  }
  const scores = observer.at(scoresHook, attentionScores(kernels, q, k, queryPos, scale));
  const pattern = observer.at(patternHook, softmaxRows(kernels, scores));
  return mixValues(kernels, pattern, v, queryPos);
}

/** Queries, keys or values: [batch, pos, dModel], or one input per head, to [batch, pos, head, dHead]. */
function heads(model: Gpt2Parameters, input: Tensor, W: PackedMatrix, b: Float32Array): Tensor {
  const { nHeads, dHead } = model.config;
  const [batch, pos] = input.shape;
  const projected = linear(model.kernels, input, W, b);
  if (input.shape.length === 3) return reshape(projected, [batch, pos, nHeads, dHead]);
  return ownHeadColumns(projected, nHeads, dHead);
}

/** The rows at some positions: [batch, pos, …] to [batch, positions, …]; `x` itself where they are all. */
function atPositions(kernels: Kernels, x: Tensor, positions: readonly number[]): Tensor {
  return takePositions(x, 1, positions, (length) => kernels.allocate(length));
}

/** The feed-forward layer, [batch, pos, dModel] to the same: out = activation(x W_in + b_in) W_out + b_out */
function mlp(model: Gpt2Parameters, layer: number, mlpIn: Tensor, observer: Observer): Tensor {
  const { kernels, config } = model;
  const { W_in, b_in, W_out, b_out } = model.blocks[layer];
  const pre = observer.at(`blocks.${layer}.mlp.hook_pre`, linear(kernels, mlpIn, W_in, b_in));
  const post = observer.at(`blocks.${layer}.mlp.hook_post`, activate(kernels, config.activation, pre));
  return linear(kernels, post, W_out, b_out);
}

/** LayerNorm over dModel: normalized ⊙ gamma + beta, the affine part left out where it is folded away. */
function layerNorm(
  model: Gpt2Parameters,
  here: "ln_final" | `blocks.${number}.${"ln1" | "ln2"}`,
  affine: Affine | null,
  x: Tensor,
  observer: Observer,
): Tensor {
  const { kernels } = model;
  const scale = observer.at(`${here}.hook_scale`, layerNormScale(kernels, x, model.config.eps));
  const normalized = observer.at(`${here}.hook_normalized`, normalizeRows(kernels, x, scale));
  return affine ? affineRows(kernels, normalized, affine.gamma, affine.beta) : normalized;
}

/** What the scores are multiplied by: 1/√dHead, and 1/(layer + 1) besides where the config asks. */
function attentionScale(config: Gpt2Config, layer: number): number {
  const perHead = config.scaleAttnWeights ? 1 / Math.sqrt(config.dHead) : 1;
  return config.scaleAttnByInverseLayerIdx ? perHead / (layer + 1) : perHead;
}
