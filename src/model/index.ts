export type { AttentionSplit } from "./attentionSplit.ts";
export { ActivationCache } from "./cache/activationCache.ts";
export { actName } from "./cache/actName.ts";
export type { LogitAttrsOptions } from "./cache/logitAttrs.ts";
export type {
  AccumulateOptions,
  DecomposeOptions,
  HeadOptions,
  ResidualStack,
} from "./cache/residualStacks.ts";
export type { CheckpointOptions } from "./checkpoint/checkpoint.ts";
export { readShardIndex } from "./checkpoint/shards.ts";
export type { BlockWeights, OuterWeights } from "./checkpoint/weights.ts";
export { type Gpt2Config, parseConfig } from "./config.ts";
export { orAbort } from "./files/attempt.ts";
export type { Progress } from "./files/byteReader.ts";
export type { ModelFiles, OpenFile, Source } from "./files/byteSource.ts";
export type { ByteFile } from "./files/bytes.ts";
export type { CacheChoice, ResponseCache } from "./files/fileStore.ts";
export { describe as describeValue, impostor } from "./files/json.ts";
export type { FoldOptions } from "./fold.ts";
export { type CacheOptions, Gpt2 } from "./gpt2.ts";
export {
  type HookFilter,
  type HookFn,
  type HookName,
  type HookPoint,
  hookNames,
  hookShapes,
} from "./hooks.ts";
export { asList, type Integers, isIntegers, plainIntegers } from "./integers.ts";
export { expectKnown, type NamesOf } from "./knownOptions.ts";
export { type LoadOptions, loadNames, type ModelOptions, modelFromFiles, modelFromWeights } from "./load.ts";
export { estimateMemory, type MemoryEstimate, showBytes } from "./memory.ts";
export type { Hook } from "./observer.ts";
export { type Positions, resolvePositions } from "./positions.ts";
export { type ModelInput, type PromptReader, readPrompts } from "./prompts.ts";
export type { LogitsWanted, RunOptions } from "./run.ts";
export {
  createTokenizer,
  gpt2Tokenizer,
  type Tokenizer,
  type TokenizerFiles,
} from "./tokenizer/tokenizer.ts";
export { hasToken, readToken, showToken, type TokenRef, textTokens } from "./tokens.ts";
export { tokenColumn, tokenColumns, type Unembedding, type UnembeddingColumn } from "./unembedding.ts";
export {
  type FinalNorm,
  type LinearSplit,
  type ResidualWriter,
  type SplitReading,
  throughNorm,
} from "./writers.ts";
