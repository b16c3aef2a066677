import { describe, expectFlags, ValueError } from "../errors.ts";
import type { Accuracy, Kernels, Tensor } from "../tensor/index.ts";
import { ActivationCache } from "./cache/activationCache.ts";
import type { OuterTables } from "./checkpoint/weights.ts";
import type { Gpt2Config } from "./config.ts";
import type { Embedding } from "./embedding.ts";
import { type FoldOptions, foldBlock, readFolding } from "./fold.ts";
import { type HookFilter, type HookName, selectHooks } from "./hooks.ts";
import { asList, type Integers } from "./integers.ts";
import { expectKnown, type NamesOf } from "./knownOptions.ts";
import { type Hook, hooksByName } from "./observer.ts";
import { type Affine, affine, type Block, copyBlock, memoryPlan, readyBlock } from "./parameters.ts";
import { type Positions, resolvePositions } from "./positions.ts";
import { expectTokenId, expectTokenizer, type ModelInput, readPrompts, textToTokens } from "./prompts.ts";
import { type RunOptions, reachedNames, run, runNames } from "./run.ts";
import { showAs, showModel } from "./shown.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";
import { showToken, singleToken } from "./tokens.ts";
import { foldedUnembedding, rawUnembedding, type Unembedding } from "./unembedding.ts";
import { type FinalNorm, gpt2Writers, type ResidualWriter } from "./writers.ts";

/** What a model is made of. `blocks` are folded already where `compatibilityMode` is true; `outer` never is. */
export interface Gpt2Parts {
  readonly name: string;
  readonly config: Gpt2Config;
  readonly kernels: Kernels;
  readonly tokenizer: Tokenizer | undefined;
  readonly unreadTokenizer?: string | undefined;
  readonly compatibilityMode: boolean;
  /** True where b_V went into b_O. */
  readonly foldsValueBiases: boolean;
  readonly blocks: readonly Block[];
  readonly outer: OuterTables;
}

/** What `runWithCache` keeps. */
export interface CacheOptions extends RunOptions {
  /** The activations that are meant: a name, a list or a Set, a RegExp or a predicate. Without it, or null, all but those that cost extra. */
  readonly names?: HookFilter | null | undefined;
  /** At which positions; default all. */
  readonly pos?: Positions | undefined;
  /** Activations to keep at every position whatever `pos` says, named as `names`: such as values, which later queries read. */
  readonly everyPos?: HookFilter | null | undefined;
  /** Hooks to run with; the cache holds what they returned. */
  readonly hooks?: readonly Hook[] | undefined;
}

const cacheNames: NamesOf<CacheOptions> = {
  ...runNames,
  names: true,
  pos: true,
  everyPos: true,
  hooks: true,
};

const bosNames = { prependBos: true } as const;

export interface Gpt2 extends Disposable {}

/**
 * A GPT-2. Loading is async, running is not; nothing here changes a model once it is made.
 *
 * Inputs are a text, texts, the ids of a prompt or lists of ids; the prompts of one run have one length. A text
 * gets the BOS token in front, as in TransformerLens, unless it begins with it.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: it has what Disposable says, see beDisposable
export class Gpt2 {
  /** What results call it: the folder's name, "demo", or the `name` given. */
  readonly name: string;
  readonly config: Gpt2Config;
  /** The backend, and the memory that it has the weights in. */
  readonly kernels: Kernels;
  /** Undefined for a model without a tokenizer's files, or with those of a kind that is not read: it takes ids only. */
  readonly tokenizer: Tokenizer | undefined;
  /** The kind of tokenizer that the files have, where it is one that is not read: `tokenizer.json: model.type "Unigram"`. */
  readonly unreadTokenizer: string | undefined;
  /** Whether the LayerNorms are folded and the weights centred: what attribution needs. */
  readonly compatibilityMode: boolean;
  /** "folded" where the value biases b_V went into b_O, so that no head writes them; "kept" where z has them, as on the weights as trained. */
  readonly valueBiases: "folded" | "kept";
  /** @internal */
  readonly embedding: Embedding;
  /** @internal */
  readonly blocks: readonly Block[];
  /** @internal */
  readonly lnFinal: Affine | null;
  /** W_U and b_U, by columns. */
  readonly unembedding: Unembedding;
  /** What adds to the residual stream, in the order in which it is added. */
  readonly writers: readonly ResidualWriter[];
  /** The norm before the unembedding. */
  readonly finalNorm: FinalNorm;
  readonly #outer: OuterTables;
  readonly #folded = new Map<boolean, Gpt2>();

  constructor(parts: Gpt2Parts) {
    const { config, kernels, compatibilityMode, outer } = parts;
    const { lnFinal_w, lnFinal_b } = outer;
    const { dModel } = config;
    const table = outer.W_U ?? outer.W_E;
    this.name = parts.name;
    this.config = config;
    this.kernels = kernels;
    this.tokenizer = parts.tokenizer;
    this.unreadTokenizer = parts.unreadTokenizer;
    this.compatibilityMode = compatibilityMode;
    this.valueBiases = compatibilityMode && parts.foldsValueBiases ? "folded" : "kept";
    this.blocks = parts.blocks;
    this.embedding = {
      dModel,
      W_E: outer.W_E,
      W_pos: compatibilityMode ? centred(kernels, outer.W_pos, dModel) : outer.W_pos,
      centred: compatibilityMode,
    };
    this.lnFinal = compatibilityMode ? null : affine(lnFinal_w, lnFinal_b);
    this.unembedding = compatibilityMode
      ? foldedUnembedding(kernels, table, lnFinal_w, lnFinal_b)
      : rawUnembedding(kernels, table);
    this.writers = gpt2Writers(kernels, config, parts.blocks);
    this.finalNorm = {
      centred: true,
      gamma: this.lnFinal?.gamma ?? null,
      beta: this.lnFinal?.beta ?? null,
      eps: config.eps,
      inputHook: `blocks.${config.nLayers - 1}.hook_resid_post`,
      scaleHook: "ln_final.hook_scale",
      outputHook: "unembed.hook_in",
    };
    this.#outer = outer;
    showAs(this, showModel);
    beDisposable(this);
  }

  /** The backend that computes, and why it is not the one asked for where it is not: "wasm", "js: …". */
  get backend(): string {
    const { name, note } = this.kernels;
    return note === null ? name : `${name}: ${note}`;
  }

  /** How exact that backend is. */
  get accuracy(): Accuracy {
    return this.kernels.accuracy;
  }

  /**
   * The logits, or the residual stream [batch, pos, dModel] where `stopAtLayer` is given.
   *
   * @returns [batch, pos, dVocab], or what `options.logits` asks for
   * @throws ValueError for a bad prompt or option, before anything runs
   */
  run(input: ModelInput, options: RunOptions = {}): Tensor {
    const where = "run";
    expectKnown(where, options, runNames);
    const tokens = readPrompts(where, this, input, options.prependBos);
    return run(where, this, tokens, options, new Map(), undefined);
  }

  /**
   * The logits, and the activations by name. The cache shares what the forward pass computed: read it, don't
   * write to it.
   *
   * @throws ValueError as `run`, and for a hook name that the model does not have or the run does not reach
   */
  runWithCache(input: ModelInput, options: CacheOptions = {}): { logits: Tensor; cache: ActivationCache } {
    const where = "runWithCache";
    expectKnown(where, options, cacheNames);
    const tokens = readPrompts(where, this, input, options.prependBos);
    const reached = reachedNames(where, this.config.nLayers, options.stopAtLayer);
    const everyPos =
      options.everyPos === undefined || options.everyPos === null
        ? new Set<HookName>()
        : selectHooks(`${where}: everyPos`, options.everyPos, reached);
    const names = new Set([...selectHooks(`${where}: names`, options.names, reached), ...everyPos]);
    const positions = resolvePositions(`${where}: pos`, options.pos ?? "all", tokens[0].length);
    const hooks = hooksByName(`${where}: hooks`, options.hooks ?? [], reached);
    const activations = new Map<string, Tensor>();
    const store = (name: string, activation: Tensor) => activations.set(name, activation);
    const logits = run(where, this, tokens, options, hooks, { names, positions, everyPos, store });
    return { logits, cache: new ActivationCache(this, tokens, positions, activations, everyPos) };
  }

  /**
   * The logits of a run in which each hook sees, and may replace, the activations it names.
   *
   * @throws ValueError as `run`, and for a hook name that the model does not have or the run does not reach;
   *   ShapeError when a hook returns a tensor of another shape
   */
  runWithHooks(input: ModelInput, hooks: readonly Hook[], options: RunOptions = {}): Tensor {
    const where = "runWithHooks";
    expectKnown(where, options, runNames);
    const tokens = readPrompts(where, this, input, options.prependBos);
    const reached = reachedNames(where, this.config.nLayers, options.stopAtLayer);
    return run(where, this, tokens, options, hooksByName(where, hooks, reached), undefined);
  }

  /**
   * A new model with the same log-probabilities whose weights are processed as TransformerLens does: LayerNorms
   * folded, reading and writing weights and the unembedding centred, value biases folded; in float64, rounded
   * once. This model is unchanged: use the returned one, which is the same at every call. A folded model returns itself.
   *
   * @param options `foldValueBiases: false` leaves b_V in the values, so that a head's row and its ablation are with it
   * @throws ValueError for a bad option, or one that says otherwise than a folded model was folded
   */
  enableCompatibilityMode(options: FoldOptions = {}): Gpt2 {
    const own = this.compatibilityMode ? this.valueBiases : null;
    const foldValueBiases = readFolding("enableCompatibilityMode", options, own);
    if (own !== null) return this;
    const folded = this.#folded.get(foldValueBiases) ?? this.#fold(foldValueBiases);
    this.#folded.set(foldValueBiases, folded);
    return folded;
  }

  #fold(foldValueBiases: boolean): Gpt2 {
    const { name, config, kernels, tokenizer, unreadTokenizer } = this;
    kernels.reserve(memoryPlan(config, kernels.threads));
    const blocks = this.blocks.map((block) =>
      readyBlock(
        foldBlock(kernels, copyBlock(kernels, config, block), { isCentred: false, foldValueBiases }),
      ),
    );
    return new Gpt2({
      name,
      config,
      kernels,
      tokenizer,
      unreadTokenizer,
      compatibilityMode: true,
      foldsValueBiases: foldValueBiases,
      blocks,
      outer: this.#outer,
    });
  }

  /**
   * Ends the model's threads and lets go of its memory, also that of the models made from it and of the one it was made
   * from: they share it. What is asked of them afterwards is a ValueError, but on plain JavaScript, which has neither.
   * `using model = await …` calls it at the end of the block. A model that nobody holds is let go of too, its threads with it, but
   * only when the engine next collects its garbage.
   */
  dispose(): void {
    this.kernels.dispose();
  }

  /**
   * A text's ids, the BOS token in front unless the text begins with it or `prependBos` is false.
   *
   * @throws ValueError for what is no text, or a model without a tokenizer
   */
  toTokens(text: string, options: { prependBos?: boolean | undefined } = {}): number[] {
    expectKnown("toTokens", options, bosNames);
    return textToTokens("toTokens", this, text, options.prependBos);
  }

  /**
   * The tokens of a text or of ids as strings; one that is not valid UTF-8 alone is shown by its bytes.
   *
   * @throws ValueError for what is neither, an id outside the vocabulary, or a model without a tokenizer
   */
  toStringTokens(input: string | Integers, options: { prependBos?: boolean | undefined } = {}): string[] {
    const where = "toStringTokens";
    expectKnown(where, options, bosNames);
    expectFlags(where, options);
    const ids: unknown =
      typeof input === "string"
        ? textToTokens(where, this, input, options.prependBos)
        : asList<unknown>(input);
    if (!Array.isArray(ids)) {
      throw new ValueError(`${where}: got ${describe(ids)}, expected a text or ids. Give one prompt.`);
    }
    const tokenizer = expectTokenizer(where, this);
    return Array.from(ids, (id) => {
      expectTokenId(where, this.config, id);
      return showToken(tokenizer, id);
    });
  }

  /**
   * The id of a text that is one token.
   *
   * @throws ValueError when it is not; the message shows how it splits, and the token probably meant
   */
  toSingleToken(text: string): number {
    return singleToken("toSingleToken", this, text);
  }

  /** Each block's parts, as TransformerLens's bridges name them. */
  layerTypes(): string[] {
    return this.blocks.map(() => "attn+mlp");
  }
}

/**
 * Has `using` call the model's dispose. An engine that lacks `using` runs code that compilers have written, for the second name. A
 * method of the class by such a name would keep the class in bundles that have no use for it.
 */
function beDisposable(model: Gpt2): void {
  const { dispose = Symbol.for("Symbol.dispose") } = Symbol as { dispose?: symbol };
  Object.defineProperty(model, dispose, { value: () => model.dispose() });
}

/** A copy of a table's rows, each less its mean. */
function centred(kernels: Kernels, table: Float32Array, cols: number): Float32Array {
  const copy = table.slice();
  kernels.centre(copy, copy.length / cols, cols);
  return copy;
}
