import { CheckpointError } from "../errors.ts";
import { jsKernels, type Kernels } from "../tensor/index.ts";
import { type CheckpointOptions, readCheckpoint } from "./checkpoint/checkpoint.ts";
import { type BlockWeights, expectWeights, type OuterWeights } from "./checkpoint/weights.ts";
import { type Gpt2Config, parseConfig } from "./config.ts";
import { fileNamed, fileNames, type ModelFiles } from "./files/byteSource.ts";
import { readText } from "./files/json.ts";
import { foldBlock } from "./fold.ts";
import { Gpt2 } from "./gpt2.ts";
import { type Block, packBlock } from "./parameters.ts";
import { createTokenizer, type Tokenizer, type TokenizerFiles } from "./tokenizer/tokenizer.ts";

/** How a model is to be made. */
export interface ModelOptions {
  /** Fold while loading, so that no second copy of the model is held; default false: the weights as trained. */
  readonly compatibilityMode?: boolean | undefined;
  /** What results call it; default "gpt2". */
  readonly name?: string | undefined;
  /** The backend that computes; default the pure-TypeScript one. */
  readonly kernels?: Kernels | undefined;
}

/** How a model is to be read from files. */
export interface LoadOptions extends ModelOptions, CheckpointOptions {}

/**
 * A model from its files, in any runtime: config.json, model.safetensors or its shards with their index, and, for
 * texts, vocab.json with merges.txt, or tokenizer.json. Tensors are read one by one, folded if asked, and packed.
 *
 *   await modelFromFiles({ "config.json": new URL("…"), "model.safetensors": await fetch("…"), … })
 *
 * @throws CheckpointError when a file is missing, malformed or unsupported
 */
export async function modelFromFiles(files: ModelFiles, options: LoadOptions = {}): Promise<Gpt2> {
  const text = async (name: string) => {
    const source = fileNamed(files, name);
    return source === undefined ? undefined : readText(source, name, options.signal);
  };
  const configText = await text("config.json");
  if (configText === undefined) {
    throw new CheckpointError(
      `config.json: not among the ${fileNames(files).length} files given, expected the model's config. ` +
        "Give the files of a Hugging Face GPT-2: config.json, model.safetensors and a tokenizer's.",
    );
  }
  const config = parseConfig(configText);
  const tokenizer = await readTokenizer(text);
  const blocks: Block[] = new Array(config.nLayers);
  const build = blockBuilder(config, options);
  const outer = await readCheckpoint(
    config,
    files,
    (layer, block) => (blocks[layer] = build(block)),
    options,
  );
  return assemble(config, blocks, outer, tokenizer, options);
}

/**
 * A model from weights in memory, as trained.
 *
 * @param weights the blocks in order, and what is outside them; the arrays are kept: don't write to them
 * @throws ShapeError when a weight has not the size that the config gives it
 */
export function modelFromWeights(
  config: Gpt2Config,
  weights: OuterWeights & { readonly blocks: readonly BlockWeights[] },
  options: ModelOptions & { readonly tokenizer?: Tokenizer } = {},
): Gpt2 {
  expectWeights(config, weights);
  const blocks = weights.blocks.map(blockBuilder(config, options));
  return assemble(config, blocks, weights, options.tokenizer, options);
}

function blockBuilder(config: Gpt2Config, options: ModelOptions): (weights: BlockWeights) => Block {
  const { kernels = jsKernels, compatibilityMode = false } = options;
  return (weights) =>
    packBlock(kernels, config, compatibilityMode ? foldBlock(weights, config.dModel) : weights);
}

function assemble(
  config: Gpt2Config,
  blocks: readonly Block[],
  outer: OuterWeights,
  tokenizer: Tokenizer | undefined,
  options: ModelOptions,
): Gpt2 {
  const { name = "gpt2", kernels = jsKernels, compatibilityMode = false } = options;
  return new Gpt2({ name, config, kernels, tokenizer, compatibilityMode, blocks, outer });
}

/** The tokenizer, where its files are given: tokenizer.json, or vocab.json and merges.txt. */
async function readTokenizer(
  text: (name: string) => Promise<string | undefined>,
): Promise<Tokenizer | undefined> {
  const files = {
    tokenizer: await text("tokenizer.json"),
    vocab: await text("vocab.json"),
    merges: await text("merges.txt"),
    config: await text("tokenizer_config.json"),
    specialTokensMap: await text("special_tokens_map.json"),
    addedTokens: await text("added_tokens.json"),
  };
  if (files.tokenizer === undefined && files.vocab === undefined && files.merges === undefined)
    return undefined;
  const given = Object.entries(files).filter(([, content]) => content !== undefined);
  return createTokenizer(Object.fromEntries(given) as TokenizerFiles);
}
