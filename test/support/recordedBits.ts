import type { AttributionOptions, AttributionResult, Gpt2 } from "../../src/index.ts";

const prompt = "When Mary and John went to the store, John gave a drink to";

/** SHA-256 of `recordedNumbers` of the demo model: the same on every engine, processor and number of threads. */
export const recordedHash = "fca3d0a38744676c1337ec64196df9407bf9cd817efe6e8fd22b792535c02b12";

/** The same of the plain TypeScript backend, whose matrices accumulate in float64. */
export const recordedHashOfJs = "caa4a4f67713791039c371c8fb136312904b19f65d412cca7ca3ab811a80dc0e";

/** What the demo model says of the prompt of `npm start`: rows by component and by head, and all logits; at every position. */
export function* recordedNumbers(
  model: Gpt2,
  attribute: (model: Gpt2, prompt: string, options: AttributionOptions) => AttributionResult,
): Generator<Float64Array | Float32Array> {
  for (const unit of ["component", "head"] as const) {
    const { attributions } = attribute(model, prompt, { answer: " Mary", wrong: " John", unit, pos: "all" });
    for (const { scores } of attributions) yield scores.data;
  }
  yield model.run(prompt).data;
}
