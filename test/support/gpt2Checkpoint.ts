import { float32Tensor, type StoredTensor } from "./writeSafetensors.ts";

/** The dims of a checkpoint made for a test, in Hugging Face's words. */
export const tinyConfig = {
  model_type: "gpt2",
  n_layer: 2,
  n_head: 2,
  n_embd: 4,
  n_inner: 6,
  n_positions: 5,
  vocab_size: 7,
  activation_function: "gelu_new",
};
export type TinyConfig = typeof tinyConfig;

/** Every number has a place of its own: tensor number, then element number. Exact in bfloat16 it is not. */
function numbered(tensor: number, elements: number): number[] {
  return Array.from({ length: elements }, (_, i) => tensor + i / 4096);
}

/** The shapes that Hugging Face's GPT2Model declares, written out here once more. */
export function shapes(config: TinyConfig): Record<string, number[]> {
  const { n_embd: D, n_inner: M, n_positions: P, vocab_size: V } = config;
  const all: Record<string, number[]> = { "wte.weight": [V, D], "wpe.weight": [P, D] };
  for (let i = 0; i < config.n_layer; i++) {
    all[`h.${i}.ln_1.weight`] = [D];
    all[`h.${i}.ln_1.bias`] = [D];
    all[`h.${i}.attn.c_attn.weight`] = [D, 3 * D];
    all[`h.${i}.attn.c_attn.bias`] = [3 * D];
    all[`h.${i}.attn.c_proj.weight`] = [D, D];
    all[`h.${i}.attn.c_proj.bias`] = [D];
    all[`h.${i}.ln_2.weight`] = [D];
    all[`h.${i}.ln_2.bias`] = [D];
    all[`h.${i}.mlp.c_fc.weight`] = [D, M];
    all[`h.${i}.mlp.c_fc.bias`] = [M];
    all[`h.${i}.mlp.c_proj.weight`] = [M, D];
    all[`h.${i}.mlp.c_proj.bias`] = [D];
  }
  all["ln_f.weight"] = [D];
  all["ln_f.bias"] = [D];
  return all;
}

export interface Named {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** A checkpoint's tensors, without lm_head. */
export function tinyTensors(config: TinyConfig = tinyConfig): Named[] {
  return Object.entries(shapes(config)).map(([name, shape], tensor) => ({
    name,
    shape,
    values: numbered(
      tensor + 1,
      shape.reduce((product, size) => product * size, 1),
    ),
  }));
}

export function tinyHead(config: TinyConfig = tinyConfig): Named {
  const shape = [config.vocab_size, config.n_embd];
  return { name: "lm_head.weight", shape, values: numbered(-1, config.vocab_size * config.n_embd) };
}

export function store({ name, shape, values }: Named): StoredTensor {
  return float32Tensor(name, shape, values);
}

/** As nanoGPT stores them: every linear layer's weight [outputs, inputs]. */
export function transposedLinears(tensors: readonly Named[]): Named[] {
  return tensors.map((tensor) => {
    if (!/c_(attn|proj|fc)\.weight$/.test(tensor.name)) return tensor;
    const [rows, cols] = tensor.shape as [number, number];
    const values = Array.from(
      { length: rows * cols },
      (_, i) => tensor.values[(i % rows) * cols + Math.floor(i / rows)]!,
    );
    return { name: tensor.name, shape: [cols, rows], values };
  });
}

/** What a block's weights must be, one element at a time. */
export function expectedBlock(layer: number, config: TinyConfig = tinyConfig): Record<string, number[]> {
  const { n_embd: D } = config;
  const tensors = new Map(tinyTensors(config).map(({ name, values }) => [name, values]));
  const get = (name: string) => [...tensors.get(`h.${layer}.${name}`)!];
  const third = (values: number[], which: number) =>
    values.filter((_, i) => Math.floor((i % (3 * D)) / D) === which);
  const weight = get("attn.c_attn.weight");
  const bias = get("attn.c_attn.bias");
  return {
    ln1_w: get("ln_1.weight"),
    ln1_b: get("ln_1.bias"),
    W_Q: third(weight, 0),
    W_K: third(weight, 1),
    W_V: third(weight, 2),
    b_Q: third(bias, 0),
    b_K: third(bias, 1),
    b_V: third(bias, 2),
    W_O: get("attn.c_proj.weight"),
    b_O: get("attn.c_proj.bias"),
    ln2_w: get("ln_2.weight"),
    ln2_b: get("ln_2.bias"),
    W_in: get("mlp.c_fc.weight"),
    b_in: get("mlp.c_fc.bias"),
    W_out: get("mlp.c_proj.weight"),
    b_out: get("mlp.c_proj.bias"),
  };
}
