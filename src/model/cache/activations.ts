import type { Tensor } from "../../tensor/index.ts";
import type { Positions } from "../positions.ts";
import type { PromptReader } from "../prompts.ts";
import type { RunnableModel } from "../run.ts";
import type { FinalNorm } from "../writers.ts";

/** What reading activations needs of the model whose they are. */
export interface CachedModel extends RunnableModel, Pick<PromptReader, "tokenizer"> {
  readonly finalNorm: FinalNorm;
}

/** What the decompositions need of a cache. */
export interface Activations {
  readonly model: CachedModel;
  readonly tokens: readonly (readonly number[])[];
  readonly positions: readonly number[];
  indexPositions(where: string, positions: Positions): number[];
  at(name: string, positions: Positions): Tensor;
}
