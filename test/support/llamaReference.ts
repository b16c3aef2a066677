import type { Config, Weights } from "../../examples/llama/llama.mjs";

/** Activations of a prompt by hook name, [pos][…]. */
export type Activations = Map<string, number[][]>;
/** A sublayer's function of its block and the normalized residual stream. */
export type Mixer = (layer: number, x: number[][]) => number[][];

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
const plus = (...terms: number[][][]) =>
  terms[0].map((row, p) => row.map((_, i) => sum(terms.map((t) => t[p][i]))));

/** x Wᵀ. */
export function project(x: number[], W: Float32Array): number[] {
  const rows = W.length / x.length;
  return Array.from({ length: rows }, (_, o) => sum(x.map((value, i) => value * W[o * x.length + i])));
}

/**
 * Llama in float64, from the formulas: rotary positions as complex numbers (Su et al., arXiv 2104.09864, in the pairing
 * of Hugging Face's), keys and values repeated for the heads that share them, the mask as −∞.
 *
 * @param mixer what is added beside attention, if anything
 */
export function llamaReference(config: Config, weights: Weights, ids: number[], mixer?: Mixer): Activations {
  const { nLayers, nHeads, nKvHeads, dHead, dModel, eps, ropeTheta } = config;
  const activations: Activations = new Map();
  const keep = (name: string, value: number[][]) => {
    activations.set(name, value);
    return value;
  };
  const norm = (x: number[][], gamma: Float32Array) =>
    x.map((row) => {
      const scale = Math.sqrt(sum(row.map((value) => value ** 2)) / dModel + eps);
      return row.map((value, i) => (gamma[i] * value) / scale);
    });
  const turn = (head: number[], pos: number) => {
    const half = dHead / 2;
    const turned = Array.from({ length: half }, (_, i) => {
      const [re, im] = [head[i], head[i + half]];
      const angle = pos / ropeTheta ** ((2 * i) / dHead);
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      return [re * cos - im * sin, re * sin + im * cos];
    });
    return [...turned.map(([re]) => re), ...turned.map(([, im]) => im)];
  };

  let x = keep(
    "hook_embed",
    ids.map((id) => [...weights["model.embed_tokens.weight"].slice(id * dModel, (id + 1) * dModel)]),
  );
  for (let layer = 0; layer < nLayers; layer++) {
    const W = (name: string) => weights[`model.layers.${layer}.${name}.weight`];
    const h = norm(x, W("input_layernorm"));
    const heads = (name: string, count: number) =>
      h.map((row) => {
        const all = project(row, W(`self_attn.${name}_proj`));
        const own = Array.from({ length: count }, (_, k) => all.slice(k * dHead, (k + 1) * dHead));
        return own.flatMap((head) => Array<number[]>(nHeads / count).fill(head));
      });
    const [q, k, v] = [heads("q", nHeads), heads("k", nKvHeads), heads("v", nKvHeads)];
    const z = ids.map((_, to) =>
      Array.from({ length: nHeads }, (_, head) => {
        const query = turn(q[to][head], to);
        const scores = ids.map((_, from) => {
          const key = turn(k[from][head], from);
          return from > to ? -Infinity : sum(query.map((value, i) => value * key[i])) / Math.sqrt(dHead);
        });
        const powers = scores.map(Math.exp);
        return v[0][head].map((_, i) => sum(powers.map((p, from) => (p / sum(powers)) * v[from][head][i])));
      }).flat(),
    );
    keep(`blocks.${layer}.attn.hook_z`, z);
    const attn = keep(
      `blocks.${layer}.hook_attn_out`,
      z.map((row) => project(row, W("self_attn.o_proj"))),
    );
    const mixed = mixer ? [keep(`blocks.${layer}.hook_mamba_out`, mixer(layer, h))] : [];
    x = plus(x, attn, ...mixed);
    const post = norm(x, W("post_attention_layernorm")).map((row) => {
      const up = project(row, W("mlp.up_proj"));
      return project(row, W("mlp.gate_proj")).map((g, i) => (g * up[i]) / (1 + Math.exp(-g)));
    });
    keep(`blocks.${layer}.mlp.hook_post`, post);
    x = plus(
      x,
      keep(
        `blocks.${layer}.hook_mlp_out`,
        post.map((row) => project(row, W("mlp.down_proj"))),
      ),
    );
    keep(`blocks.${layer}.hook_resid_post`, x);
  }
  const output = keep("unembed.hook_in", norm(x, weights["model.norm.weight"]));
  keep(
    "unembed.hook_out",
    output.map((row) => project(row, weights["lm_head.weight"])),
  );
  return activations;
}

/**
 * Mamba's mixer without a state: what position `from` leaves at `to` is written out as a product of decays.
 *
 *   y_t = Σ_{s≤t} C_t · exp(A Σ_{s<r≤t} Δ_r) Δ_s B_s u_s + D u_t
 */
export function mambaReference(
  { dInner, dState, dConv, dtRank }: { dInner: number; dState: number; dConv: number; dtRank: number },
  weights: Weights,
): Mixer {
  const silu = (value: number) => value / (1 + Math.exp(-value));
  return (layer, x) => {
    const W = (name: string) => weights[`model.layers.${layer}.mamba.${name}`];
    const both = x.map((row) => project(row, W("in_proj.weight")));
    const u = both.map((_, t) =>
      Array.from({ length: dInner }, (_, c) => {
        let total = W("conv1d.bias")[c];
        for (let back = 0; back < dConv && back <= t; back++)
          total += W("conv1d.weight")[c * dConv + dConv - 1 - back] * both[t - back][c];
        return silu(total);
      }),
    );
    const read = u.map((row) => project(row, W("x_proj.weight")));
    const delta = read.map((row) =>
      project(row.slice(0, dtRank), W("dt_proj.weight")).map((dt, c) =>
        Math.log(1 + Math.exp(dt + W("dt_proj.bias")[c])),
      ),
    );
    return both.map((row, t) => {
      const y = Array.from({ length: dInner }, (_, c) => {
        let total = W("D")[c] * u[t][c];
        for (let s = 0; s <= t; s++) {
          const passed = sum(delta.slice(s + 1, t + 1).map((d) => d[c]));
          for (let n = 0; n < dState; n++) {
            const decay = Math.exp(-Math.exp(W("A_log")[c * dState + n]) * passed);
            total += read[t][dtRank + dState + n] * decay * delta[s][c] * read[s][dtRank + n] * u[s][c];
          }
        }
        return total * silu(row[dInner + c]);
      });
      return project(y, W("out_proj.weight"));
    });
  };
}
