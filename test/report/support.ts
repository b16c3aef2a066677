import type { Attribution, AttributionResult } from "../../src/dla/index.ts";

/** A result by hand: rows for each attribution, a check that holds. */
export function resultOf(
  labels: readonly string[],
  rows: readonly (readonly number[])[],
  changes: Partial<AttributionResult> = {},
): AttributionResult {
  const unit = changes.unit ?? "component";
  return {
    unit,
    axes: [unit],
    labels,
    model: {
      name: "tiny",
      layers: 1,
      heads: 2,
      dModel: 4,
      dVocab: 9,
      compatibilityMode: true,
      backend: "js",
    },
    prompts: [{ text: "a cat", tokens: [0, 5, 7], stringTokens: ["<|endoftext|>", "a", " cat"] }],
    attributions: rows.map((scores, index) => attributionOf(scores, index, unit === "layer")),
    ...changes,
  };
}

export function attributionOf(scores: readonly number[], index = 0, isCumulative = false): Attribution {
  const sum = isCumulative ? scores.at(-1)! : scores.reduce((total, score) => total + score, 0);
  return {
    prompt: 0,
    pos: 2 - index,
    answer: { id: 3, text: " Mary" },
    wrong: { id: 4, text: " John" },
    scores: { shape: [scores.length], data: Float64Array.from(scores) },
    check: {
      sum,
      rounding: 2.1e-7,
      bias: 0.25,
      logit: sum + 0.25,
      error: 3.1e-8,
      bound: 4.7e-7,
      roundingBound: 1.4e-6,
    },
  };
}

/** Text without its ANSI colours. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
  return text.replace(/\x1b\[[\d;]*m/g, "");
}
