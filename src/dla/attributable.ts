import { describe, expectFlags, NotImplementedError, ValueError } from "../errors.ts";
import type { FinalNorm, PromptReader, ResidualWriter, Unembedding } from "../model/index.ts";
import type { Accuracy, Tensor } from "../tensor/index.ts";

/**
 * What attribution needs of a model: what writes to its residual stream, the norm and the unembedding that read
 * it, and a run that captures activations. Any model that declares these is attributed without a change here.
 */
export interface Attributable extends PromptReader {
  /** What results call it. */
  readonly name: string;
  /** What computes, as shown in results. */
  readonly backend: string;
  /** How exact that is: the checks' bounds are derived from it. Wider than true passes errors, narrower refuses what is right. */
  readonly accuracy: Accuracy;
  readonly config: PromptReader["config"] & {
    readonly nLayers: number;
    readonly nHeads: number;
    readonly dModel: number;
  };
  /**
   * Whether the norms are folded into the weights and these centred, the unembedding over the vocabulary too. False of a
   * model with its weights as trained, whose rows are as exact: its callers say `allowRawWeights`, and the final norm's
   * beta, where it has one, is a row.
   */
  readonly compatibilityMode: boolean;
  /** "kept" where folding left the value biases in what heads write; results of a folded model say so. */
  readonly valueBiases?: "folded" | "kept" | undefined;
  /** In the order in which they are added to the residual stream. */
  readonly writers: readonly ResidualWriter[];
  /** The norm before the unembedding. */
  readonly finalNorm: FinalNorm;
  /** W_U and b_U, by columns. */
  readonly unembedding: Unembedding;
  /**
   * Each block's parts joined by `+`: "attn+mlp". A part called mamba, ssm, mixer or linear_attn is refused unless a
   * writer of that block declares it (`part`).
   */
  layerTypes(): readonly string[];
  /**
   * A run on prompts of one length that keeps the named activations at these positions, counted from 0. Some of them
   * at every position, `everyPos`. No logits are needed.
   */
  runWithCache(
    input: readonly (readonly number[])[],
    options: {
      names: (name: string) => boolean;
      pos: readonly number[];
      everyPos?: (name: string) => boolean;
      logits: "none";
    },
  ): { cache: AttributableCache };
}

/** Activations of one run. */
export interface AttributableCache {
  /** The model whose run this is: the very object. */
  readonly model: unknown;
  /** The prompts' ids, all of one length. */
  readonly tokens: readonly (readonly number[])[];
  /** The positions held, from 0. */
  readonly positions: readonly number[];
  /** Where an activation is held, from 0, if not at `positions`; without this, all are held there. */
  positionsOf?(name: string): readonly number[];
  /** Whether the activation of that hook is held. */
  has(name: string): boolean;
  /** [batch, positions, …], float32, row-major: the prompts in the order of `tokens`, the positions in theirs. */
  get(name: string): Tensor;
}

/** Parts of a block that write to the residual stream in ways of their own, as TransformerLens's tool lists them. */
const unattributedParts: readonly string[] = ["mamba", "ssm", "mixer", "linear_attn"];

/** @throws ValueError for what is no model: a forgotten await, a path, arguments in another order */
export function expectModel(where: string, model: Attributable): void {
  const { config, writers, finalNorm, unembedding, layerTypes, runWithCache } = Object(
    model,
  ) as Partial<Attributable>;
  const isOne =
    typeof layerTypes === "function" &&
    typeof runWithCache === "function" &&
    Array.isArray(writers) &&
    [config, finalNorm, unembedding].every((part) => typeof part === "object" && part !== null);
  if (isOne) return;
  throw new ValueError(
    `${where}: got ${describe(model)}, expected a model first. Give what modelFromFiles, fromPretrained or demoModel resolves to.`,
  );
}

/** @throws ValueError for what does not hold activations */
export function expectActivations(where: string, cache: AttributableCache | undefined): void {
  if (cache === undefined) return;
  const { tokens, positions, has, get } = Object(cache) as Partial<AttributableCache>;
  const isOne =
    Array.isArray(tokens) &&
    Array.isArray(positions) &&
    typeof has === "function" &&
    typeof get === "function";
  if (isOne) return;
  throw new ValueError(
    `${where}: cache: got ${describe(cache)}, expected activations. Give the \`cache\` that runWithCache returns.`,
  );
}

/**
 * @throws NotImplementedError for a block with a state-space or linear-attention part that declares no writer
 * @throws ValueError for a model with its weights as trained, unless these are allowed
 */
export function expectAttributable(where: string, model: Attributable, allowRawWeights: boolean): void {
  expectModel(where, model);
  expectFlags(where, { allowRawWeights });
  for (const [layer, type] of model.layerTypes().entries()) {
    const declared = model.writers.filter((writer) => writer.layer === layer).map((writer) => writer.part);
    const part = type.split("+").find((name) => unattributedParts.includes(name) && !declared.includes(name));
    if (part === undefined) continue;
    throw new NotImplementedError(
      `${where}: got a block of type "${type}" (layer ${layer}), expected blocks whose every part declares what it writes. ` +
        `Declare the residual writer of its "${part}" in the model's writers.`,
    );
  }
  if (model.compatibilityMode || allowRawWeights) return;
  throw new ValueError(
    `${where}: got a model with its weights as trained, expected one in compatibility mode. ` +
      "Use the model that model.enableCompatibilityMode() returns (it makes a new one), or directLogitAttribution with allowRawWeights: true.",
  );
}

/** @throws ValueError unless the cache is of this very model and these prompts, and holds what is needed */
export function expectCache(
  where: string,
  model: Attributable,
  cache: AttributableCache,
  prompts: readonly (readonly number[])[],
  positions: readonly number[],
  names: readonly string[],
  everyPos: readonly string[] = [],
): void {
  if (cache.model !== model) {
    throw new ValueError(
      `${where}: got a cache taken from another model (a raw and a folded model are two), expected one of this model. ` +
        "Run runWithCache on the model that is attributed.",
    );
  }
  const same = (a: readonly number[], b: readonly number[]) =>
    a.length === b.length && a.every((id, i) => id === b[i]);
  if (
    prompts.length !== cache.tokens.length ||
    !prompts.every((prompt, i) => same(prompt, cache.tokens[i]))
  ) {
    throw new ValueError(
      `${where}: got a cache of other prompts than the input, expected one of the same tokens. ` +
        "Leave the input undefined to use the cache's own.",
    );
  }
  const absent = positions.filter((pos) => !cache.positions.includes(pos));
  if (absent.length > 0) {
    throw new ValueError(
      `${where}: got a cache without position ${absent.join(", ")}, expected the positions that are attributed. ` +
        `It holds ${cache.positions.join(", ")}: ask for the others in runWithCache's pos.`,
    );
  }
  const quote = (list: readonly string[]) => list.map((name) => `"${name}"`).join(", ");
  const missing = names.filter((name) => !cache.has(name));
  if (missing.length > 0) {
    throw new ValueError(
      `${where}: got a cache without ${quote(missing)}, which the rows or their check need. ` +
        "Ask for these in runWithCache's names, or leave names out, and run all layers.",
    );
  }
  const sources = Array.from({ length: Math.max(...positions) + 1 }, (_, pos) => pos);
  const partial = everyPos.filter((name) => {
    const held = new Set(cache.positionsOf?.(name) ?? cache.positions);
    return !sources.every((pos) => held.has(pos));
  });
  if (partial.length === 0) return;
  throw new ValueError(
    `${where}: got a cache with ${quote(partial)} at some positions, expected every position up to the last attributed one. ` +
      "Ask for these in runWithCache's everyPos, or leave pos out.",
  );
}
