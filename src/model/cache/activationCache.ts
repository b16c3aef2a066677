import { ValueError } from "../../errors.ts";
import type { Tensor, Tensor64 } from "../../tensor/index.ts";
import { type HookName, hookNames, positionAxis } from "../hooks.ts";
import { type Positions, resolvePositions, takePositions } from "../positions.ts";
import { showAs, showCache } from "../shown.ts";
import type { Activations, CachedModel } from "./activations.ts";
import { actName } from "./actName.ts";
import { type LogitAttrsOptions, logitAttrs } from "./logitAttrs.ts";
import { notHeld } from "./notHeld.ts";
import {
  type AccumulateOptions,
  accumulatedResid,
  type DecomposeOptions,
  decomposeResid,
  type HeadOptions,
  type ResidualStack,
  stackHeadResults,
} from "./residualStacks.ts";

/** The activations of one run, by TransformerLens's names. Read them, don't write to them. */
export class ActivationCache implements Activations {
  /** The model whose run this is. */
  readonly model: CachedModel;
  /** The prompts' ids, all of one length. */
  readonly tokens: readonly (readonly number[])[];
  /** The positions held, from 0, in the order of the activations' pos axis, but of those kept at every one. */
  readonly positions: readonly number[];
  readonly #activations: ReadonlyMap<string, Tensor>;
  readonly #everyPos: ReadonlySet<string>;

  constructor(
    model: CachedModel,
    tokens: readonly (readonly number[])[],
    positions: readonly number[],
    activations: ReadonlyMap<string, Tensor>,
    everyPos: ReadonlySet<string> = new Set(),
  ) {
    this.model = model;
    this.tokens = tokens;
    this.positions = positions;
    this.#activations = activations;
    this.#everyPos = everyPos;
    showAs(this, showCache);
  }

  /** The names held, in execution order. */
  get names(): string[] {
    return [...this.#activations.keys()];
  }

  /** Whether an activation is held; takes what `get` takes. */
  has(name: string, layer?: number, part?: string): boolean {
    return this.#activations.has(this.#fullName(name, layer, part));
  }

  /**
   * An activation by its hook name or TransformerLens's shorthand; a negative layer counts from the end.
   *
   *   get("blocks.0.attn.hook_z")   get("z", 0)   get("resid_post", -1)   get("scale", 4, "ln1")   get("scale")
   *
   * @throws ValueError when the cache does not hold it; the message suggests the nearest name
   */
  get(name: string, layer?: number, part?: string): Tensor {
    return this.#held("cache.get", name, layer, part);
  }

  /**
   * The positions that an activation is held at: `positions`, or every one where the run was asked for that.
   *
   * @throws ValueError when the cache does not hold it
   */
  positionsOf(name: string): readonly number[] {
    this.#held("cache.positionsOf", name);
    return this.#everyPos.has(this.#fullName(name)) ? this.tokens[0].map((_, pos) => pos) : this.positions;
  }

  /**
   * Where the positions meant lie on the activations' pos axis.
   *
   * @throws ValueError for a position outside the prompts, or one that the cache does not hold
   */
  indexPositions(where: string, positions: Positions): number[] {
    if (positions === "all") return this.positions.map((_, index) => index);
    return resolvePositions(where, positions, this.tokens[0].length).map((pos) => {
      const index = this.positions.indexOf(pos);
      if (index !== -1) return index;
      throw new ValueError(
        `${where}: got position ${pos}, expected one that the cache holds: ${this.positions.join(", ")}. ` +
          "Ask for it in runWithCache's pos.",
      );
    });
  }

  /**
   * An activation at some positions: of scores and patterns, at these queries.
   *
   * @throws ValueError when the cache does not hold it, or not there
   */
  at(name: string, positions: Positions): Tensor {
    const where = "cache.at";
    const activation = this.#held(where, name);
    const full = this.#fullName(name);
    const indices = this.indexPositions(where, positions);
    const isEvery = this.#everyPos.has(full);
    const axis = positionAxis(full as HookName);
    return takePositions(activation, axis, isEvery ? indices.map((i) => this.positions[i]) : indices);
  }

  /** What each sublayer wrote to the residual stream before a layer: `embed`, `pos_embed`, `0_attn_out`, … */
  decomposeResid(options: DecomposeOptions = {}): ResidualStack {
    return decomposeResid(this, options);
  }

  /** The residual stream after each layer: `0_pre`, `0_mid`, …, `final_post`. */
  accumulatedResid(options: AccumulateOptions = {}): ResidualStack {
    return accumulatedResid(this, options);
  }

  /** What each head wrote, without b_O: `L0H0`, `L0H1`, …, and the `remainder` on request. */
  stackHeadResults(options: HeadOptions = {}): ResidualStack {
    return stackHeadResults(this, options);
  }

  /**
   * What each row of a stack adds to the logit of a token, or to the difference of two, under the final
   * LayerNorm's scale as captured; never b_U, and on raw weights not beta either.
   *
   * @returns [component, batch, pos]
   */
  logitAttrs(stack: ResidualStack, options: LogitAttrsOptions): Tensor64 {
    return logitAttrs(this, stack, options);
  }

  #held(where: string, name: string, layer?: number, part?: string): Tensor {
    const full = this.#fullName(name, layer, part);
    const activation = this.#activations.get(full);
    if (activation) return activation;
    const { nLayers } = this.model.config;
    throw notHeld(where, { name, layer, full }, this.names, hookNames(nLayers));
  }

  #fullName(name: string, layer?: number, part?: string): string {
    const full = actName(name, layer, part);
    return full.replace(
      /^blocks\.-(\d+)\./,
      (_, back) => `blocks.${this.model.config.nLayers - Number(back)}.`,
    );
  }
}
