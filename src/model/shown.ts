import type { ActivationCache } from "./cache/activationCache.ts";
import type { Gpt2 } from "./gpt2.ts";

/**
 * Says how an object is shown: by `console.log` in Node, Deno and Bun, as a text, and in JSON, which would else write all of its
 * arrays. The object has the methods, not its class: a class with a computed name is kept by bundlers where nobody uses it.
 */
export function showAs<T extends object>(object: T, show: (object: T) => string): void {
  for (const name of [Symbol.for("nodejs.util.inspect.custom"), "toString", "toJSON"]) {
    Object.defineProperty(object, name, { value: () => show(object) });
  }
}

/** A model in three lines. */
export function showModel(model: Gpt2): string {
  const { name, config, kernels, backend, compatibilityMode, valueBiases, tokenizer } = model;
  const { nLayers, nHeads, dModel, dMlp, nCtx, dVocab } = config;
  const folded = valueBiases === "kept" ? "compatibility mode, value biases kept" : "compatibility mode";
  const weights = compatibilityMode ? folded : "weights as trained";
  const { threads } = kernels;
  return [
    `Gpt2 ${JSON.stringify(name).replace(/[\p{Cc}\p{Cf}]/gu, "\ufffd")} · ${weights} · ${backend}, ${threads} ${threads === 1 ? "thread" : "threads"}`,
    `  nLayers ${nLayers} · nHeads ${nHeads} · dModel ${dModel} · dMlp ${dMlp} · nCtx ${nCtx} · dVocab ${dVocab}`,
    tokenizer ? `  tokenizer of ${tokenizer.vocabSize} tokens` : "  no tokenizer: it takes ids",
  ].join("\n");
}

/** A cache in three lines: what was run, where, and what it holds. */
export function showCache({ tokens, positions, names }: ActivationCache): string {
  const [first, last] = [names[0], names[names.length - 1]];
  const held = names.length > 2 ? `${first}, …, ${last}` : names.join(", ");
  const isRange = positions.every((pos, i) => pos === positions[0] + i) && positions.length > 2;
  const at = isRange ? `${positions[0]}–${positions[positions.length - 1]}` : positions.join(", ");
  return [
    `ActivationCache · prompts ${tokens.length} · tokens ${tokens[0].length}`,
    `  positions ${at}`,
    `  activations ${names.length}: ${held}`,
  ].join("\n");
}
