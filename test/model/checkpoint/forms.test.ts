/** Folders that transformers loads, in the forms that people's have: see test/fixtures/checkpoints/README.md. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { CheckpointError, ValueError } from "../../../src/errors.ts";
import { type Gpt2, modelFromFiles } from "../../../src/model/index.ts";
import { fromPretrained } from "../../../src/node/index.ts";
import { weightsOf } from "../../support/arbitraries.ts";
import { store, tinyConfig, tinyHead, tinyTensors, transposedLinears } from "../../support/gpt2Checkpoint.ts";
import { tolerances } from "../../support/noise.ts";
import { float32Tensor, writeSafetensors } from "../../support/writeSafetensors.ts";

interface Expected {
  readonly ids: readonly number[];
  /** Of the last position, in float64. */
  readonly logits: readonly number[];
  readonly texts?: readonly { readonly text: string; readonly ids: readonly number[] }[];
  readonly tokens?: Readonly<Record<string, string | null>>;
  readonly bos?: number;
}

const folder = fileURLToPath(new URL("../../fixtures/checkpoints/", import.meta.url));
const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);
const expectedOf = (name: string): Expected =>
  JSON.parse(readFileSync(`${folder}${name}/expected.json`, "utf8"));

async function load(name: string): Promise<{ model: Gpt2; warnings: string[] }> {
  const warnings: string[] = [];
  const model = await fromPretrained(folder + name, { onWarning: (text) => warnings.push(text) });
  return { model, warnings };
}

test("there are fixtures", () => {
  expect(names).toHaveLength(5);
});

describe.each(names)("%s", (name) => {
  const { ids, logits } = expectedOf(name);

  test("has transformers' logits, within the error of float32", async () => {
    const { model } = await load(name);
    const bound = tolerances(model.config, weightsOf(model), ids).get("unembed.hook_out")!;
    const got = model.run([ids]).data.slice(-logits.length);
    for (const [id, logit] of logits.entries()) expect(Math.abs(got[id] - logit)).toBeLessThanOrEqual(bound);
  });
});

test("a tokenizer of another kind refuses texts by its name, and no ids", async () => {
  const { model, warnings } = await load("foreign-unigram");
  const kind = 'tokenizer.json: model.type "Unigram"';
  expect(warnings).toEqual([
    `tokenizer: got a kind that is not read (${kind}), expected GPT-2's: the model takes ids, and no texts.`,
  ]);
  expect([model.tokenizer, model.unreadTokenizer]).toEqual([undefined, kind]);
  for (const here of [model, model.enableCompatibilityMode()]) {
    const message =
      `run: prompt: got a text, expected ids: the model's tokenizer is of a kind that is not read (${kind}). ` +
      "Give the ids that its own tokenizer makes of the text.";
    expect(() => here.run("The river")).toThrow(new ValueError(message));
  }
});

/** A model of tiny tensors. */
async function modelOf(
  tensors: readonly { name: string; shape: readonly number[]; values: readonly number[] }[],
  config: object = {},
  more: Record<string, Blob> = {},
): Promise<{ model: Gpt2; warnings: string[] }> {
  return modelFrom({
    "config.json": blob({ ...tinyConfig, ...config }),
    "model.safetensors": writeSafetensors(tensors.map(store)),
    ...more,
  });
}

async function modelFrom(files: Record<string, Blob | Uint8Array>) {
  const warnings: string[] = [];
  const model = await modelFromFiles(files, { onWarning: (text) => warnings.push(text) });
  return { model, warnings };
}

const blob = (value: unknown) => new Blob([JSON.stringify(value)]);
const logitsOf = ({ model }: { model: Gpt2 }) => [...model.run([[1, 2, 3]]).data];

describe("wrappers' prefixes", () => {
  test.each([
    ["_orig_mod.", "_orig_mod."],
    ["module.", "module."],
    ["model.", "model."],
    ["_orig_mod.transformer.", "_orig_mod."],
    ["module._orig_mod.transformer.", "module._orig_mod."],
    ["_orig_mod.module.model.transformer.", "_orig_mod.module.model."],
    ["model.model.transformer.", "model.model."],
    ["transformer._orig_mod.", ""],
  ])("%s", async (prefix, headPrefix) => {
    const tensors = tinyTensors().map((tensor) => ({ ...tensor, name: prefix + tensor.name }));
    const plain = logitsOf(await modelOf(tinyTensors()));
    expect(logitsOf(await modelOf(tensors))).toEqual(plain);
    const wte = tinyTensors().find(({ name }) => name === "wte.weight")!;
    const tied = { ...wte, name: `${headPrefix}lm_head.weight` };
    expect(logitsOf(await modelOf([...tensors, tied]))).toEqual(plain);
    expect(
      logitsOf(await modelOf([...tensors.filter(({ name }) => name !== `${prefix}wte.weight`), tied])),
    ).toEqual(plain);
    const untied = { tie_word_embeddings: false };
    const head = { ...tinyHead(), name: `${headPrefix}lm_head.weight` };
    expect(logitsOf(await modelOf([...tensors, head], untied))).toEqual(
      logitsOf(await modelOf([...tinyTensors(), tinyHead()], untied)),
    );
  });

  test("inside a block", async () => {
    const tensors = tinyTensors().map((tensor) => ({
      ...tensor,
      name: `transformer.${tensor.name.replace(/^(h\.\d+\.)/, "$1_orig_mod.")}`,
    }));
    expect(logitsOf(await modelOf(tensors))).toEqual(logitsOf(await modelOf(tinyTensors())));
  });
});

describe("another head beside the language model's", () => {
  test.each([
    "multiple_choice_head.summary.weight",
    "score.weight",
    "classifier.weight",
    "qa_outputs.bias",
    "v_head.summary.weight",
    "module.score.weight",
  ])("%s is left out, with a warning", async (name) => {
    const head = { name, shape: [1, 4], values: [1, 2, 3, 4] };
    const loaded = await modelOf([...tinyTensors(), head]);
    expect(logitsOf(loaded)).toEqual(logitsOf(await modelOf(tinyTensors())));
    expect(loaded.warnings).toEqual([
      `model.safetensors: got ${name} beside the language model: another head's, which is left out.`,
    ]);
  });

  test("a bias of the language model's own head is not", async () => {
    const bias = { name: "lm_head.bias", shape: [7], values: [1, 2, 3, 4, 5, 6, 7] };
    await expect(modelOf([...tinyTensors(), bias])).rejects.toThrow(
      "model.safetensors: got lm_head.bias, which GPT-2 has no place for.",
    );
  });
});

describe("no biases", () => {
  const zeroed = tinyTensors().map((tensor) =>
    tensor.name.endsWith(".bias") ? { ...tensor, values: tensor.values.map(() => 0) } : tensor,
  );
  const bare = tinyTensors().filter(({ name }) => !name.endsWith(".bias"));

  test.each([
    ["as Conv1D", (tensors: typeof bare) => tensors],
    ["as nanoGPT", transposedLinears],
  ])("are zeros where the config says so, %s", async (_, stored) => {
    const loaded = await modelOf(stored(bare), { bias: false });
    expect(logitsOf(loaded)).toEqual(logitsOf(await modelOf(zeroed)));
    expect(loaded.warnings).toEqual([]);
  });

  test("are zeros, with a warning, where the config says nothing", async () => {
    const loaded = await modelOf(bare);
    expect(logitsOf(loaded)).toEqual(logitsOf(await modelOf(zeroed)));
    expect(loaded.warnings).toEqual([
      'model.safetensors: got no biases at all: they are taken for zero. "bias": false in config.json would say so.',
    ]);
  });

  test("are missing where the config says that there are some, or some are there", async () => {
    await expect(modelOf(bare, { bias: true })).rejects.toThrow("got no ln_f.bias, h.0.ln_1.bias");
    const some = tinyTensors().filter(({ name }) => !name.endsWith("ln_1.bias"));
    await expect(modelOf(some)).rejects.toThrow(
      'model.safetensors: got no h.0.ln_1.bias, h.1.ln_1.bias. "bias": false in config.json would say that there are none.',
    );
    expect(logitsOf(await modelOf(tinyTensors(), { bias: false }))).toEqual(
      logitsOf(await modelOf(tinyTensors())),
    );
  });
});

describe("an index", () => {
  const masks = [
    float32Tensor("h.0.attn.bias", [1, 1, 5, 5], Array(25).fill(1)),
    float32Tensor("h.0.attn.masked_bias", [], [-1e4]),
  ];
  const wte = tinyTensors().find(({ name }) => name === "wte.weight")!;

  /** One shard and its index, which names these tensors. */
  const indexed = (
    tensors: Parameters<typeof writeSafetensors>[0],
    named: readonly string[],
    config: object = {},
  ) =>
    modelFrom({
      "config.json": blob({ ...tinyConfig, ...config }),
      "a.safetensors": writeSafetensors(tensors),
      "model.safetensors.index.json": blob({
        weight_map: Object.fromEntries(named.map((name) => [name, "a.safetensors"])),
      }),
    });
  const stored = tinyTensors().map(store);
  const all = stored.map(({ name }) => name);

  test("may name a tied head that no shard has", async () => {
    const plain = logitsOf(await modelOf(tinyTensors()));
    expect(logitsOf(await indexed(stored, [...all, "lm_head.weight"]))).toEqual(plain);
    const untied = indexed(stored, [...all, "lm_head.weight"], { tie_word_embeddings: false });
    await expect(untied).rejects.toThrow("a.safetensors: got no lm_head.weight, expected there by");
    const alone = stored.filter(({ name }) => name !== "wte.weight");
    const names = all.filter((name) => name !== "wte.weight");
    await expect(indexed(alone, [...names, "lm_head.weight"])).rejects.toThrow("got no lm_head.weight");
  });

  test("may leave out the tied half that a shard has", async () => {
    const plain = logitsOf(await modelOf(tinyTensors()));
    const head = store({ ...wte, name: "lm_head.weight" });
    expect(logitsOf(await indexed([...stored, head], all))).toEqual(plain);
    const untied = indexed([...stored, head], all, { tie_word_embeddings: false });
    await expect(untied).rejects.toThrow("model.safetensors.index.json: got no lm_head.weight");
  });

  test("may lack a mask buffer, or name one that is not there", async () => {
    const plain = logitsOf(await modelOf(tinyTensors()));
    expect(logitsOf(await indexed([...stored, ...masks], all))).toEqual(plain);
    expect(logitsOf(await indexed(stored, [...all, ...masks.map(({ name }) => name)]))).toEqual(plain);
  });

  test("must name a weight that a shard has", async () => {
    const again = { ...stored.find(({ name }) => name === "wpe.weight")!, name: "transformer.wpe.weight" };
    await expect(indexed([...stored, again], all)).rejects.toThrow(
      "a.safetensors: got transformer.wpe.weight, not expected there by model.safetensors.index.json.",
    );
  });
});

describe("says what a folder is that holds no float weights", () => {
  const merge =
    'Merge it into its model, in Python: AutoPeftModelForCausalLM.from_pretrained(folder).merge_and_unload().save_pretrained("merged"). Load that.';
  const float =
    "Load the model that it was made from; or make it float again, in Python: model.dequantize(), save_pretrained(folder).";

  test.each([
    [
      ["adapter_config.json", "adapter_model.safetensors"],
      `got adapter_config.json alone, which is an adapter (PEFT, LoRA), which changes another model's weights, expected safetensors. ${merge}`,
    ],
    [
      ["README.md", "gpt2.Q4_K_M.gguf"],
      `got gpt2.Q4_K_M.gguf alone, which is llama.cpp's format, mostly quantized, expected safetensors. Load the model that it was made from; or convert it, in Python: GPT2LMHeadModel.from_pretrained(folder, gguf_file="gpt2.Q4_K_M.gguf").save_pretrained(folder).`,
    ],
    [
      ["pytorch_model.bin"],
      "got pytorch_model.bin alone, which is PyTorch's pickles, expected safetensors. Convert it, in Python: GPT2LMHeadModel.from_pretrained(folder).save_pretrained(folder).",
    ],
    [
      ["ckpt.pt"],
      'got ckpt.pt alone, which is a pickle of PyTorch\'s, expected safetensors. Convert it, in Python: state = torch.load("ckpt.pt", map_location="cpu"); state = state.get("model", state); safetensors.torch.save_file({k: v.clone() for k, v in state.items()}, "model.safetensors").',
    ],
    [
      ["tf_model.h5"],
      "got tf_model.h5 alone, which is TensorFlow's or Flax's format, expected safetensors. Convert it, in Python, with transformers 4: GPT2LMHeadModel.from_pretrained(folder, from_tf=True).save_pretrained(folder).",
    ],
    [
      ["flax_model.msgpack"],
      "got flax_model.msgpack alone, which is TensorFlow's or Flax's format, expected safetensors. Convert it, in Python, with transformers 4: GPT2LMHeadModel.from_pretrained(folder, from_flax=True).save_pretrained(folder).",
    ],
    [
      ["model.onnx"],
      "got model.onnx alone, which is an exported graph, expected safetensors. Load the model that it was exported from.",
    ],
  ])("%j", async (given, message) => {
    const files = Object.fromEntries(given.map((name) => [name, new Blob([])]));
    const expected = new CheckpointError(`model.safetensors: ${message}`);
    await expect(modelFrom(files)).rejects.toThrow(expected);
    await expect(modelFrom({ ...files, "config.json": blob(tinyConfig) })).rejects.toThrow(expected);
  });

  test("an adapter beside a whole model is warned of", async () => {
    const adapter = { "adapter_config.json": blob({}), "adapter_model.safetensors": new Blob([]) };
    const { warnings } = await modelOf(tinyTensors(), {}, adapter);
    expect(warnings).toEqual([
      "adapter_config.json: an adapter (PEFT, LoRA) lies beside the model, and is not put on it: the weights are read as they are. " +
        "To have both in one, merge them in Python: merge_and_unload(), save_pretrained(folder).",
    ]);
  });

  test.each([
    [{ quant_method: "gptq", bits: 4 }, '"gptq"'],
    [{ load_in_8bit: true }, "nothing"],
  ])("a config with quantization_config %j", async (given, method) => {
    await expect(modelOf(tinyTensors(), { quantization_config: given })).rejects.toThrow(
      new CheckpointError(
        `config.json: got quantization_config (${method}), expected float weights: it is a quantized model. ${float}`,
      ),
    );
  });

  test.each([
    ["h.0.attn.c_attn.qweight", `They are a quantized model's. ${float}`],
    ["transformer.h.0.attn.c_attn.SCB", `They are a quantized model's. ${float}`],
    ["h.0.attn.c_attn.weight.quant_state.bitsandbytes__nf4", `They are a quantized model's. ${float}`],
    [
      "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight",
      "They are an adapter's (PEFT, LoRA), not merged. In Python: merge_and_unload(), save_pretrained(folder).",
    ],
  ])("a tensor %s", async (name, message) => {
    await expect(modelOf([...tinyTensors(), { name, shape: [1], values: [1] }])).rejects.toThrow(
      new CheckpointError(`model.safetensors: got ${name}, which GPT-2 has no place for. ${message}`),
    );
  });

  test.each(["I8", "U8", "F8_E4M3"])("a weight of dtype %s", async (dtype) => {
    const tensors = tinyTensors().map(store);
    const at = tensors.findIndex(({ name }) => name === "ln_f.weight");
    tensors[at] = { name: "ln_f.weight", dtype, shape: [4], bytes: new Uint8Array(4) };
    const files = { "config.json": blob(tinyConfig), "model.safetensors": writeSafetensors(tensors) };
    await expect(modelFrom(files)).rejects.toThrow(
      new CheckpointError(
        `model.safetensors: ln_f.weight: got dtype ${dtype}, expected F32, F16 or BF16. It is quantized. ${float}`,
      ),
    );
  });

  test.each([
    ["spiece.model", "SentencePiece"],
    ["vocab.txt", "WordPiece, or a vocabulary of words"],
  ])("a tokenizer's %s", async (name, kind) => {
    const { model, warnings } = await modelOf(tinyTensors(), {}, { [name]: new Blob([]) });
    expect(warnings).toHaveLength(1);
    expect(model.unreadTokenizer).toBe(`${name}: ${kind}`);
    expect(() => model.toTokens("a")).toThrow(`of a kind that is not read (${name}: ${kind})`);
  });
});
