import { describe, ValueError } from "../errors.ts";
import { type Tensor, tensor } from "../tensor/index.ts";
import { finalNorm, residualStream } from "./forward.ts";
import {
  type HookFn,
  type HookName,
  hookLayer,
  hookNames,
  isOfQueries,
  namesBefore,
  positionAxis,
} from "./hooks.ts";
import { asList, type Integers } from "./integers.ts";
import type { NamesOf } from "./knownOptions.ts";
import { type Observer, observe } from "./observer.ts";
import type { Gpt2Parameters } from "./parameters.ts";
import { type Positions, resolvePositions, takePositions } from "./positions.ts";
import { expectTokenId } from "./prompts.ts";
import type { Unembedding } from "./unembedding.ts";

/**
 * Which logits a run returns: at every position [batch, pos, dVocab], at the last [batch, dVocab], none (an empty
 * tensor), or of some tokens at one position or several, by default the last: [batch, tokens] or
 * [batch, pos, tokens].
 */
export type LogitsWanted =
  | "all"
  | "last"
  | "none"
  | { readonly tokens: Integers; readonly pos?: Positions | undefined };

/** How a run is to go. */
export interface RunOptions {
  /** Default "all". Fewer cost less: the unembedding is a third of gpt2-small. */
  readonly logits?: LogitsWanted | undefined;
  /** Stop before this block, which counts from the end if negative, and return the residual stream. */
  readonly stopAtLayer?: number | undefined;
  /** Whether a text gets the BOS token in front; default true. Ids never do. */
  readonly prependBos?: boolean | undefined;
}

export const runNames: NamesOf<RunOptions> = { logits: true, stopAtLayer: true, prependBos: true };

/** What a run needs of a model. */
export interface RunnableModel extends Gpt2Parameters {
  readonly unembedding: Unembedding;
}

/** What a run is to keep: activations by name, at some positions. */
export interface Capture {
  readonly names: ReadonlySet<HookName>;
  readonly positions: readonly number[];
  /** Which of the names to keep at every position. */
  readonly everyPos: ReadonlySet<HookName>;
  store(name: HookName, activation: Tensor): void;
}

/**
 * The forward pass on prompts of one length, hooks called, activations captured.
 *
 * @returns the logits wanted, or the residual stream [batch, pos, dModel] where the run stops early
 * @throws ValueError for prompts of several lengths, or options out of range; before anything runs
 */
export function run(
  where: string,
  model: RunnableModel,
  tokens: readonly (readonly number[])[],
  options: RunOptions,
  hooks: ReadonlyMap<HookName, readonly HookFn[]>,
  capture: Capture | undefined,
): Tensor {
  const { nLayers } = model.config;
  expectOneLength(where, tokens);
  const stop = resolveStop(where, options.stopAtLayer, nLayers);
  if (stop !== undefined && options.logits !== undefined && options.logits !== "none") {
    throw new ValueError(
      `${where}: got logits and stopAtLayer, expected one of them: a run that stops early has no logits. Leave one out.`,
    );
  }
  const { length } = tokens[0];
  const logits =
    stop === undefined ? resolveLogits(where, model, options.logits ?? "all", length) : undefined;
  const { kernels } = model;

  const wanted =
    logits && !isHookedAtEnd(nLayers, hooks) && !isKeptAtEnd(nLayers, capture)
      ? wantedPositions(length, logits, capture)
      : undefined;
  const held = wanted ?? resolvePositions(where, "all", length);
  const kept = [...new Set(capture?.positions)].sort((a, b) => a - b);
  const store = (name: HookName, activation: Tensor) => {
    const axis = positionAxis(name);
    if (capture!.everyPos.has(name)) {
      capture!.store(name, tensor(activation.shape, kernels.own(activation.data)));
      return;
    }
    const { [axis]: count } = activation.shape;
    // what is but kept may be there at the kept positions alone
    const there = count === length ? undefined : count === kept.length ? kept : held;
    const indices = indicesIn(there, capture!.positions);
    const taken = takePositions(activation, axis, indices);
    capture!.store(name, tensor(taken.shape, kernels.own(taken.data)));
  };
  const observer = observe(hooks, capture?.names ?? new Set(), store, (name) =>
    capture?.everyPos.has(name) ? undefined : kept,
  );
  return kernels.session(() => {
    const resid = residualStream(model, tokens, stop ?? nLayers, held, observer);
    const result =
      logits === undefined
        ? resid
        : readLogits(model, finalNorm(model, resid, observer), logits, held, observer);
    return tensor(result.shape, kernels.own(result.data));
  });
}

/** Whether a hook is to see the last block or what follows it: then these are computed at every position. */
function isHookedAtEnd(nLayers: number, hooks: ReadonlyMap<HookName, readonly HookFn[]>): boolean {
  return [...hooks.keys()].some((name) => {
    const layer = hookLayer(name);
    return layer === nLayers - 1 || (layer === null && !name.startsWith("hook_"));
  });
}

/** Whether something is to be kept at every position that the last block would compute at some. */
function isKeptAtEnd(nLayers: number, capture: Capture | undefined): boolean {
  return [...(capture?.everyPos ?? [])].some((name) => {
    const layer = hookLayer(name);
    return isOfQueries(name) && (layer === null || layer === nLayers - 1);
  });
}

/** Where the last block's output is needed: for the logits, and for what is captured. */
function wantedPositions(
  length: number,
  logits: ResolvedLogits,
  capture: Capture | undefined,
): readonly number[] {
  const positions = new Set([...logits.positions, ...(capture?.positions ?? [])]);
  if (positions.size === 0) positions.add(length - 1);
  return [...positions].sort((a, b) => a - b);
}

/** Where positions lie among those that an activation holds; undefined for all. */
function indicesIn(held: readonly number[] | undefined, positions: readonly number[]): readonly number[] {
  return held === undefined ? positions : positions.map((position) => held.indexOf(position));
}

/** The hook points that a run with these options reaches, in order. @throws ValueError as `run` */
export function reachedNames(where: string, nLayers: number, stopAtLayer: number | undefined): HookName[] {
  const stop = resolveStop(where, stopAtLayer, nLayers);
  return stop === undefined ? hookNames(nLayers) : namesBefore(stop);
}

interface ResolvedLogits {
  readonly positions: readonly number[];
  readonly tokens: readonly number[] | undefined;
  readonly shape: (batch: number, dVocab: number) => number[];
}

function readLogits(
  model: RunnableModel,
  unembedIn: Tensor,
  wanted: ResolvedLogits,
  held: readonly number[],
  observer: Observer,
): Tensor {
  const { unembedding, config } = model;
  const [batch] = unembedIn.shape;
  const shape = wanted.shape(batch, config.dVocab);
  const positions = indicesIn(held, wanted.positions);
  if (observer.wants("unembed.hook_out")) {
    const every = tensor([...unembedIn.shape.slice(0, 2), config.dVocab], unembedding.logits(unembedIn.data));
    const hooked = takePositions(observer.at("unembed.hook_out", every), 1, positions);
    return tensor(shape, (wanted.tokens ? takePositions(hooked, 2, wanted.tokens) : hooked).data);
  }
  const rows = takePositions(unembedIn, 1, positions).data;
  return tensor(shape, rows.length === 0 ? new Float32Array() : unembedding.logits(rows, wanted.tokens));
}

function resolveLogits(
  where: string,
  model: RunnableModel,
  wanted: LogitsWanted,
  length: number,
): ResolvedLogits {
  if (typeof wanted === "object" && wanted !== null) {
    const { pos = -1 } = wanted;
    const given: unknown = asList<unknown>(wanted.tokens);
    const tokens = Array.isArray(given) ? Array.from<number>(given) : undefined; // a hole is undefined
    if (tokens === undefined) {
      throw new ValueError(
        `${where}: logits.tokens: got ${describe(given)}, expected a list of ids. Give which tokens' logits.`,
      );
    }
    for (const token of tokens) expectTokenId(`${where}: logits.tokens`, model.config, token);
    const positions = resolvePositions(`${where}: logits.pos`, pos, length);
    const one = typeof pos === "number";
    return {
      positions,
      tokens,
      shape: (batch) => [batch, ...(one ? [] : [positions.length]), tokens.length],
    };
  }
  const every = resolvePositions(where, "all", length);
  switch (wanted) {
    case "all":
      return { positions: every, tokens: undefined, shape: (batch, dVocab) => [batch, length, dVocab] };
    case "last":
      return { positions: [length - 1], tokens: undefined, shape: (batch, dVocab) => [batch, dVocab] };
    case "none":
      return { positions: [], tokens: undefined, shape: (batch, dVocab) => [batch, 0, dVocab] };
    default:
      throw new ValueError(
        `${where}: got logits: ${describe(wanted)}, expected "all", "last", "none" or { tokens, pos }. Give one of them.`,
      );
  }
}

function resolveStop(where: string, stopAtLayer: number | undefined, nLayers: number): number | undefined {
  if (stopAtLayer === undefined) return undefined;
  const stop = Number.isInteger(stopAtLayer) && stopAtLayer < 0 ? stopAtLayer + nLayers : stopAtLayer;
  if (Number.isInteger(stop) && stop >= 0 && stop <= nLayers) return stop;
  throw new ValueError(
    `${where}: got stopAtLayer ${describe(stopAtLayer)}, expected an integer from ${-nLayers} to ${nLayers}. Leave it out to run all.`,
  );
}

function expectOneLength(where: string, tokens: readonly (readonly number[])[]): void {
  const odd = tokens.findIndex((prompt) => prompt.length !== tokens[0].length);
  if (odd === -1) return;
  throw new ValueError(
    `${where}: got prompts of ${tokens[0].length} and ${tokens[odd].length} tokens (prompts 0 and ${odd}), ` +
      "expected prompts of one length, since nothing is ever padded. Run them one by one, or use directLogitAttribution, which groups them.",
  );
}
