import {
  directLogitAttribution,
  type Gpt2,
  jsKernels,
  type Kernels,
  type ModelFiles,
  modelFromFiles,
} from "../../../src/index.ts";
import { expect, expectAffordable, tolerate } from "../outcome.ts";

/** The plain backend; what it is asked to reserve must be affordable. */
const kernels: Kernels = {
  ...jsKernels,
  reserve({ matrices, activations }) {
    expectAffordable(matrices.reduce((sum, { inner, cols }) => sum + 4 * inner * cols, 0));
    expectAffordable(activations);
  },
};

/** Loads a model, folded, and asks it something. */
export async function loadAndAsk(files: ModelFiles): Promise<void> {
  const model = await modelFromFiles(files, { kernels, compatibilityMode: true, onWarning: () => {} });
  ask(model, [1, 2]);
  if (model.tokenizer !== undefined) ask(model, "hat");
}

/** That every number of an attribution is finite, or it is refused. */
function ask(model: Gpt2, input: string | number[]): void {
  const result = tolerate(() => directLogitAttribution(model, input, { answer: 1, wrong: 2, unit: "head" }));
  for (const { scores, check } of result?.attributions ?? []) {
    expect([...scores.data, ...Object.values(check)].every(Number.isFinite), "a score that is not finite");
  }
}
