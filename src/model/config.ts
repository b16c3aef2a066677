import { CheckpointError, describe, expectObject, ValueError } from "../errors.ts";
import type { Activation } from "../tensor/index.ts";
import { loadUnquantized } from "./checkpoint/otherKinds.ts";
import { isJsonObject, type JsonObject, parseJsonObject } from "./files/json.ts";

/** A GPT-2's dims and switches. */
export interface Gpt2Config {
  /** How many blocks. */
  readonly nLayers: number;
  /** How many attention heads a block has. */
  readonly nHeads: number;
  /** The residual stream's width, nHeads · dHead. */
  readonly dModel: number;
  /** A head's width. */
  readonly dHead: number;
  /** The MLPs' inner width. */
  readonly dMlp: number;
  /** The longest prompt, in tokens. */
  readonly nCtx: number;
  /** How many tokens there are logits for. */
  readonly dVocab: number;
  /** LayerNorm's, inside the root. */
  readonly eps: number;
  /** The MLPs' nonlinearity. */
  readonly activation: Activation;
  /** True where the file names no activation, so that Hugging Face's default stands in. */
  readonly activationAssumed?: boolean;
  /** Attention scores are divided by √dHead. */
  readonly scaleAttnWeights: boolean;
  /** Attention scores are divided by layer + 1 as well. */
  readonly scaleAttnByInverseLayerIdx: boolean;
  /** Whether W_U is W_E transposed. */
  readonly tieWordEmbeddings: boolean;
  /** nanoGPT's `bias`: false where linear layers and norms have none, which is zeros. Undefined where the file does not say. */
  readonly bias?: boolean | undefined;
  /** Undefined where the file names none, or one outside the vocabulary. */
  readonly bosTokenId: number | undefined;
}

/** Hugging Face's names of the activations. All of `gelu_new`, `gelu_pytorch_tanh` and `gelu_fast` are the tanh form. */
const activations: Readonly<Record<string, Activation>> = {
  gelu_new: "geluTanh",
  gelu_pytorch_tanh: "geluTanh",
  gelu_fast: "geluTanh",
  gelu: "geluErf",
  relu: "relu",
  silu: "silu",
  swish: "silu",
  tanh: "tanh",
};

/** Far beyond any GPT-2, and small enough that no size computed from a config leaves the integers. */
const largestSize = 2 ** 24;
/** The same for any model. */
export const MOST_LAYERS = 4096;
const largestMatrix = 2 ** 31;

/**
 * Reads Hugging Face's config.json, as its text or as the value it parses to. Keys that do not change what
 * a GPT-2 computes (dropout, `is_decoder`, `reorder_and_upcast_attn`, `intermediate_size`, …) are ignored.
 *
 * @throws CheckpointError when it is malformed, or describes another model than a GPT-2
 * @see https://huggingface.co/docs/transformers/model_doc/gpt2#transformers.GPT2Config
 */
export function parseConfig(json: string | unknown): Gpt2Config {
  const config = typeof json === "string" ? parseJsonObject(json, "config.json") : json;
  if (!isJsonObject(config)) throw refusal(`got ${describe(config)}`, "a JSON object");
  expectGpt2(config);

  const nLayers = size(config, "n_layer", MOST_LAYERS);
  const nHeads = size(config, "n_head");
  const dModel = size(config, "n_embd");
  if (dModel % nHeads !== 0) {
    throw refusal(`got n_embd ${dModel} and n_head ${nHeads}`, "n_embd to be a multiple of n_head");
  }
  const dMlp = isAbsent(config, "n_inner") ? 4 * dModel : size(config, "n_inner");
  const nCtx = size(
    config,
    isAbsent(config, "n_positions") && !isAbsent(config, "n_ctx") ? "n_ctx" : "n_positions",
  );
  const dVocab = size(config, "vocab_size");
  const elements = dModel * Math.max(3 * dModel, dMlp, nCtx, dVocab);
  if (elements > largestMatrix) {
    throw refusal(`got sizes that make a matrix of ${elements} elements`, `at most ${largestMatrix}`);
  }
  return {
    nLayers,
    nHeads,
    dModel,
    dHead: dModel / nHeads,
    dMlp,
    nCtx,
    dVocab,
    eps: epsilon(config),
    activation: activation(config),
    activationAssumed: isAbsent(config, "activation_function"),
    scaleAttnWeights: flag(config, "scale_attn_weights", true),
    scaleAttnByInverseLayerIdx: flag(config, "scale_attn_by_inverse_layer_idx", false),
    tieWordEmbeddings: flag(config, "tie_word_embeddings", true),
    bias: isAbsent(config, "bias") ? undefined : flag(config, "bias", true),
    bosTokenId: tokenId(config, "bos_token_id", dVocab),
  };
}

const sizes = ["nLayers", "nHeads", "dModel", "dHead", "dMlp", "nCtx", "dVocab"] as const;
const switches = ["scaleAttnWeights", "scaleAttnByInverseLayerIdx", "tieWordEmbeddings"] as const;

/** @throws ValueError unless it is a config as `parseConfig` gives one: it may be put together by hand */
export function expectConfig(where: string, config: Gpt2Config): void {
  expectObject(`${where}: config`, config, "a model's config", "Give what parseConfig returns.");
  const { eps, activation, bosTokenId, nLayers } = config;
  const isSize = (name: keyof Gpt2Config) =>
    Number.isInteger(config[name]) && (config[name] as number) > 0 && (config[name] as number) <= largestSize;
  const wrong: keyof Gpt2Config | undefined =
    sizes.find((name) => !isSize(name)) ??
    (nLayers > MOST_LAYERS ? "nLayers" : undefined) ??
    (Number.isFinite(eps) && eps >= 0 ? undefined : "eps") ??
    (Object.values(activations).includes(activation) ? undefined : "activation") ??
    switches.find((name) => typeof config[name] !== "boolean") ??
    (bosTokenId === undefined || Number.isInteger(bosTokenId) ? undefined : "bosTokenId");
  if (wrong === undefined) return;
  throw new ValueError(
    `${where}: config: got ${wrong} ${describe(config[wrong])}, expected what a GPT-2 has. Give what parseConfig returns.`,
  );
}

function expectGpt2(config: JsonObject): void {
  if (!isAbsent(config, "model_type") && config.model_type !== "gpt2") {
    throw refusal(`got model_type ${describe(config.model_type)}`, '"gpt2", the one kind that is read');
  }
  if (flag(config, "add_cross_attention", false)) {
    throw refusal("got add_cross_attention true", "a decoder alone: cross-attention is not covered");
  }
  if (!isAbsent(config, "quantization_config")) throw quantized(config.quantization_config);
}

function quantized(given: unknown): CheckpointError {
  const method = isJsonObject(given) ? given.quant_method : given;
  return new CheckpointError(
    `config.json: got quantization_config (${describe(method)}), expected float weights: it is a quantized model. ` +
      loadUnquantized,
  );
}

function isAbsent(config: JsonObject, key: string): boolean {
  const value = Object.hasOwn(config, key) ? config[key] : undefined;
  return value === undefined || value === null;
}

function size(config: JsonObject, key: string, largest = largestSize): number {
  if (isAbsent(config, key)) throw refusal(`got no ${key}`, "a positive integer");
  const value = config[key];
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > largest) {
    throw refusal(`got ${key} ${describe(value)}`, `an integer from 1 to ${largest}`);
  }
  return value as number;
}

function epsilon(config: JsonObject): number {
  if (isAbsent(config, "layer_norm_epsilon")) return 1e-5;
  const value = config.layer_norm_epsilon;
  if (!Number.isFinite(value) || (value as number) <= 0) {
    throw refusal(`got layer_norm_epsilon ${describe(value)}`, "a finite number above 0");
  }
  return value as number;
}

function activation(config: JsonObject): Activation {
  if (isAbsent(config, "activation_function")) return "geluTanh";
  const name = config.activation_function;
  if (typeof name === "string" && Object.hasOwn(activations, name)) return activations[name];
  throw refusal(`got activation_function ${describe(name)}`, `one of ${Object.keys(activations).join(", ")}`);
}

function flag(config: JsonObject, key: string, otherwise: boolean): boolean {
  if (isAbsent(config, key)) return otherwise;
  const value = config[key];
  if (typeof value !== "boolean") throw refusal(`got ${key} ${describe(value)}`, "true or false");
  return value;
}

/** Tiny test models keep GPT-2's id 50256 beside a vocabulary of 1000: that is no token of theirs. */
function tokenId(config: JsonObject, key: string, dVocab: number): number | undefined {
  if (isAbsent(config, key)) return undefined;
  const value = config[key];
  if (!Number.isInteger(value)) throw refusal(`got ${key} ${describe(value)}`, "a token id");
  return (value as number) >= 0 && (value as number) < dVocab ? (value as number) : undefined;
}

function refusal(got: string, expected: string): CheckpointError {
  return new CheckpointError(
    `config.json: ${got}, expected ${expected}. Check that it belongs to this model.`,
  );
}
