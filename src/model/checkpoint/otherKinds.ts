import { CheckpointError } from "../../errors.ts";

const convert = "GPT2LMHeadModel.from_pretrained(folder";

/** The files of weights that are not read: what they are, and what makes safetensors of them. */
const otherFiles: readonly (readonly [pattern: RegExp, what: string, remedy: (name: string) => string])[] = [
  [
    /^adapter_(config\.json|model\.(safetensors|bin))$/,
    "an adapter (PEFT, LoRA), which changes another model's weights",
    () =>
      "Merge it into its model, in Python: " +
      'AutoPeftModelForCausalLM.from_pretrained(folder).merge_and_unload().save_pretrained("merged"). Load that.',
  ],
  [
    /\.gguf$/,
    "llama.cpp's format, mostly quantized",
    (name) =>
      `Load the model that it was made from; or convert it, in Python: ${convert}, gguf_file="${name}").save_pretrained(folder).`,
  ],
  [
    /^pytorch_model.*\.bin(\.index\.json)?$/,
    "PyTorch's pickles",
    () => `Convert it, in Python: ${convert}).save_pretrained(folder).`,
  ],
  [
    /\.(bin|pth?|ckpt)$/,
    "a pickle of PyTorch's",
    (name) =>
      `Convert it, in Python: state = torch.load("${name}", map_location="cpu"); state = state.get("model", state); ` +
      'safetensors.torch.save_file({k: v.clone() for k, v in state.items()}, "model.safetensors").',
  ],
  [
    /\.(h5|msgpack)$/,
    "TensorFlow's or Flax's format",
    (name) =>
      `Convert it, in Python, with transformers 4: ${convert}, from_${name.endsWith(".h5") ? "tf" : "flax"}=True).save_pretrained(folder).`,
  ],
  [/\.onnx$/, "an exported graph", () => "Load the model that it was exported from."],
];

/** Says what a folder without model.safetensors holds, and what to do; undefined where it holds nothing that is known. */
export function otherKind(names: readonly string[]): CheckpointError | undefined {
  if (names.some((name) => /^model\.safetensors(\.index\.json)?$/.test(name))) return undefined;
  for (const [pattern, what, remedy] of otherFiles) {
    const name = names.find((name) => pattern.test(name));
    if (name === undefined) continue;
    return new CheckpointError(
      `model.safetensors: got ${name} alone, which is ${what}, expected safetensors. ${remedy(name)}`,
    );
  }
  return undefined;
}

/** The names of the files that there are, as far as eight show them. */
export function shownFiles(names: readonly string[]): string {
  if (names.length === 0) return "no files";
  const more = names.length > 8 ? ` and ${names.length - 8} more` : "";
  return [...names].sort().slice(0, 8).join(", ") + more;
}

/** transformers would load the model that the adapter names, and put the adapter on it. */
export function warnOfAdapter(names: readonly string[], warn: (message: string) => void): void {
  if (!names.includes("adapter_config.json") || otherKind(names) !== undefined) return;
  warn(
    "adapter_config.json: an adapter (PEFT, LoRA) lies beside the model, and is not put on it: the weights are read as they are. " +
      "To have both in one, merge them in Python: merge_and_unload(), save_pretrained(folder).",
  );
}

const ofAdapters = /\.(lora_\w+|base_layer|modules_to_save)\./;
const ofQuantized =
  /\.(qweight|qzeros|scales|g_idx|SCB|weight_format|absmax|quant_map|nested_absmax|nested_quant_map|quant_state\..*|weight_scale(_inv)?|input_scale|weight_zero_point)$/;

/** Says what kind of model has tensors of these names, and what to do; undefined where they are not known. */
export function strangeTensors(names: readonly string[]): string | undefined {
  if (names.some((name) => ofAdapters.test(name))) {
    return " They are an adapter's (PEFT, LoRA), not merged. In Python: merge_and_unload(), save_pretrained(folder).";
  }
  if (names.some((name) => ofQuantized.test(name)))
    return ` They are a quantized model's. ${loadUnquantized}`;
  return undefined;
}

export const loadUnquantized =
  "Load the model that it was made from; or make it float again, in Python: model.dequantize(), save_pretrained(folder).";
