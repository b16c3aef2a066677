import { describe, expectFlags, ValueError } from "../../errors.ts";
import {
  affineRows,
  layerNormScale,
  normalizeRows,
  sizeOf,
  type Tensor,
  tensor,
} from "../../tensor/index.ts";
import { expectKnown, type NamesOf } from "../knownOptions.ts";
import { headResults } from "../perHead.ts";
import type { Positions } from "../positions.ts";
import type { Activations } from "./activations.ts";

/** Rows of the residual stream, [component, batch, pos, dModel], with a label each. */
export interface ResidualStack {
  readonly stack: Tensor;
  readonly labels: readonly string[];
  /** The positions of the pos axis, from 0. */
  readonly positions: readonly number[];
  /** Whether the rows went through a norm already (`applyLn`). */
  readonly normalized: boolean;
}

interface StackOptions {
  /** The residual stream before this block; default after the last. Negative from the end, -1 for after the last as in TransformerLens. */
  readonly layer?: number | undefined;
  /** Divide by the scale that reads there, after centring: the final norm's, or the block's ln1 (ln2 with `mlpInput`). */
  readonly applyLn?: boolean | undefined;
  /** Default all that the cache holds. */
  readonly pos?: Positions | undefined;
}

/** What `decomposeResid` stacks. */
export interface DecomposeOptions extends StackOptions {
  /** The residual stream that the block's MLP reads rather than its attention. */
  readonly mlpInput?: boolean | undefined;
  /** Which sublayers; default both. */
  readonly mode?: "all" | "attn" | "mlp" | undefined;
  /** Default true. */
  readonly inclEmbeds?: boolean | undefined;
}

/** What `accumulatedResid` stacks. */
export interface AccumulateOptions extends StackOptions {
  /** The residual stream that the block's MLP reads rather than its attention, as the last row. */
  readonly mlpInput?: boolean | undefined;
  /** The residual stream between attention and MLP too. */
  readonly inclMid?: boolean | undefined;
}

/** What `stackHeadResults` stacks. */
export interface HeadOptions extends StackOptions {
  /** A last row of all that is not heads: embeddings, MLPs and b_O. */
  readonly inclRemainder?: boolean | undefined;
}

const stackNames: NamesOf<StackOptions> = { layer: true, applyLn: true, pos: true };
const decomposeNames: NamesOf<DecomposeOptions> = {
  ...stackNames,
  ...{ mlpInput: true, mode: true, inclEmbeds: true },
};
const accumulateNames: NamesOf<AccumulateOptions> = { ...stackNames, mlpInput: true, inclMid: true };
const headNames: NamesOf<HeadOptions> = { ...stackNames, inclRemainder: true };

/** TransformerLens's `decompose_resid`: its rows, labels and order. */
export function decomposeResid(cache: Activations, options: DecomposeOptions): ResidualStack {
  const where = "decomposeResid";
  expectKnown(where, options, decomposeNames);
  const { mlpInput = false, mode = "all", inclEmbeds = true, pos = "all" } = options;
  expectFlags(where, { applyLn: options.applyLn, mlpInput, inclEmbeds });
  if (mode !== "all" && mode !== "attn" && mode !== "mlp") {
    throw new ValueError(
      `${where}: got mode ${describe(mode)}, expected "all", "attn" or "mlp". Choose which sublayers.`,
    );
  }
  const layer = resolveLayer(where, cache, options.layer, mlpInput);
  const rows: [string, Tensor][] = [];
  if (inclEmbeds)
    rows.push(["embed", cache.at("hook_embed", pos)], ["pos_embed", cache.at("hook_pos_embed", pos)]);
  for (let l = 0; l < layer; l++) {
    if (mode !== "mlp") rows.push([`${l}_attn_out`, cache.at(`blocks.${l}.hook_attn_out`, pos)]);
    if (mode !== "attn") rows.push([`${l}_mlp_out`, cache.at(`blocks.${l}.hook_mlp_out`, pos)]);
  }
  if (mlpInput && mode !== "mlp") {
    rows.push([`${layer}_attn_out`, cache.at(`blocks.${layer}.hook_attn_out`, pos)]);
  }
  const stack = stackRows(where, cache, rows, pos);
  return options.applyLn ? normalizeStack(cache, stack, scaleName(cache, layer, mlpInput), pos) : stack;
}

/**
 * TransformerLens's `accumulated_resid`. With `applyLn` after the last block, each row goes through the final norm
 * with a scale of its own (and gamma and beta on raw weights): the logit lens. Before a block the scale is that
 * block's, as captured.
 */
export function accumulatedResid(cache: Activations, options: AccumulateOptions): ResidualStack {
  const where = "accumulatedResid";
  expectKnown(where, options, accumulateNames);
  const { mlpInput = false, inclMid = false, pos = "all" } = options;
  expectFlags(where, { applyLn: options.applyLn, mlpInput, inclMid });
  const { nLayers } = cache.model.config;
  const layer = resolveLayer(where, cache, options.layer, mlpInput);
  const rows: [string, Tensor][] = [];
  for (let l = 0; l <= layer && l < nLayers; l++) {
    rows.push([`${l}_pre`, cache.at(`blocks.${l}.hook_resid_pre`, pos)]);
    if (l < layer ? inclMid : mlpInput) rows.push([`${l}_mid`, cache.at(`blocks.${l}.hook_resid_mid`, pos)]);
  }
  if (layer === nLayers) rows.push(["final_post", cache.at(`blocks.${nLayers - 1}.hook_resid_post`, pos)]);
  const stack = stackRows(where, cache, rows, pos);
  if (!options.applyLn) return stack;
  return layer === nLayers
    ? normalizeAnew(cache, stack)
    : normalizeStack(cache, stack, scaleName(cache, layer, mlpInput), pos);
}

/** TransformerLens's `stack_head_results`; the remainder is summed from what it stands for, not subtracted. */
export function stackHeadResults(cache: Activations, options: HeadOptions): ResidualStack {
  const where = "stackHeadResults";
  expectKnown(where, options, headNames);
  const { pos = "all", inclRemainder = false } = options;
  expectFlags(where, { applyLn: options.applyLn, inclRemainder });
  const { kernels, blocks, config } = cache.model;
  const layer = resolveLayer(where, cache, options.layer, false);
  const rows: [string, Tensor][] = [];
  for (let l = 0; l < layer; l++) {
    const results = headResults(kernels, cache.at(`blocks.${l}.attn.hook_z`, pos), blocks[l].W_O);
    for (let head = 0; head < config.nHeads; head++) rows.push([`L${l}H${head}`, oneHead(results, head)]);
  }
  if (inclRemainder) rows.push(["remainder", remainderOfHeads(cache, layer, pos)]);
  const stack = stackRows(where, cache, rows, pos);
  return options.applyLn ? normalizeStack(cache, stack, scaleName(cache, layer, false), pos) : stack;
}

function remainderOfHeads(cache: Activations, layer: number, pos: Positions): Tensor {
  const { stack, labels } = decomposeResid(cache, { layer, mode: "mlp", pos });
  const biases = cache.model.blocks.slice(0, layer).map((block) => block.b_O);
  const [, batch, positions, dModel] = stack.shape;
  const size = batch * positions * dModel;
  const out = tensor([batch, positions, dModel]);
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let row = 0; row < labels.length; row++) sum += stack.data[row * size + i];
    for (const b_O of biases) sum += b_O[i % dModel];
    out.data[i] = sum;
  }
  return out;
}

/** (x − mean) / scale of every row of the stack, by a scale that the cache holds. */
function normalizeStack(
  cache: Activations,
  stack: ResidualStack,
  scale: string,
  pos: Positions,
): ResidualStack {
  const { kernels } = cache.model;
  const scales = cache.at(scale, pos).data;
  const repeated = new Float32Array(stack.labels.length * scales.length);
  for (let row = 0; row < stack.labels.length; row++) repeated.set(scales, row * scales.length);
  const shape = [...stack.stack.shape.slice(0, -1), 1];
  return { ...stack, stack: normalizeRows(kernels, stack.stack, tensor(shape, repeated)), normalized: true };
}

/** The whole final norm of every row, with a scale of its own. */
function normalizeAnew(cache: Activations, stack: ResidualStack): ResidualStack {
  const { kernels, config, lnFinal } = cache.model;
  const normalized = normalizeRows(kernels, stack.stack, layerNormScale(kernels, stack.stack, config.eps));
  return {
    ...stack,
    stack: lnFinal ? affineRows(kernels, normalized, lnFinal.gamma, lnFinal.beta) : normalized,
    normalized: true,
  };
}

function scaleName(cache: Activations, layer: number, mlpInput: boolean): string {
  return layer === cache.model.config.nLayers
    ? "ln_final.hook_scale"
    : `blocks.${layer}.ln${mlpInput ? 2 : 1}.hook_scale`;
}

function stackRows(
  where: string,
  cache: Activations,
  rows: readonly (readonly [string, Tensor])[],
  pos: Positions,
): ResidualStack {
  if (rows.length === 0) {
    throw new ValueError(
      `${where}: got options that leave no row, expected one at least. Choose a later layer.`,
    );
  }
  const [, first] = rows[0];
  const stack = tensor([rows.length, ...first.shape]);
  for (const [index, [, row]] of rows.entries()) stack.data.set(row.data, index * sizeOf(first.shape));
  const positions = cache.indexPositions(where, pos).map((index) => cache.positions[index]);
  return { stack, labels: rows.map(([label]) => label), positions, normalized: false };
}

/** One head of [batch, pos, head, dModel], as [batch, pos, dModel]. */
function oneHead(results: Tensor, head: number): Tensor {
  const [batch, pos, nHeads, dModel] = results.shape;
  const out = tensor([batch, pos, dModel]);
  for (let row = 0; row < batch * pos; row++) {
    const start = (row * nHeads + head) * dModel;
    out.data.set(results.data.subarray(start, start + dModel), row * dModel);
  }
  return out;
}

function resolveLayer(
  where: string,
  cache: Activations,
  given: number | undefined,
  mlpInput: boolean,
): number {
  const { nLayers } = cache.model.config;
  const fromEnd = given === -1 ? nLayers : Number.isInteger(given) && given! < 0 ? given! + nLayers : given;
  const layer = given === undefined ? nLayers : fromEnd!;
  const last = mlpInput ? nLayers - 1 : nLayers;
  if (Number.isInteger(layer) && layer >= 0 && layer <= last) return layer;
  const remedy = mlpInput ? "With mlpInput, say whose MLP." : "Leave it out for after the last block.";
  throw new ValueError(
    `${where}: got ${given === undefined ? "no layer" : `layer ${describe(given)}`}, expected one from 0 to ${last}. ${remedy}`,
  );
}
