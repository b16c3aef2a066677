/** GPT-2 checkpoints of any shape on random weights, as Hugging Face writes them: benchmarks need no download. */
import {
  closeSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

/** The sizes, by the names that config.json has for them. */
export interface Shape {
  n_layer: number;
  n_head: number;
  n_embd: number;
  n_positions: number;
  vocab_size: number;
  n_inner?: number;
}

const published = { n_positions: 1024, vocab_size: 50257 };
export const shapes: Readonly<Record<string, Shape>> = {
  tiny: { n_layer: 3, n_head: 4, n_embd: 32, n_positions: 64, vocab_size: 101 },
  distilgpt2: { n_layer: 6, n_head: 12, n_embd: 768, ...published },
  gpt2: { n_layer: 12, n_head: 12, n_embd: 768, ...published },
  "gpt2-medium": { n_layer: 24, n_head: 16, n_embd: 1024, ...published },
  "gpt2-large": { n_layer: 36, n_head: 20, n_embd: 1280, ...published },
  "gpt2-xl": { n_layer: 48, n_head: 25, n_embd: 1600, ...published },
};

export const dtypes = ["F32", "F16", "BF16"] as const;
export type Dtype = (typeof dtypes)[number];

/**
 * Writes config.json and model.safetensors, the same bytes for the same arguments, unless they are there: the weights
 * get their name only once they are whole, and their header tells shape, dtype and seed.
 */
export function writeCheckpoint(
  folder: string,
  shape: Shape,
  { dtype = "F32", seed = 1 }: { dtype?: Dtype; seed?: number } = {},
): void {
  mkdirSync(folder, { recursive: true });
  const config = { model_type: "gpt2", architectures: ["GPT2LMHeadModel"], activation_function: "gelu_new" };
  const rest = {
    layer_norm_epsilon: 1e-5,
    bos_token_id: shape.vocab_size - 1,
    eos_token_id: shape.vocab_size - 1,
  };
  writeFileSync(
    join(folder, "config.json"),
    `${JSON.stringify({ ...config, ...shape, ...rest }, null, 2)}\n`,
  );

  const path = join(folder, "model.safetensors");
  const weights = weightsOf(shape);
  const { header, size } = headerOf(weights, dtype, seed);
  if (isThere(path, header, size)) return;
  const partial = `${path}.${process.pid}.partial`;
  const file = openSync(partial, "w");
  writeSync(file, header);
  const next = randomNumbers(seed);
  for (const weight of weights) writeNumbers(file, weight, dtype, next);
  closeSync(file);
  renameSync(partial, path);
}

/** Uniform numbers: a matrix has GPT-2's initial standard deviation, 0.02. */
interface Weight {
  name: string;
  shape: number[];
  centre: number;
  range: number;
}

/** The tensors in the order in which they are stored: by name. */
function weightsOf(shape: Shape): Weight[] {
  const { n_layer, n_embd, n_positions, vocab_size, n_inner = 4 * n_embd } = shape;
  const weights: Weight[] = [];
  const add = (name: string, shape: number[], centre: number, range: number) =>
    weights.push({ name: `transformer.${name}`, shape, centre, range });
  const matrix = (name: string, rows: number, cols: number) =>
    add(`${name}.weight`, [rows, cols], 0, 0.02 * Math.sqrt(3));
  const linear = (name: string, inputs: number, outputs: number) => {
    matrix(name, inputs, outputs);
    add(`${name}.bias`, [outputs], 0, 0.1);
  };
  const norm = (name: string) => {
    add(`${name}.weight`, [n_embd], 1, 0.1);
    add(`${name}.bias`, [n_embd], 0, 0.1);
  };

  matrix("wte", vocab_size, n_embd);
  matrix("wpe", n_positions, n_embd);
  for (let layer = 0; layer < n_layer; layer++) {
    norm(`h.${layer}.ln_1`);
    linear(`h.${layer}.attn.c_attn`, n_embd, 3 * n_embd);
    linear(`h.${layer}.attn.c_proj`, n_embd, n_embd);
    norm(`h.${layer}.ln_2`);
    linear(`h.${layer}.mlp.c_fc`, n_embd, n_inner);
    linear(`h.${layer}.mlp.c_proj`, n_inner, n_embd);
  }
  norm("ln_f");
  return weights.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const bytesOf = { F32: 4, F16: 2, BF16: 2 } as const satisfies Record<Dtype, number>;
const lengthOf = (weight: Weight) => weight.shape.reduce((product, dim) => product * dim, 1);

function headerOf(weights: readonly Weight[], dtype: Dtype, seed: number): { header: Buffer; size: number } {
  const entries: Record<string, unknown> = { __metadata__: { format: "pt", seed: `${seed}` } };
  let end = 0;
  for (const weight of weights) {
    const start = end;
    end += bytesOf[dtype] * lengthOf(weight);
    entries[weight.name] = { dtype, shape: weight.shape, data_offsets: [start, end] };
  }
  const json = JSON.stringify(entries);
  const header = Buffer.alloc(8 * Math.ceil((8 + json.length) / 8), " ");
  header.writeBigUInt64LE(BigInt(header.length - 8));
  header.write(json, 8);
  return { header, size: header.length + end };
}

function isThere(path: string, header: Buffer, size: number): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.size !== size) return false;
  const file = openSync(path, "r");
  const found = Buffer.alloc(header.length);
  readSync(file, found, 0, found.length, 0);
  closeSync(file);
  return found.equals(header);
}

const CHUNK = 2 ** 20;

function writeNumbers(file: number, weight: Weight, dtype: Dtype, next: () => number): void {
  const length = lengthOf(weight);
  const values = new Float32Array(Math.min(CHUNK, length));
  const stored = dtype === "F32" ? values : new Uint16Array(values.length);
  for (let start = 0; start < length; start += values.length) {
    const count = Math.min(values.length, length - start);
    for (let i = 0; i < count; i++) values[i] = weight.centre + weight.range * next();
    if (dtype === "F16") roundToFloat16(stored, values);
    if (dtype === "BF16") roundToBfloat16(stored, values);
    writeSync(file, stored.subarray(0, count));
  }
}

/** Numbers below 65520 only: larger ones would not fit. */
function roundToFloat16(out: Float32Array | Uint16Array, values: Float32Array): void {
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < values.length; i++) {
    const sign = (bits[i] >>> 16) & 0x8000;
    const magnitude = bits[i] & 0x7fffffff;
    const normal = magnitude >= 113 << 23;
    const steps = (Math.fround(Math.abs(values[i]) + 0.5) - 0.5) * 2 ** 24; // 0.5's last bit is a subnormal's step
    out[i] = sign | (normal ? toNearestEven(magnitude - (112 << 23), 13) : steps); // 112: the biases' difference
  }
}

function roundToBfloat16(out: Float32Array | Uint16Array, values: Float32Array): void {
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < values.length; i++) out[i] = toNearestEven(bits[i], 16);
}

const toNearestEven = (bits: number, dropped: number) =>
  (bits + 2 ** (dropped - 1) - 1 + ((bits >>> dropped) & 1)) >>> dropped;

/** Mulberry32: uniform in [−1, 1). */
function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) / 2 ** 31;
  };
}
