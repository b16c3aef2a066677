import { describe, nearest, tagOf, ValueError } from "../errors.ts";
import type { Tensor } from "../tensor/index.ts";
import { MOST_LAYERS } from "./config.ts";
import { dense } from "./integers.ts";

/**
 * Every point of the forward pass that can be watched or changed, in execution order, with the dims of its
 * activation. Names and shapes are TransformerLens's; `{layer}` stands for the block's number.
 */
export const hookShapes = {
  hook_embed: ["batch", "pos", "dModel"],
  hook_pos_embed: ["batch", "pos", "dModel"],
  "blocks.{layer}.hook_resid_pre": ["batch", "pos", "dModel"],
  "blocks.{layer}.ln1.hook_scale": ["batch", "pos", "one"],
  "blocks.{layer}.ln1.hook_normalized": ["batch", "pos", "dModel"],
  "blocks.{layer}.hook_attn_in": ["batch", "pos", "head", "dModel"],
  "blocks.{layer}.hook_q_input": ["batch", "pos", "head", "dModel"],
  "blocks.{layer}.hook_k_input": ["batch", "pos", "head", "dModel"],
  "blocks.{layer}.hook_v_input": ["batch", "pos", "head", "dModel"],
  "blocks.{layer}.attn.hook_q": ["batch", "pos", "head", "dHead"],
  "blocks.{layer}.attn.hook_k": ["batch", "pos", "head", "dHead"],
  "blocks.{layer}.attn.hook_v": ["batch", "pos", "head", "dHead"],
  "blocks.{layer}.attn.hook_attn_scores": ["batch", "head", "queryPos", "keyPos"],
  "blocks.{layer}.attn.hook_pattern": ["batch", "head", "queryPos", "keyPos"],
  "blocks.{layer}.attn.hook_z": ["batch", "pos", "head", "dHead"],
  "blocks.{layer}.attn.hook_result": ["batch", "pos", "head", "dModel"],
  "blocks.{layer}.hook_attn_out": ["batch", "pos", "dModel"],
  "blocks.{layer}.hook_resid_mid": ["batch", "pos", "dModel"],
  "blocks.{layer}.hook_mlp_in": ["batch", "pos", "dModel"],
  "blocks.{layer}.ln2.hook_scale": ["batch", "pos", "one"],
  "blocks.{layer}.ln2.hook_normalized": ["batch", "pos", "dModel"],
  "blocks.{layer}.mlp.hook_pre": ["batch", "pos", "dMlp"],
  "blocks.{layer}.mlp.hook_post": ["batch", "pos", "dMlp"],
  "blocks.{layer}.hook_mlp_out": ["batch", "pos", "dModel"],
  "blocks.{layer}.hook_resid_post": ["batch", "pos", "dModel"],
  "ln_final.hook_scale": ["batch", "pos", "one"],
  "ln_final.hook_normalized": ["batch", "pos", "dModel"],
  "unembed.hook_in": ["batch", "pos", "dModel"],
  "unembed.hook_out": ["batch", "pos", "dVocab"],
} as const;

type HookTemplate = keyof typeof hookShapes;

const templates = Object.keys(hookShapes) as HookTemplate[];

/** The name of a hook point: `"hook_embed"`, `"blocks.3.attn.hook_z"`, … A typo does not compile. */
export type HookName = HookTemplate extends infer T
  ? T extends `blocks.{layer}.${infer Rest}`
    ? `blocks.${number}.${Rest}`
    : T
  : never;

/**
 * A hook: called with a copy of the activation, which it may change; or it returns another of the same shape.
 * Returning nothing keeps the copy.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a function declared as returning void is a hook too
export type HookFn = (activation: Tensor, point: HookPoint) => Tensor | void;

/** Where a hook was called: its name, and its block or null outside the blocks. */
export interface HookPoint {
  readonly name: HookName;
  readonly layer: number | null;
}

/** A choice of hook points: one exact name, a list or Set of them, a RegExp, or a predicate on names. */
export type HookFilter =
  | HookName
  | readonly HookName[]
  | ReadonlySet<HookName>
  | RegExp
  | ((name: HookName) => boolean);

/**
 * Points that cost extra to compute, so a cache holds them only when a list or a predicate asks. TransformerLens
 * hides them behind `use_attn_result`, `use_attn_in`, `use_split_qkv_input` and `use_hook_mlp_in`.
 */
const gated: ReadonlySet<HookTemplate> = new Set<HookTemplate>([
  "blocks.{layer}.hook_attn_in",
  "blocks.{layer}.hook_q_input",
  "blocks.{layer}.hook_k_input",
  "blocks.{layer}.hook_v_input",
  "blocks.{layer}.attn.hook_result",
  "blocks.{layer}.hook_mlp_in",
]);

/** The row of `hookShapes` that a name belongs to. */
export function hookTemplate(name: HookName): HookTemplate {
  return name.replace(/^blocks\.\d+\./, "blocks.{layer}.") as HookTemplate;
}

/** The axis of an activation that positions lie on; of scores and patterns the query's. */
export function positionAxis(name: HookName): number {
  const dims: readonly string[] = hookShapes[hookTemplate(name)];
  return dims.indexOf(dims.includes("pos") ? "pos" : "queryPos");
}

/** Whether an activation holds the positions that are queried alone, where a block is computed at some. */
export function isOfQueries(name: HookName): boolean {
  const template = hookTemplate(name);
  const isRead = template.endsWith(".hook_k") || template.endsWith(".hook_v");
  return !isRead && templates.indexOf(template) >= templates.indexOf("blocks.{layer}.attn.hook_q");
}

/** The block a hook point lies in, or null. */
export function hookLayer(name: HookName): number | null {
  const match = /^blocks\.(\d+)\./.exec(name);
  return match ? Number(match[1]) : null;
}

/**
 * Every hook point of a model with so many blocks, in execution order.
 *
 * @throws ValueError unless it is a whole number that a model may have
 */
export function hookNames(nLayers: number): HookName[] {
  if (!Number.isInteger(nLayers) || nLayers < 0 || nLayers > MOST_LAYERS) {
    throw new ValueError(
      `hookNames: got ${describe(nLayers)}, expected a whole number of blocks up to ${MOST_LAYERS}. Give model.config.nLayers.`,
    );
  }
  return [
    ...namesBefore(nLayers),
    ...templates.slice(templates.indexOf("ln_final.hook_scale")),
  ] as HookName[];
}

/** The hook points that a run reaches which stops before block `layer`. */
export function namesBefore(layer: number): HookName[] {
  const inBlock = templates.filter((name) => name.startsWith("blocks."));
  const blocks = Array.from({ length: layer }, (_, i) =>
    inBlock.map((name) => name.replace("{layer}", `${i}`)),
  );
  return ["hook_embed", "hook_pos_embed", ...(blocks.flat() as HookName[])];
}

/**
 * The hook points that a filter means; without one, also where it is null, all but the gated.
 *
 * @throws ValueError for an unknown name, also within a list, or a filter that matches nothing
 */
export function selectHooks(
  where: string,
  filter: HookFilter | null | undefined,
  names: readonly HookName[],
): Set<HookName> {
  if (filter === undefined || filter === null) {
    return new Set(names.filter((name) => !gated.has(hookTemplate(name))));
  }
  if (typeof filter === "function") {
    return expectSome(
      where,
      "a predicate",
      names.filter((name) => filter(name)),
      names,
    );
  }
  if (isA<RegExp>(filter, "RegExp")) {
    // search, unlike test, begins at the beginning each time, flag g or not
    return expectSome(
      where,
      String(filter),
      names.filter((name) => name.search(filter) !== -1),
      names,
    );
  }
  const list = typeof filter === "string" ? [filter] : filter;
  if (!Array.isArray(list) && !isA<ReadonlySet<HookName>>(list, "Set")) {
    throw new ValueError(
      `${where}: got ${describe(filter)}, expected the names of hook points. Give a name, a list, a Set, a RegExp or a predicate.`,
    );
  }
  const chosen = new Set<HookName>(Array.isArray(list) ? dense(list) : list);
  for (const name of chosen) expectHookName(where, name, names);
  if (chosen.size > 0) return chosen;
  throw new ValueError(
    `${where}: got an empty list of hook names, expected at least one. Leave it out for all.`,
  );
}

/** By its tag, so that one of another realm counts too. */
function isA<T>(value: unknown, tag: string): value is T {
  return tagOf(value) === tag;
}

function expectSome(
  where: string,
  filter: string,
  matched: readonly HookName[],
  names: readonly HookName[],
): Set<HookName> {
  if (matched.length > 0) return new Set(matched);
  throw new ValueError(
    `${where}: got ${filter} that matches none of the ${names.length} hook names, expected one that matches some. ` +
      `The names look like "${names[2]}" and "${names[names.length - 1]}".`,
  );
}

/** @throws ValueError when the model has no such hook point; the message suggests the nearest name */
export function expectHookName(where: string, name: string, names: readonly HookName[]): void {
  if ((names as readonly string[]).includes(name)) return;
  const near = typeof name === "string" ? nearest(name, names) : undefined;
  throw new ValueError(
    `${where}: got ${describe(name)}, expected the name of a hook point of this model that the run reaches. ` +
      (near ? `Did you mean "${near}"?` : `The names are in hookNames(model.config.nLayers).`),
  );
}
