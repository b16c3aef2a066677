import { CheckpointError, expectObject, tagOf } from "../errors.ts";
import {
  availableKernels,
  type BackendOptions,
  backendNames,
  type Kernels,
  startKernels,
} from "../tensor/index.ts";
import { type CheckpointOptions, readCheckpoint } from "./checkpoint/checkpoint.ts";
import { otherKind, shownFiles, warnOfAdapter } from "./checkpoint/otherKinds.ts";
import {
  type BlockWeights,
  expectWeights,
  type OuterTables,
  type OuterWeights,
  type PackedBlock,
} from "./checkpoint/weights.ts";
import { expectConfig, type Gpt2Config, parseConfig } from "./config.ts";
import { cancelUnread, fileNamed, fileNames, type ModelFiles, type OpenOptions } from "./files/byteSource.ts";
import { type CacheChoice, openStore } from "./files/fileStore.ts";
import { readText } from "./files/json.ts";
import { expectFolding, type FoldOptions, foldBlock } from "./fold.ts";
import { Gpt2 } from "./gpt2.ts";
import { expectKnown, type NamesOf } from "./knownOptions.ts";
import { expectModelOptions } from "./loadOptions.ts";
import { estimateMemory, expectMemory, type MemoryEstimate } from "./memory.ts";
import { type Block, memoryPlan, packBlock, readyBlock } from "./parameters.ts";
import { memoryTable } from "./table.ts";
import { type ReadTokenizer, readTokenizer } from "./tokenizer/readTokenizer.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** How a model is to be made. */
export interface ModelOptions extends BackendOptions {
  /** Fold while loading, so that no second copy of the model is held; default false: the weights as trained. */
  readonly compatibilityMode?: boolean | undefined;
  /** The folding of `compatibilityMode`: see `FoldOptions`. */
  readonly foldValueBiases?: FoldOptions["foldValueBiases"];
  /** What results call it; default "gpt2". */
  readonly name?: string | undefined;
  /** Another backend than the one that these options choose: `jsKernels`, the plain TypeScript one. */
  readonly kernels?: Kernels | undefined;
}

/** How a model is to be read from files. */
export interface LoadOptions extends ModelOptions, CheckpointOptions {
  /** Told what the model will take, once the config is read and before anything else is. */
  readonly onEstimate?: ((estimate: MemoryEstimate) => void) | undefined;
  /** How many bytes there are; fromPretrained finds out. With less than the weights take, nothing is loaded. */
  readonly availableMemory?: number | undefined;
  /**
   * Keeps what is fetched from URLs in Cache Storage, and takes it from there the next time: `true`, the name of a cache, or
   * a `Cache`. Default: false. A file is written while it is read, and kept once it is whole; files that the load refuses
   * are dropped. Where there is no Cache Storage, or no room in it, the load goes on with a warning.
   */
  readonly cacheStorage?: CacheChoice | undefined;
}

/** The names of `LoadOptions`, for those who pass them on. */
export const loadNames: NamesOf<LoadOptions> = {
  ...backendNames,
  ...{ compatibilityMode: true, foldValueBiases: true, name: true, kernels: true, signal: true },
  ...{ onProgress: true, onWarning: true, onEstimate: true, availableMemory: true, cacheStorage: true },
};

/**
 * A model from its files, in any runtime: config.json, model.safetensors or its shards with their index, and, for
 * texts, vocab.json with merges.txt, or tokenizer.json. Tensors are read one by one, folded if asked, and packed.
 *
 *   await modelFromFiles({ "config.json": new URL("…"), "model.safetensors": await fetch("…"), … })
 *
 * The sources are the load's: when it fails, streams and responses that it has not read are cancelled. In pages and
 * workers: docs/browser.md.
 *
 * @throws CheckpointError when a file is missing, malformed or unsupported
 * @throws MemoryError     when there is less memory than the weights take
 * @throws ValueError      for an option that there is not or of another kind, or what is no source
 * @throws                 the signal's reason when it stops the load
 */
export async function modelFromFiles(files: ModelFiles, options: LoadOptions = {}): Promise<Gpt2> {
  expectKnown("modelFromFiles", options, loadNames);
  expectModelOptions("modelFromFiles", options);
  if (tagOf(files) !== "Map") {
    expectObject("modelFromFiles", files, "files by name", 'Give { "config.json": …, … }, or a Map.');
  }
  const { cacheStorage = false, signal, onWarning = console.warn } = options;
  expectFolding("modelFromFiles", options.foldValueBiases);
  const store = cacheStorage === false ? undefined : await openStore(cacheStorage, onWarning);
  try {
    const model = await load(files, { ...options, fetchFile: store?.fetchFile });
    await store?.settle();
    return model;
  } catch (error) {
    cancelUnread(files);
    const settled = store?.settle(error);
    if (!signal?.aborted) await settled;
    throw error;
  }
}

async function load(files: ModelFiles, options: LoadOptions & OpenOptions): Promise<Gpt2> {
  const warn = options.onWarning ?? console.warn;
  const text = async (name: string) => {
    const source = fileNamed(files, name);
    return source === undefined ? undefined : readText(source, name, options);
  };
  const configText = await text("config.json");
  if (configText === undefined) {
    throw otherKind(fileNames(files)) ?? noConfig(fileNames(files));
  }
  const config = parseConfig(configText);
  warnOfAdapter(fileNames(files), warn);
  const estimate = estimateMemory(config);
  options.onEstimate?.(estimate);
  expectMemory(estimate, options.availableMemory);
  const tokenizer = await readTokenizer(text, fileNames(files), config.dVocab, warn);
  const { precision, threads, spawnThread } = options;
  const kernels = options.kernels ?? (await startKernels({ precision, threads, spawnThread }));
  try {
    if (kernels.note !== null && isParticular(options)) warn(kernels.note);
    const blocks: Block[] = [];
    const receiveBlock = (layer: number, block: PackedBlock) => {
      blocks[layer] = readyBlock(
        options.compatibilityMode
          ? foldBlock(kernels, block, { isCentred: true, foldValueBiases: options.foldValueBiases })
          : block,
      );
    };
    const outer = await readCheckpoint(config, files, kernels, receiveBlock, options);
    return assemble(config, kernels, blocks, outer, tokenizer, options);
  } catch (error) {
    if (options.kernels === undefined) kernels.dispose(); // its threads would live on
    throw error;
  }
}

const weightNames = {
  compatibilityMode: true,
  foldValueBiases: true,
  name: true,
  kernels: true,
  precision: true,
  tokenizer: true,
} as const;

/**
 * A model from weights in memory, as trained; it computes on one thread, unless `kernels` have more.
 *
 * @param weights the blocks in order, and what is outside them; the arrays are kept: don't write to them
 * @throws ShapeError when a weight has not the size that the config gives it
 * @throws ValueError for what is no config, no weights, or an option that there is not or of another kind
 */
export function modelFromWeights(
  config: Gpt2Config,
  weights: OuterWeights & { readonly blocks: readonly BlockWeights[] },
  options: Omit<ModelOptions, "threads" | "spawnThread"> & { readonly tokenizer?: Tokenizer } = {},
): Gpt2 {
  expectKnown("modelFromWeights", options, weightNames);
  expectModelOptions("modelFromWeights", options);
  expectFolding("modelFromWeights", options.foldValueBiases);
  expectConfig("modelFromWeights", config);
  expectWeights(config, weights);
  const kernels = options.kernels ?? availableKernels(options.precision);
  kernels.reserve(memoryPlan(config, kernels.threads));
  const blocks = weights.blocks.map((weights) => {
    const block = packBlock(kernels, config, weights);
    const { compatibilityMode, foldValueBiases } = options;
    return readyBlock(
      compatibilityMode ? foldBlock(kernels, block, { isCentred: false, foldValueBiases }) : block,
    );
  });
  const table = (data: Float32Array) => memoryTable(data, config.dModel);
  const outer = { ...weights, W_E: table(weights.W_E), W_U: weights.W_U && table(weights.W_U) };
  return assemble(config, kernels, blocks, outer, { tokenizer: options.tokenizer }, options);
}

function noConfig(names: readonly string[]): CheckpointError {
  return new CheckpointError(
    `config.json: not among the files, which are ${shownFiles(names)}. ` +
      "Give the files of a Hugging Face GPT-2: config.json, model.safetensors and, for texts, a tokenizer's.",
  );
}

/** Whether more was asked of the backend than that there is one. */
function isParticular({ threads = 1, precision = "reproducible" }: BackendOptions): boolean {
  return threads > 1 || precision === "fast";
}

function assemble(
  config: Gpt2Config,
  kernels: Kernels,
  blocks: readonly Block[],
  outer: OuterTables,
  tokenizer: ReadTokenizer,
  options: ModelOptions,
): Gpt2 {
  const { name = "gpt2", compatibilityMode = false, foldValueBiases = true } = options;
  const folding = { compatibilityMode, foldsValueBiases: foldValueBiases };
  return new Gpt2({ name, config, kernels, ...tokenizer, ...folding, blocks, outer });
}
