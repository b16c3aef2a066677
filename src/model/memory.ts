import { MemoryError } from "../errors.ts";
import { expectConfig, type Gpt2Config } from "./config.ts";
import { memoryPlan } from "./parameters.ts";

/** What a model needs of memory, in bytes, about: see `estimateMemory`. */
export interface MemoryEstimate {
  /** The blocks' weights and the positions', in float32 whatever the file has. */
  readonly weights: number;
  /** The embedding, where it does not stay in the file: a local one that can be read at any place. */
  readonly embedding: number;
  /** The unembedding, once all logits are asked for; attribution never does. */
  readonly unembedding: number;
  /** A run over the whole context, at the most. */
  readonly activations: number;
}

/**
 * The memory that a model of this config takes. It can be known before anything is loaded.
 *
 * @throws ValueError for what is no config
 */
export function estimateMemory(config: Gpt2Config): MemoryEstimate {
  expectConfig("estimateMemory", config);
  const { nCtx, dModel, dVocab, tieWordEmbeddings } = config;
  const { matrices, activations } = memoryPlan(config, 1);
  const elements = matrices.reduce((sum, { inner, cols }) => sum + inner * 8 * Math.ceil(cols / 8), 0);
  const table = 4 * dVocab * dModel;
  return {
    weights: 4 * (elements + nCtx * dModel),
    embedding: tieWordEmbeddings ? table : 2 * table,
    unembedding: table,
    activations: 4 * activations,
  };
}

/** @throws MemoryError where the weights alone are more than there is */
export function expectMemory({ weights }: MemoryEstimate, available: number | undefined): void {
  if (available === undefined || weights <= available) return;
  throw new MemoryError(
    `model: got ${showBytes(available)} of free memory, expected at least ${showBytes(weights)} for the weights. ` +
      "Close what else needs memory, or take a smaller model.",
  );
}

/** 1.36 GB, 498 MB, 29 kB */
export function showBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}
