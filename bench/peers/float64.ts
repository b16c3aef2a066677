import { readFileSync } from "node:fs";
import { join } from "node:path";
import { storedTensors } from "./safetensors.ts";

type Row = Float64Array;

/**
 * GPT-2's forward pass in float64, as plain as can be: what the peers are checked against.
 *
 * @param folder what bench/checkpoint.ts wrote, in float32
 * @returns logits of the last position [dVocab], and the share of the final norm's bias in them [dVocab]
 */
export function float64Forward(folder: string, ids: readonly number[]): { logits: Row; bias: Row } {
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  const { n_layer: nLayers, n_head: nHeads, n_embd: dModel, layer_norm_epsilon: eps } = config;
  const weight = reader(join(folder, "model.safetensors"));

  const norm = (x: Row, name: string) => {
    const [gamma, beta] = [weight(`${name}.weight`), weight(`${name}.bias`)];
    const mean = sum(x) / dModel;
    const scale = Math.sqrt(sum(x.map((value) => (value - mean) ** 2)) / dModel + eps);
    return x.map((value, i) => ((value - mean) / scale) * gamma[i] + beta[i]);
  };
  const linear = (x: Row, name: string) => {
    const [W, b] = [weight(`${name}.weight`), weight(`${name}.bias`)];
    return b.map((bias, col) => bias + sum(x.map((value, i) => value * W[i * b.length + col])));
  };
  const attention = (x: readonly Row[], name: string) => {
    const qkv = x.map((row) => linear(row, `${name}.c_attn`));
    return qkv.map((query, pos) => {
      const z = new Float64Array(dModel);
      for (let head = 0; head < nHeads; head++) {
        const part = (row: Row, which: number) => rowOf(row, which * nHeads + head, dModel / nHeads);
        const seen = qkv.slice(0, pos + 1);
        const scores = seen.map((key) => dot(part(query, 0), part(key, 1)) / Math.sqrt(dModel / nHeads));
        const weights = scores.map(Math.exp);
        part(z, 0).forEach((_, i, out) => {
          out[i] = sum(seen.map((value, keyPos) => weights[keyPos] * part(value, 2)[i])) / sum(weights);
        });
      }
      return linear(z, `${name}.c_proj`);
    });
  };
  const gelu = (u: number) => 0.5 * u * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (u + 0.044715 * u ** 3)));
  const mlp = (x: Row, name: string) => linear(linear(x, `${name}.c_fc`).map(gelu), `${name}.c_proj`);

  const [W_E, W_pos] = [weight("wte.weight"), weight("wpe.weight")];
  let rows = ids.map((id, pos) => add(rowOf(W_E, id, dModel), rowOf(W_pos, pos, dModel)));
  for (let layer = 0; layer < nLayers; layer++) {
    const normalized = rows.map((x) => norm(x, `h.${layer}.ln_1`));
    const attnOut = attention(normalized, `h.${layer}.attn`);
    rows = rows.map((x, pos) => add(x, attnOut[pos]));
    rows = rows.map((x) => add(x, mlp(norm(x, `h.${layer}.ln_2`), `h.${layer}.mlp`)));
  }
  const unembed = (x: Row) =>
    Float64Array.from({ length: W_E.length / dModel }, (_, token) => dot(x, rowOf(W_E, token, dModel)));
  return { logits: unembed(norm(rows[ids.length - 1], "ln_f")), bias: unembed(weight("ln_f.bias")) };
}

function reader(path: string): (name: string) => Row {
  const file = readFileSync(path);
  const stored = storedTensors(path);
  return (name) => {
    const { offset, length } = stored.get(`transformer.${name}`)!;
    return Float64Array.from({ length: length / 4 }, (_, i) => file.readFloatLE(offset + 4 * i));
  };
}

function rowOf(matrix: Row, row: number, cols: number): Row {
  return matrix.subarray(row * cols, (row + 1) * cols);
}

function add(a: Row, b: Row): Row {
  return a.map((value, i) => value + b[i]);
}

function dot(a: Row, b: Row): number {
  return sum(a.map((value, i) => value * b[i]));
}

function sum(values: Row | number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
