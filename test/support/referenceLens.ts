/** The logit lens and a component's vocabulary in float64, written from the formulas. Shares no code with src. */
import type { Gpt2Config } from "../../src/model/index.ts";
import type { Numbers, ReferenceWeights } from "./reference.ts";

/** A captured activation's row at one prompt and position. */
export type Read = (hook: string) => Numbers;

/** Numbers, and how far float32 may be from each. */
export interface Bounded {
  readonly value: number[];
  readonly error: number[];
}

const U32 = 2 ** -24 * (1 + 2 ** -20);

/** The residual stream as captured, by TransformerLens's labels. */
export function capturedRows({ nLayers }: Gpt2Config, read: Read): { label: string; row: Numbers }[] {
  return [
    ...Array.from({ length: nLayers }, (_, l) => [
      { label: `${l}_pre`, row: read(`blocks.${l}.hook_resid_pre`) },
      { label: `${l}_mid`, row: read(`blocks.${l}.hook_resid_mid`) },
    ]).flat(),
    { label: "final_post", row: read(`blocks.${nLayers - 1}.hook_resid_post`) },
  ];
}

/**
 * A row's logits, (gamma ⊙ (x − mean) / σ + beta) W_Uᵀ + b_U with σ its own unless it is given; `error` allows for a
 * norm's output rounded to float32 once, and a product in float32 whose sum is off by `accumulation` of its terms' magnitudes.
 */
export function lensLogits(
  { dModel, dVocab, eps }: Gpt2Config,
  weights: ReferenceWeights,
  x: Numbers,
  scale: number | undefined,
  accumulation: number,
): Bounded {
  const { output, error } = normalized(weights, Array.from(x), scale, eps);
  const logits: Bounded = { value: [], error: [] };
  for (let t = 0; t < dVocab; t++) {
    let sum = weights.b_U[t];
    let magnitude = Math.abs(sum);
    let inherited = 0;
    for (let i = 0; i < dModel; i++) {
      const w = weights.W_U[t * dModel + i];
      sum += output[i] * w;
      magnitude += Math.abs(output[i] * w);
      inherited += Math.abs(w) * error[i];
    }
    logits.value.push(sum);
    logits.error.push(1.01 * (inherited + accumulation * magnitude + U32 * Math.abs(sum)) + 2 ** -149);
  }
  return logits;
}

function normalized(weights: ReferenceWeights, x: number[], scale: number | undefined, eps: number) {
  const n = x.length;
  const average = (values: number[]) => values.reduce((a, b) => a + b, 0) / n;
  const mean = average(x);
  const size = average(x.map(Math.abs));
  const sigma = scale ?? Math.sqrt(average(x.map((value) => (value - mean) ** 2)) + eps);
  const output = x.map((value, i) => ((value - mean) / sigma) * weights.lnFinal_w[i] + weights.lnFinal_b[i]);
  // one rounding; and what float64 loses in the mean, which σ, where it is small, magnifies once more
  const double = 8 * (n + 8) * 2 ** -53;
  const error = output.map((value, i) => {
    const terms = (Math.abs(x[i]) + size) / sigma;
    const lost = Math.abs(weights.lnFinal_w[i]) * terms * (1 + size / sigma) + Math.abs(weights.lnFinal_b[i]);
    return U32 * Math.abs(value) + double * lost + 2 ** -149;
  });
  return { output, error };
}

/** A softmax's probabilities and its entropy, each from the greatest logit down. */
export function softmaxOf(logits: Numbers): { probabilities: number[]; entropy: number } {
  const list = Array.from(logits);
  const max = list.reduce((a, b) => Math.max(a, b));
  const powers = list.map((logit) => Math.exp(logit - max));
  const total = powers.reduce((a, b) => a + b, 0);
  const probabilities = powers.map((power) => power / total);
  const entropy = probabilities.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
  return { probabilities, entropy };
}

/** What a component wrote, by its label: a captured write, z_h W_O[h], or post_n W_out[n]. */
export function writeOf(config: Gpt2Config, weights: ReferenceWeights, read: Read, label: string): number[] {
  const { dModel, dHead } = config;
  const [, l, letter, n] = label.match(/^L(\d+)([HN])(\d+)$/) ?? [];
  if (letter === undefined) {
    const [, layer, part] = label.match(/^(\d+)_(\w+)$/) ?? [];
    return Array.from(read(layer === undefined ? `hook_${label}` : `blocks.${layer}.hook_${part}`));
  }
  const here = `blocks.${l}`;
  const { W_O, W_out } = weights.blocks[Number(l)];
  const [activation, W, size] =
    letter === "H" ? [read(`${here}.attn.hook_z`), W_O, dHead] : [read(`${here}.mlp.hook_post`), W_out, 1];
  return Array.from({ length: dModel }, (_, i) => {
    let sum = 0;
    for (let d = Number(n) * size; d < (Number(n) + 1) * size; d++) sum += activation[d] * W[d * dModel + i];
    return sum;
  });
}

/** A write against every token, less the mean of all; and of each score its terms' magnitudes. */
export function vocabularyScores(
  { dModel, dVocab }: Gpt2Config,
  weights: ReferenceWeights,
  write: readonly number[],
  scale: number,
): { scores: number[]; mean: number; magnitude: number } {
  const mean = write.reduce((a, b) => a + b, 0) / dModel;
  const size = write.reduce((a, b) => a + Math.abs(b), 0) / dModel;
  let magnitude = 0;
  const raw = Array.from({ length: dVocab }, (_, t) => {
    let sum = 0;
    let terms = 0;
    for (let i = 0; i < dModel; i++) {
      const w = (weights.lnFinal_w[i] * weights.W_U[t * dModel + i]) / scale;
      sum += (write[i] - mean) * w;
      terms += (Math.abs(write[i]) + size) * Math.abs(w);
    }
    magnitude = Math.max(magnitude, terms);
    return sum;
  });
  const average = raw.reduce((a, b) => a + b, 0) / dVocab;
  return { scores: raw.map((score) => score - average), mean: average, magnitude };
}
