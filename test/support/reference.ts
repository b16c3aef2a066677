/**
 * GPT-2, its folding and its attribution in float64, written from the formulas, one prompt at a time. Shares no
 * code with src: only the types of a config and of weights come from there.
 */
import type { BlockWeights, Gpt2Config, OuterWeights } from "../../src/model/index.ts";

/** Any array of numbers, float32 or float64, row-major. */
export type Numbers = ArrayLike<number>;

/** One block's weights as in src/model/weights.ts, in either precision. */
export type ReferenceBlock = { readonly [Weight in keyof BlockWeights]: Numbers };

/** All weights, with an unembedding of its own: W_U [dVocab, dModel], one row per token, and b_U [dVocab]. */
export interface ReferenceWeights {
  readonly W_E: Numbers;
  readonly W_pos: Numbers;
  readonly lnFinal_w: Numbers;
  readonly lnFinal_b: Numbers;
  readonly W_U: Numbers;
  readonly b_U: Numbers;
  readonly blocks: readonly ReferenceBlock[];
}

/** A checkpoint's weights as this file takes them. */
export function asTrained({
  W_E,
  W_pos,
  lnFinal_w,
  lnFinal_b,
  W_U = null,
  blocks,
}: OuterWeights & { readonly blocks: readonly BlockWeights[] }): ReferenceWeights {
  return {
    W_E,
    W_pos,
    lnFinal_w,
    lnFinal_b,
    blocks,
    W_U: W_U ?? W_E,
    b_U: new Float64Array((W_U ?? W_E).length / lnFinal_w.length),
  };
}

/** Every weight's array made into another. */
export function mapWeights(
  { blocks, ...outer }: ReferenceWeights,
  change: (values: Numbers) => Numbers,
): ReferenceWeights {
  const each = <Part extends object>(part: Part): Part =>
    Object.fromEntries(Object.entries(part).map(([name, values]) => [name, change(values)])) as Part;
  return { ...each(outer), blocks: blocks.map(each) };
}

/**
 * Called at every hook point of the reference with the activation [pos, …] just computed; what it returns is what
 * the reference goes on with. `magnitudes` are the sums of |terms| that the elements were summed from, which
 * bound what rounding may do to them.
 */
export type ReferenceHook = (name: string, value: Float64Array, magnitudes: Float64Array) => Numbers;

/**
 * Every activation of one prompt by its hook name, the batch axis left out: [pos, …] or [head, queryPos, keyPos].
 *
 *   x = W_E[ids] + W_pos;  x += Σ_h z_h W_O[h] + b_O;  x += act(LN(x) W_in + b_in) W_out + b_out;  logits = LN(x) W_Uᵀ + b_U
 */
export function referenceForward(
  config: Gpt2Config,
  weights: ReferenceWeights,
  ids: readonly number[],
  hook: ReferenceHook = (_name, value) => value,
): Map<string, Numbers> {
  const { nLayers, nHeads, dHead, dModel, dMlp, dVocab, eps } = config;
  const pos = ids.length;
  const activations = new Map<string, Numbers>();
  function at(name: string, { value, magnitudes }: Sum): Numbers {
    const goesOn = hook(name, value, magnitudes);
    activations.set(name, goesOn);
    return goesOn;
  }

  function layerNorm(here: string, x: Numbers, gamma: Numbers, beta: Numbers): Float64Array {
    const scale = at(`${here}.hook_scale`, normScale(x, dModel, eps));
    const normalized = at(`${here}.hook_normalized`, divideByScale(x, scale, dModel));
    return Float64Array.from(normalized, (value, i) => value * gamma[i % dModel] + beta[i % dModel]);
  }

  /** What each head reads where it has a residual stream of its own, [pos, head, dModel], through ln1. */
  function headNorm(x: Numbers, gamma: Numbers, beta: Numbers): Float64Array {
    const normalized = divideByScale(x, normScale(x, dModel, eps).value, dModel).value;
    return normalized.map((value, i) => value * gamma[i % dModel] + beta[i % dModel]);
  }

  /** Queries, keys or values [pos, head, dHead] from what each head reads [pos, head, dModel]. */
  function perHead(x: Numbers, W: Numbers, b: Numbers): Sum {
    const out = sum(pos * nHeads * dHead);
    for (let p = 0; p < pos; p++) {
      for (let c = 0; c < nHeads * dHead; c++) {
        const head = Math.floor(c / dHead);
        for (let i = 0; i < dModel; i++) {
          const read = x[(p * nHeads + head) * dModel + i];
          accumulate(out, p * nHeads * dHead + c, read * W[i * nHeads * dHead + c]);
        }
        accumulate(out, p * nHeads * dHead + c, b[c]);
      }
    }
    return out;
  }

  const embed = at(
    "hook_embed",
    exactly(pos * dModel, (i) => weights.W_E[ids[Math.floor(i / dModel)] * dModel + (i % dModel)]),
  );
  const posEmbed = at(
    "hook_pos_embed",
    exactly(pos * dModel, (i) => weights.W_pos[i]),
  );
  let x: Numbers = plus(embed, posEmbed).value;
  let magnitudes: Float64Array = plus(embed, posEmbed).magnitudes;

  for (let layer = 0; layer < nLayers; layer++) {
    const here = `blocks.${layer}`;
    const block = weights.blocks[layer];
    const pre = at(`${here}.hook_resid_pre`, { value: Float64Array.from(x), magnitudes });

    const attnIn = layerNorm(`${here}.ln1`, pre, block.ln1_w, block.ln1_b);
    const forked = exactly(
      pos * nHeads * dModel,
      (i) => pre[Math.floor(i / (nHeads * dModel)) * dModel + (i % dModel)],
    );
    const ownAttnIn = at(`${here}.hook_attn_in`, forked);
    const inputs = (["q", "k", "v"] as const).map((name) =>
      at(`${here}.hook_${name}_input`, { ...forked, value: Float64Array.from(ownAttnIn) }),
    );
    const projections = [
      [block.W_Q, block.b_Q],
      [block.W_K, block.b_K],
      [block.W_V, block.b_V],
    ];
    const [q, k, v] = (["q", "k", "v"] as const).map((name, i) => {
      const [W, b] = projections[i];
      const projected = equal(inputs[i], forked.value)
        ? linear(attnIn, W, b, pos)
        : perHead(headNorm(inputs[i], block.ln1_w, block.ln1_b), W, b);
      return at(`${here}.attn.hook_${name}`, projected);
    });

    const scores = at(`${here}.attn.hook_attn_scores`, attentionScores(q, k, pos, layer, config));
    const pattern = at(`${here}.attn.hook_pattern`, softmax(scores, pos));
    const z = at(`${here}.attn.hook_z`, mixValues(pattern, v, pos, config));
    const results = headResults(z, block.W_O, config);
    const result = at(`${here}.attn.hook_result`, results);
    const attnOut = at(
      `${here}.hook_attn_out`,
      equal(result, results.value)
        ? linear(z, block.W_O, block.b_O, pos)
        : sumHeads(result, block.b_O, nHeads, pos),
    );

    const mid = at(`${here}.hook_resid_mid`, plus(pre, attnOut));
    const mlpReads = at(
      `${here}.hook_mlp_in`,
      exactly(mid.length, (i) => mid[i]),
    );
    const mlpIn = layerNorm(`${here}.ln2`, mlpReads, block.ln2_w, block.ln2_b);
    const mlpPre = at(`${here}.mlp.hook_pre`, linear(mlpIn, block.W_in, block.b_in, pos));
    const mlpPost = at(
      `${here}.mlp.hook_post`,
      exactly(pos * dMlp, (i) => activations64[config.activation](mlpPre[i])),
    );
    const mlpOut = at(`${here}.hook_mlp_out`, linear(mlpPost, block.W_out, block.b_out, pos));

    const post = at(`${here}.hook_resid_post`, plus(mid, mlpOut));
    x = post;
    magnitudes = Float64Array.from(post, Math.abs);
  }

  const finalOut = layerNorm("ln_final", x, weights.lnFinal_w, weights.lnFinal_b);
  const unembedIn = at(
    "unembed.hook_in",
    exactly(finalOut.length, (i) => finalOut[i]),
  );
  at("unembed.hook_out", linear(unembedIn, transpose(weights.W_U, dVocab, dModel), weights.b_U, pos));
  return activations;
}

/** q·k over √dHead, as the config asks, of each head, query and key; −∞ for a key after its query. */
function attentionScores(q: Numbers, k: Numbers, pos: number, layer: number, config: Gpt2Config): Sum {
  const { nHeads, dHead, scaleAttnWeights, scaleAttnByInverseLayerIdx } = config;
  const divisor = (scaleAttnWeights ? Math.sqrt(dHead) : 1) * (scaleAttnByInverseLayerIdx ? layer + 1 : 1);
  const out = sum(nHeads * pos * pos);
  for (let head = 0; head < nHeads; head++) {
    for (let i = 0; i < pos; i++) {
      for (let j = 0; j < pos; j++) {
        const at = (head * pos + i) * pos + j;
        for (let d = 0; d < dHead && j <= i; d++) {
          const product = q[(i * nHeads + head) * dHead + d] * k[(j * nHeads + head) * dHead + d];
          accumulate(out, at, product / divisor);
        }
        if (j > i) out.value[at] = -Infinity;
      }
    }
  }
  return out;
}

/** z [pos, head, dHead]: each head's values, mixed by its pattern. */
function mixValues(pattern: Numbers, v: Numbers, pos: number, { nHeads, dHead }: Gpt2Config): Sum {
  const out = sum(pos * nHeads * dHead);
  for (let i = 0; i < pos; i++) {
    for (let c = 0; c < nHeads * dHead; c++) {
      const head = Math.floor(c / dHead);
      for (let j = 0; j < pos; j++) {
        accumulate(
          out,
          i * nHeads * dHead + c,
          pattern[(head * pos + i) * pos + j] * v[j * nHeads * dHead + c],
        );
      }
    }
  }
  return out;
}

/** z_h W_O[h], [pos, head, dModel]. */
function headResults(z: Numbers, W_O: Numbers, { nHeads, dHead, dModel }: Gpt2Config): Sum {
  const out = sum((z.length / dHead) * dModel);
  for (let row = 0; row < z.length / dHead; row++) {
    const head = row % nHeads;
    for (let i = 0; i < dModel; i++) {
      for (let d = 0; d < dHead; d++) {
        accumulate(out, row * dModel + i, z[row * dHead + d] * W_O[(head * dHead + d) * dModel + i]);
      }
    }
  }
  return out;
}

/** Sums, and the sums of their terms' magnitudes. */
interface Sum {
  readonly value: Float64Array;
  readonly magnitudes: Float64Array;
}

function sum(length: number): Sum {
  return { value: new Float64Array(length), magnitudes: new Float64Array(length) };
}

function accumulate({ value, magnitudes }: Sum, at: number, term: number): void {
  value[at] += term;
  magnitudes[at] += Math.abs(term);
}

function exactly(length: number, element: (i: number) => number): Sum {
  const value = new Float64Array(length);
  for (let i = 0; i < length; i++) value[i] = element(i);
  return { value, magnitudes: value.map(Math.abs) };
}

function plus(a: Numbers, b: Numbers): Sum {
  const out = sum(a.length);
  for (let i = 0; i < a.length; i++) {
    accumulate(out, i, a[i]);
    accumulate(out, i, b[i]);
  }
  return out;
}

/** x W + b: x [rows, inner], W [inner, cols]. */
function linear(x: Numbers, W: Numbers, b: Numbers, rows: number): Sum {
  const cols = b.length;
  const inner = W.length / cols;
  const out = sum(rows * cols);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      for (let k = 0; k < inner; k++) accumulate(out, r * cols + c, x[r * inner + k] * W[k * cols + c]);
      accumulate(out, r * cols + c, b[c]);
    }
  }
  return out;
}

function sumHeads(result: Numbers, b_O: Numbers, nHeads: number, pos: number): Sum {
  const dModel = b_O.length;
  const out = sum(pos * dModel);
  for (let p = 0; p < pos; p++) {
    for (let i = 0; i < dModel; i++) {
      for (let head = 0; head < nHeads; head++)
        accumulate(out, p * dModel + i, result[(p * nHeads + head) * dModel + i]);
      accumulate(out, p * dModel + i, b_O[i]);
    }
  }
  return out;
}

/** sqrt(mean((x − mean)²) + eps) of each row; its magnitude has the mean's in it, which the deviations inherit. */
function normScale(x: Numbers, cols: number, eps: number): Sum {
  const out = sum(x.length / cols);
  for (let r = 0; r < out.value.length; r++) {
    const row = rowOf(x, r, cols);
    const mean = meanOf(row);
    out.value[r] = Math.sqrt(meanOf(row.map((value) => (value - mean) ** 2)) + eps);
    out.magnitudes[r] = out.value[r] + meanOf(row.map(Math.abs));
  }
  return out;
}

/** (x − mean) / scale of each row. */
function divideByScale(x: Numbers, scale: Numbers, cols: number): Sum {
  const out = sum(x.length);
  for (let r = 0; r < x.length / cols; r++) {
    const row = rowOf(x, r, cols);
    const mean = meanOf(row);
    const size = meanOf(row.map(Math.abs));
    row.forEach((value, i) => {
      out.value[r * cols + i] = (value - mean) / scale[r];
      out.magnitudes[r * cols + i] = (Math.abs(value) + size) / Math.abs(scale[r]);
    });
  }
  return out;
}

function softmax(scores: Numbers, pos: number): Sum {
  const out = sum(scores.length);
  for (let r = 0; r < scores.length / pos; r++) {
    const row = rowOf(scores, r, pos);
    const max = Math.max(...row);
    const powers = row.map((score) => Math.exp(score - max));
    const total = powers.reduce((a, b) => a + b, 0);
    powers.forEach((power, j) => {
      out.value[r * pos + j] = power / total;
      // an argument of e^x rounded by a relative 2⁻⁵³ changes the power by |x| times that
      out.magnitudes[r * pos + j] = power === 0 ? 0 : (power / total) * (1 + max - row[j]);
    });
  }
  return out;
}

function rowOf(x: Numbers, row: number, cols: number): number[] {
  const out = [];
  for (let i = row * cols; i < (row + 1) * cols; i++) out.push(x[i]);
  return out;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function transpose(W: Numbers, rows: number, cols: number): Float64Array {
  return Float64Array.from({ length: rows * cols }, (_, i) => W[(i % rows) * cols + Math.floor(i / rows)]);
}

function equal(a: Numbers, b: Numbers): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The MLP's nonlinearities; negative arguments are computed without cancellation. */
export const activations64: Readonly<Record<Gpt2Config["activation"], (x: number) => number>> = {
  geluTanh: (x) => x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  geluErf: (x) => (x * erfc(-x / Math.SQRT2)) / 2,
  relu: (x) => Math.max(x, 0),
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: (x) => Math.tanh(x),
};

/**
 * 1 − erf(x): below 1 by erf(x) = 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)), beyond by the continued fraction
 * erfc(x) = e^(−x²)/√π · 1/(x + ½/(x + 1/(x + 3⁄2/(x + …)))).
 *
 * @see Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.6 and 7.1.14
 */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 1) {
    let term = x;
    let total = x;
    for (let n = 1; term > 1e-18 * total; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      total += term;
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
  }
  let tail = x;
  for (let n = 400; n >= 1; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}

/**
 * Compatibility mode in TransformerLens's five steps, one after the other, in float64:
 * fold LayerNorm, centre what reads, centre what writes, centre the unembedding (or not, as for differences of
 * logits), fold the value biases.
 */
export function foldReference(
  config: Gpt2Config,
  weights: ReferenceWeights,
  options: { readonly centreUnembedding?: boolean; readonly foldValueBiases?: boolean } = {},
): ReferenceWeights {
  const { dModel, dMlp, dVocab } = config;
  const ones = new Float64Array(dModel).fill(1);
  const zeros = new Float64Array(dModel);

  // 1. b += betaᵀ W, W = gamma ⊙ W (rows)
  const foldedBias = (W: Numbers, b: Numbers, beta: Numbers) =>
    Float64Array.from(b, (value, c) => {
      let total = value;
      for (let i = 0; i < dModel; i++) total += beta[i] * W[i * b.length + c];
      return total;
    });
  const scaledRows = (W: Numbers, gamma: Numbers) =>
    Float64Array.from(W, (value, at) => value * gamma[Math.floor(at / (W.length / dModel))]);

  const W_U1 = scaledRows(transpose(weights.W_U, dVocab, dModel), weights.lnFinal_w); // [dModel, dVocab]
  const b_U1 = foldedBias(transpose(weights.W_U, dVocab, dModel), weights.b_U, weights.lnFinal_b);
  const folded = weights.blocks.map((block) => ({
    ...block,
    W_Q: scaledRows(block.W_Q, block.ln1_w),
    b_Q: foldedBias(block.W_Q, block.b_Q, block.ln1_b),
    W_K: scaledRows(block.W_K, block.ln1_w),
    b_K: foldedBias(block.W_K, block.b_K, block.ln1_b),
    W_V: scaledRows(block.W_V, block.ln1_w),
    b_V: foldedBias(block.W_V, block.b_V, block.ln1_b),
    W_in: scaledRows(block.W_in, block.ln2_w),
    b_in: foldedBias(block.W_in, block.b_in, block.ln2_b),
    ln1_w: ones,
    ln1_b: zeros,
    ln2_w: ones,
    ln2_b: zeros,
  }));

  // 2. every column of what reads, less its mean over dModel
  const W_U2 = centreColumns(W_U1, dModel, dVocab);
  const reading = folded.map((block) => ({
    ...block,
    W_Q: centreColumns(block.W_Q, dModel, dModel),
    W_K: centreColumns(block.W_K, dModel, dModel),
    W_V: centreColumns(block.W_V, dModel, dModel),
    W_in: centreColumns(block.W_in, dModel, dMlp),
  }));

  // 3. every row of what writes, less its mean over dModel
  const W_E = centreRows(weights.W_E, dModel);
  const W_pos = centreRows(weights.W_pos, dModel);
  const writing = reading.map((block) => ({
    ...block,
    W_O: centreRows(block.W_O, dModel),
    b_O: centreRows(block.b_O, dModel),
    W_out: centreRows(block.W_out, dModel),
    b_out: centreRows(block.b_out, dModel),
  }));

  // 4. W_U and b_U less their means over the vocabulary
  const { centreUnembedding = true, foldValueBiases = true } = options;
  const W_U = transpose(centreUnembedding ? centreRows(W_U2, dVocab) : W_U2, dModel, dVocab);
  const b_U = centreUnembedding ? centreRows(b_U1, dVocab) : b_U1;

  // 5. b_O += Σ_heads b_V W_O, b_V = 0; b_O centred again
  const blocks = writing.map((block) => {
    if (!foldValueBiases) return block;
    const b_O = Float64Array.from(block.b_O, (value, i) => {
      let total = value;
      for (let d = 0; d < dModel; d++) total += block.b_V[d] * block.W_O[d * dModel + i];
      return total;
    });
    return { ...block, b_V: new Float64Array(dModel), b_O: centreRows(b_O, dModel) };
  });
  return { W_E, W_pos, lnFinal_w: ones, lnFinal_b: zeros, W_U, b_U, blocks };
}

function centreRows(W: Numbers, cols: number): Float64Array {
  const means = Array.from({ length: W.length / cols }, (_, row) => meanOf(rowOf(W, row, cols)));
  return Float64Array.from(W, (value, at) => value - means[Math.floor(at / cols)]);
}

function centreColumns(W: Numbers, rows: number, cols: number): Float64Array {
  return transpose(centreRows(transpose(W, rows, cols), rows), cols, rows);
}

/** What an attribution is made of: captured activations of one prompt and position, and weights. */
export interface AttributionInput {
  readonly config: Gpt2Config;
  readonly unit: "component" | "layer" | "head" | "neuron" | "full" | "source" | "path";
  /** A hook's captured row at the position: [dModel], [1] of a scale, [head, dHead] of z. */
  readonly read: (hook: string) => Numbers;
  /** For sources: a hook's captured activation at every position of the prompt, and which the attributed one is. */
  readonly readAll?: (hook: string) => Numbers;
  readonly pos?: number;
  /** The model's own: lnFinal_w and lnFinal_b (1 and 0 where folded), W_U by rows, each block's W_O and b_O. */
  readonly weights: ReferenceWeights;
  readonly answer: number;
  readonly wrong?: number | undefined;
  /** W_U[:, answer] − W_U[:, wrong] where the model has it as one column, rounded once. */
  readonly direction?: Numbers | undefined;
  /** Ends component and head rows with `beta`, as on raw weights. */
  readonly betaRow?: boolean;
}

export interface ReferenceAttribution {
  readonly labels: string[];
  /** One per label, or one per label and source, the bias last. */
  readonly rows: number[];
  /** Of each row the sum of |terms|, which bounds what float64 may do to it. */
  readonly magnitudes: number[];
  /** What each row reads, [dModel]; of `beta` zeros. */
  readonly writes: number[][];
}

/**
 * Direct logit attribution from captured activations: each write materialised, normalized by the captured scale,
 * through gamma and onto W_U[:, answer] − W_U[:, wrong].
 *
 *   row(c) = Σ_i (c_i − mean(c)) / scale · gamma_i · w_i
 */
export function referenceAttribution(input: AttributionInput): ReferenceAttribution {
  const { config, unit, read, weights, answer, wrong } = input;
  const { nLayers, nHeads, dModel } = config;
  const difference = Array.from(
    { length: dModel },
    (_, i) => weights.W_U[answer * dModel + i] - (wrong === undefined ? 0 : weights.W_U[wrong * dModel + i]),
  );
  const w = input.direction ? Array.from(input.direction) : difference;
  const [scale] = Array.from(read("ln_final.hook_scale"));
  const labels: string[] = [];
  const rows: number[] = [];
  const magnitudes: number[] = [];
  const writes: number[][] = [];

  function add(label: string, write: readonly number[]): void {
    labels.push(label);
    addRow(write);
  }

  function addRow(write: readonly number[], sizes: readonly number[] = write.map(Math.abs)): void {
    const mean = meanOf(write);
    const meanMagnitude = meanOf(sizes);
    writes.push([...write]);
    rows.push(write.reduce((total, c, i) => total + ((c - mean) / scale) * weights.lnFinal_w[i] * w[i], 0));
    magnitudes.push(
      write.reduce(
        (total, _, i) => total + ((sizes[i] + meanMagnitude) / scale) * Math.abs(weights.lnFinal_w[i] * w[i]),
        0,
      ),
    );
  }

  const written = (hook: string) => Array.from(read(hook));
  const addUp = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value + b[i]);

  if (unit === "component") {
    add("embed", written("hook_embed"));
    add("pos_embed", written("hook_pos_embed"));
    for (let layer = 0; layer < nLayers; layer++) {
      add(`${layer}_attn_out`, written(`blocks.${layer}.hook_attn_out`));
      add(`${layer}_mlp_out`, written(`blocks.${layer}.hook_mlp_out`));
    }
  }
  if (unit === "layer") {
    let running = addUp(written("hook_embed"), written("hook_pos_embed"));
    for (let layer = 0; layer < nLayers; layer++) {
      add(`${layer}_pre`, running);
      running = addUp(running, written(`blocks.${layer}.hook_attn_out`));
      add(`${layer}_mid`, running);
      running = addUp(running, written(`blocks.${layer}.hook_mlp_out`));
    }
    add("final_post", running);
  }
  const heads = (layer: number) => {
    const results = headResults(read(`blocks.${layer}.attn.hook_z`), weights.blocks[layer].W_O, config).value;
    for (let head = 0; head < nHeads; head++) {
      add(`L${layer}H${head}`, Array.from(results.slice(head * dModel, (head + 1) * dModel)));
    }
  };
  const neurons = (layer: number) => {
    const { W_out } = weights.blocks[layer];
    written(`blocks.${layer}.mlp.hook_post`).forEach((post, n) => {
      add(
        `L${layer}N${n}`,
        Array.from({ length: dModel }, (_, i) => post * W_out[n * dModel + i]),
      );
    });
  };
  const pos = input.pos ?? 0;
  const everyLayer = Array.from({ length: nLayers }, (_, layer) => layer);
  const total = (writes: readonly (readonly number[])[]) => writes.reduce(addUp);
  const embeddings = [written("hook_embed"), written("hook_pos_embed")];
  const outputs = (name: string) => everyLayer.map((layer) => written(`blocks.${layer}.${name}`));
  const biases = (name: "b_O" | "b_out") => weights.blocks.map((block) => Array.from(block[name]));
  if (unit === "head") {
    everyLayer.forEach(heads);
    add("remainder", total([...embeddings, ...outputs("hook_mlp_out"), ...biases("b_O")]));
  }
  const writerCount = 2 + 2 * nLayers;
  const hasSources = unit === "source" || unit === "path";
  const addNothing = (count: number) => {
    for (let i = 0; i < count; i++) addRow(new Array(dModel).fill(0));
  };
  // what is no head's, or no source's, comes last in its row
  const beforeLast = !hasSources ? 0 : unit === "source" ? pos + 1 : (pos + 2) * (writerCount + 2) - 1;
  if (hasSources) {
    for (const layer of everyLayer) {
      for (const [head, { sources, bias }] of sourceWrites(input, layer).entries()) {
        labels.push(`L${layer}H${head}`);
        for (const [s, source] of sources.entries()) {
          if (unit === "source") {
            addRow(source);
            continue;
          }
          const paths = pathWrites(input, layer, head, s);
          for (const { write, sizes } of paths) addRow(write, sizes);
          addNothing(writerCount - paths.length);
          addRow(
            source.map((value, i) => paths.reduce((left, { write }) => left - write[i], value)),
            source.map((value, i) => paths.reduce((size, { sizes }) => size + sizes[i], Math.abs(value))),
          );
          addNothing(1);
        }
        if (unit === "path") addNothing(writerCount + 1);
        addRow(bias);
      }
    }
    addNothing(beforeLast);
    add("remainder", total([...embeddings, ...outputs("hook_mlp_out"), ...biases("b_O")]));
  }
  if (unit === "neuron") {
    everyLayer.forEach(neurons);
    add("remainder", total([...embeddings, ...outputs("hook_attn_out"), ...biases("b_out")]));
  }
  if (unit === "full") {
    everyLayer.forEach(heads);
    everyLayer.forEach(neurons);
    add("embed", embeddings[0]);
    add("pos_embed", embeddings[1]);
    add("bias", total([...biases("b_O"), ...biases("b_out")]));
  }
  if (input.betaRow && unit !== "layer") {
    const terms = w.map((value, i) => value * weights.lnFinal_b[i]);
    labels.push("beta");
    writes.push(w.map(() => 0));
    addNothing(beforeLast);
    rows.push(terms.reduce((a, b) => a + b, 0));
    magnitudes.push(terms.reduce((a, b) => a + Math.abs(b), 0));
  }
  return { labels, rows, magnitudes, writes };
}

/** The final norm as the reference takes it: gamma and beta are 1 and 0 where null. */
export interface ReferenceNorm {
  readonly centred: boolean;
  readonly gamma: Numbers | null;
  readonly beta: Numbers | null;
  readonly eps: number;
}

/**
 * What a direction reads of a residual stream through the norm, and what float64 may do to it on the way, where each
 * element of x is off by 2⁻⁵³ of its `sizes`:
 *
 *   logit = Σ_i w_i (gamma_i (x_i − mean(x)) / √(mean((x − mean(x))²) + eps) + beta_i)
 */
export function referenceLogit(
  x: readonly number[],
  norm: ReferenceNorm,
  w: Numbers,
  sizes: readonly number[],
): { logit: number; error: number } {
  const mean = norm.centred ? meanOf(x) : 0;
  const deviations = x.map((value) => value - mean);
  const scale = Math.sqrt(meanOf(deviations.map((value) => value ** 2)) + norm.eps);
  const gamma = (i: number) => norm.gamma?.[i] ?? 1;
  const beta = (i: number) => norm.beta?.[i] ?? 0;
  const logit = deviations.reduce(
    (total, value, i) => total + w[i] * (gamma(i) * (value / scale) + beta(i)),
    0,
  );
  const moved = meanOf(sizes);
  // an element off by e moves what it is read by w, and by the scale's change, at most e / scale, all that is read
  const sensitive = deviations.reduce((total, value, i) => {
    const read = Math.abs(w[i] * gamma(i)) / scale;
    const byScale = (Math.abs(value) * Math.max(...sizes)) / scale;
    return total + read * (sizes[i] + moved + byScale) + Math.abs(w[i] * beta(i));
  }, 0);
  return { logit, error: 4 * (x.length + 4) * 2 ** -53 * sensitive };
}

/**
 * What each head of a layer wrote of each source: A[p, s] (v[s] − k) W_O[head], and k W_O[head] with k = b_V + beta1 W_V.
 */
function sourceWrites({ config, weights, readAll, pos = 0 }: AttributionInput, layer: number) {
  const { nHeads, dHead, dModel } = config;
  const { W_V, b_V, ln1_b, W_O } = weights.blocks[layer];
  const v = readAll!(`blocks.${layer}.attn.hook_v`);
  const pattern = readAll!(`blocks.${layer}.attn.hook_pattern`);
  const length = v.length / dModel;
  const k = linear(ln1_b, W_V, b_V, 1).value;
  return Array.from({ length: nHeads }, (_, head) => {
    const through = (value: (c: number) => number) =>
      Array.from({ length: dModel }, (_, i) => {
        let sum = 0;
        for (let c = head * dHead; c < (head + 1) * dHead; c++) sum += value(c) * W_O[c * dModel + i];
        return sum;
      });
    const sources = Array.from({ length: pos + 1 }, (_, s) => {
      const weight = pattern[(head * length + pos) * length + s];
      return through((c) => weight * (v[s * dModel + c] - k[c]));
    });
    return { sources, bias: through((c) => k[c]) };
  });
}

/**
 * What a head wrote of what each writer before it had written at a source s, embeddings first:
 *
 *   A[p, s] ((c_w[s] − mean) / scale1[s] ⊙ gamma1) W_V[head] W_O[head]
 */
function pathWrites(
  { config, weights, readAll, pos = 0 }: AttributionInput,
  layer: number,
  head: number,
  s: number,
) {
  const { dHead, dModel } = config;
  const { W_V, ln1_w, W_O } = weights.blocks[layer];
  const pattern = readAll!(`blocks.${layer}.attn.hook_pattern`);
  const length = readAll!("hook_embed").length / dModel;
  const weight = pattern[(head * length + pos) * length + s];
  const scale = readAll!(`blocks.${layer}.ln1.hook_scale`)[s];
  const earlier = Array.from({ length: layer }, (_, l) => [
    `blocks.${l}.hook_attn_out`,
    `blocks.${l}.hook_mlp_out`,
  ]).flat();
  return ["hook_embed", "hook_pos_embed", ...earlier].map((hook) => {
    const c = rowOf(readAll!(hook), s, dModel);
    const mean = meanOf(c);
    const meanSize = meanOf(c.map(Math.abs));
    const write = new Array<number>(dModel).fill(0);
    const sizes = new Array<number>(dModel).fill(0);
    for (let d = head * dHead; d < (head + 1) * dHead; d++) {
      let value = 0;
      let size = 0;
      for (let i = 0; i < dModel; i++) {
        const factor = (ln1_w[i] * W_V[i * dModel + d]) / scale;
        value += (c[i] - mean) * factor;
        size += (Math.abs(c[i]) + meanSize) * Math.abs(factor);
      }
      for (let i = 0; i < dModel; i++) {
        write[i] += weight * value * W_O[d * dModel + i];
        sizes[i] += Math.abs(weight * size * W_O[d * dModel + i]);
      }
    }
    return { write, sizes };
  });
}

/** log softmax of each row of logits, [rows, cols], by the log-sum-exp of what is left above the greatest. */
export function logSoftmax(logits: Numbers, cols: number): Float64Array {
  const out = Float64Array.from(logits);
  for (let start = 0; start < out.length; start += cols) {
    const row = out.subarray(start, start + cols);
    const max = Math.max(...row);
    const total = max + Math.log(row.reduce((sum, value) => sum + Math.exp(value - max), 0));
    row.forEach((value, i) => {
      row[i] = value - total;
    });
  }
  return out;
}
