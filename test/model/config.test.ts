import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../src/errors.ts";
import { parseConfig } from "../../src/model/config.ts";

const gpt2 = {
  activation_function: "gelu_new",
  architectures: ["GPT2LMHeadModel"],
  bos_token_id: 50256,
  eos_token_id: 50256,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  model_type: "gpt2",
  n_ctx: 1024,
  n_embd: 768,
  n_head: 12,
  n_layer: 12,
  n_positions: 1024,
  vocab_size: 50257,
};

describe("parseConfig reads", () => {
  test("gpt2's own config, as text and as a value", () => {
    const expected = {
      nLayers: 12,
      nHeads: 12,
      dModel: 768,
      dHead: 64,
      dMlp: 3072,
      nCtx: 1024,
      dVocab: 50257,
      eps: 1e-5,
      activation: "geluTanh",
      activationAssumed: false,
      scaleAttnWeights: true,
      scaleAttnByInverseLayerIdx: false,
      tieWordEmbeddings: true,
      bosTokenId: 50256,
    };
    expect(parseConfig(gpt2)).toEqual(expected);
    expect(parseConfig(JSON.stringify(gpt2))).toEqual(expected);
    expect(parseConfig(`\ufeff\n${JSON.stringify(gpt2, null, 2)}\n`)).toEqual(expected);
  });

  test("an old config without model_type, architectures and activation_function", () => {
    const { model_type, architectures, activation_function, ...old } = gpt2;
    expect(parseConfig(old)).toMatchObject({ activation: "geluTanh", activationAssumed: true });
  });

  test("null as absent", () => {
    const nulls = { ...gpt2, n_inner: null, activation_function: null, bos_token_id: null, model_type: null };
    expect(parseConfig(nulls)).toMatchObject({ dMlp: 3072, activation: "geluTanh", bosTokenId: undefined });
  });

  test("n_inner, beside a stray intermediate_size", () => {
    expect(parseConfig({ ...gpt2, n_inner: 37, intermediate_size: 41 }).dMlp).toBe(37);
    expect(parseConfig({ ...gpt2, intermediate_size: 41 }).dMlp).toBe(3072);
  });

  test("n_positions before n_ctx, and n_ctx when it is alone", () => {
    expect(parseConfig({ ...gpt2, n_positions: 512 }).nCtx).toBe(512);
    expect(parseConfig({ ...gpt2, n_positions: undefined }).nCtx).toBe(1024);
  });

  test("the switches", () => {
    const config = parseConfig({
      ...gpt2,
      scale_attn_weights: false,
      scale_attn_by_inverse_layer_idx: true,
      reorder_and_upcast_attn: true,
      tie_word_embeddings: false,
      add_cross_attention: false,
      is_decoder: true,
      layer_norm_epsilon: 1e-3,
    });
    expect(config).toMatchObject({
      scaleAttnWeights: false,
      scaleAttnByInverseLayerIdx: true,
      tieWordEmbeddings: false,
      eps: 1e-3,
    });
  });

  test.each([
    ["gelu_new", "geluTanh"],
    ["gelu_pytorch_tanh", "geluTanh"],
    ["gelu_fast", "geluTanh"],
    ["gelu", "geluErf"],
    ["relu", "relu"],
    ["silu", "silu"],
    ["swish", "silu"],
    ["tanh", "tanh"],
  ])("activation %s as %s", (name, activation) => {
    expect(parseConfig({ ...gpt2, activation_function: name }).activation).toBe(activation);
  });

  test("layer_norm_epsilon's default", () => {
    expect(parseConfig({ ...gpt2, layer_norm_epsilon: undefined }).eps).toBe(1e-5);
  });

  test("a bos_token_id outside the vocabulary as none", () => {
    expect(parseConfig({ ...gpt2, vocab_size: 1000 }).bosTokenId).toBeUndefined();
    expect(parseConfig({ ...gpt2, vocab_size: 50257 }).bosTokenId).toBe(50256);
    expect(parseConfig({ ...gpt2, bos_token_id: -1 }).bosTokenId).toBeUndefined();
  });

  test("one head of one dim", () => {
    expect(parseConfig({ ...gpt2, n_embd: 1, n_head: 1 })).toMatchObject({ dHead: 1, dMlp: 4 });
  });
});

describe("parseConfig refuses", () => {
  const check = " Check that it belongs to this model.";
  test.each<[string, object, string]>([
    [
      "another model",
      { model_type: "llama" },
      'got model_type "llama", expected "gpt2", the one kind that is read.',
    ],
    [
      "a model_type that is no string",
      { model_type: 2 },
      'got model_type 2, expected "gpt2", the one kind that is read.',
    ],
    [
      "cross-attention",
      { add_cross_attention: true },
      "got add_cross_attention true, expected a decoder alone: cross-attention is not covered.",
    ],
    [
      "heads that do not divide the model",
      { n_head: 7 },
      "got n_embd 768 and n_head 7, expected n_embd to be a multiple of n_head.",
    ],
    ["a missing size", { n_embd: undefined }, "got no n_embd, expected a positive integer."],
    [
      "neither n_positions nor n_ctx",
      { n_positions: null, n_ctx: null },
      "got no n_positions, expected a positive integer.",
    ],
    ["zero", { n_head: 0 }, "got n_head 0, expected an integer from 1 to 16777216."],
    ["a negative size", { vocab_size: -5 }, "got vocab_size -5, expected an integer from 1 to 16777216."],
    ["a fraction", { n_inner: 1.5 }, "got n_inner 1.5, expected an integer from 1 to 16777216."],
    ["a size in a string", { n_embd: "768" }, 'got n_embd "768", expected an integer from 1 to 16777216.'],
    [
      "a size in a list",
      { n_embd: [768] },
      "got n_embd a list of 1, expected an integer from 1 to 16777216.",
    ],
    [
      "an absurd number of layers",
      { n_layer: 1e9 },
      "got n_layer 1000000000, expected an integer from 1 to 4096.",
    ],
    [
      "an absurd size",
      { n_positions: 1e300 },
      "got n_positions 1e+300, expected an integer from 1 to 16777216.",
    ],
    [
      "sizes whose product is absurd",
      { n_embd: 2 ** 20, n_head: 1 },
      "got sizes that make a matrix of 4398046511104 elements, expected at most 2147483648.",
    ],
    [
      "epsilon zero",
      { layer_norm_epsilon: 0 },
      "got layer_norm_epsilon 0, expected a finite number above 0.",
    ],
    [
      "epsilon as text",
      { layer_norm_epsilon: "1e-5" },
      'got layer_norm_epsilon "1e-5", expected a finite number above 0.',
    ],
    [
      "epsilon infinite",
      { layer_norm_epsilon: Number.POSITIVE_INFINITY },
      "got layer_norm_epsilon Infinity, expected a finite number above 0.",
    ],
    [
      "an unknown activation",
      { activation_function: "quick_gelu" },
      'got activation_function "quick_gelu", expected one of gelu_new, gelu_pytorch_tanh, gelu_fast, gelu, relu, silu, swish, tanh.',
    ],
    [
      "an activation that every object has",
      { activation_function: "toString" },
      'got activation_function "toString", expected one of gelu_new, gelu_pytorch_tanh, gelu_fast, gelu, relu, silu, swish, tanh.',
    ],
    [
      "a switch that is no boolean",
      { tie_word_embeddings: "no" },
      'got tie_word_embeddings "no", expected true or false.',
    ],
    ["a token id that is none", { bos_token_id: "<s>" }, 'got bos_token_id "<s>", expected a token id.'],
  ])("%s", (_rule, changes, message) => {
    expect(() => parseConfig({ ...gpt2, ...changes })).toThrow(
      new CheckpointError(`config.json: ${message}${check}`),
    );
  });

  test("a value that is no object", () => {
    const message = `config.json: got a list of 1, expected a JSON object.${check}`;
    expect(() => parseConfig([gpt2])).toThrow(new CheckpointError(message));
    expect(() => parseConfig("[1]")).toThrow(
      new CheckpointError("config.json: got a list of 1, expected a JSON object."),
    );
    expect(() => parseConfig(undefined)).toThrow(CheckpointError);
  });

  test("an HTML page", () => {
    expect(() => parseConfig("<!doctype html><html></html>")).toThrow(
      new CheckpointError(
        "config.json: got an HTML page (its first byte is '<'). Check the address it came from.",
      ),
    );
  });

  test("an empty file", () => {
    expect(() => parseConfig(" \n")).toThrow(
      new CheckpointError("config.json: the file is empty. Download it again."),
    );
  });

  test("text cut off at any place", () => {
    const text = JSON.stringify(gpt2);
    for (let length = 1; length < text.length; length++) {
      expect(() => parseConfig(text.slice(0, length))).toThrow(
        /^config.json: not valid JSON: it ends too early, cut off \(/,
      );
    }
  });

  test("text that is not JSON", () => {
    expect(() => parseConfig("{n_embd: 768}")).toThrow(
      /^config.json: not valid JSON \(.*\)\. Download it again\.$/s,
    );
  });
});
