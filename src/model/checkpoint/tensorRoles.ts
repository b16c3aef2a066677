import { CheckpointError } from "../../errors.ts";
import type { Gpt2Config } from "../config.ts";
import {
  type BlockWeights,
  blockSources,
  type OuterWeights,
  outerSources,
  skippedBuffers,
  type WeightSource,
} from "./weights.ts";

/** What a tensor of a checkpoint is for. */
export type Role =
  | { readonly kind: "block"; readonly layer: number; readonly source: WeightSource<keyof BlockWeights> }
  | { readonly kind: "outer"; readonly source: WeightSource<keyof OuterWeights> }
  | { readonly kind: "skipped" };

/**
 * Finds what each tensor of a checkpoint is for, by its name alone, with or without `transformer.` in front.
 *
 * @param file the file that lists the names, for messages
 * @returns    the role of every name given
 * @throws CheckpointError naming what is missing and what is unexpected, both
 */
export function assignRoles(
  names: readonly string[],
  config: Gpt2Config,
  file: string,
): ReadonlyMap<string, Role> {
  const known = knownTensors(config.nLayers);
  const roles = new Map<string, Role>();
  const found = new Map<string, string>();
  const unexpected: string[] = [];
  for (const name of names) {
    const plain = name.replace(/^transformer\./, "");
    const role = known.get(plain);
    const twin = found.get(plain);
    if (twin !== undefined) {
      throw new CheckpointError(`${file}: got both ${twin} and ${name}, expected one of them.`);
    }
    found.set(plain, name);
    if (role === undefined) unexpected.push(name);
    else roles.set(name, role);
  }

  const missing = [...known].filter(([name, role]) => role.kind !== "skipped" && !found.has(name));
  const needed = missing.map(([name]) => name).filter((name) => !canDoWithout(name, found, config));
  if (needed.length + unexpected.length > 0) {
    throw new CheckpointError(
      `${file}: ${[absence(needed), strangers(unexpected)].filter(Boolean).join("; ")}.` +
        advice(needed, found, config),
    );
  }
  return roles;
}

function knownTensors(nLayers: number): Map<string, Role> {
  const known = new Map<string, Role>();
  for (const source of outerSources) known.set(source.name, { kind: "outer", source });
  for (let layer = 0; layer < nLayers; layer++) {
    for (const source of blockSources) {
      known.set(`h.${layer}.${source.name}`, { kind: "block", layer, source });
    }
    for (const name of skippedBuffers) known.set(`h.${layer}.${name}`, { kind: "skipped" });
  }
  return known;
}

/** Of a tied pair a safetensors file may hold either name alone. */
function canDoWithout(name: string, found: ReadonlyMap<string, string>, config: Gpt2Config): boolean {
  if (!config.tieWordEmbeddings) return false;
  return name === "lm_head.weight" || (name === "wte.weight" && found.has("lm_head.weight"));
}

function absence(names: readonly string[]): string {
  return names.length > 0 ? `got no ${someOf(names)}` : "";
}

function strangers(names: readonly string[]): string {
  return names.length > 0 ? `got ${someOf(names)}, which GPT-2 has no place for` : "";
}

function advice(needed: readonly string[], found: ReadonlyMap<string, string>, config: Gpt2Config): string {
  const layers = new Set([...found.keys()].map((name) => /^h\.(\d+)\./.exec(name)?.[1]).filter(Boolean)).size;
  if (layers !== config.nLayers)
    return ` config.json says n_layer = ${config.nLayers}, the file has ${layers} layers.`;
  if (needed.includes("lm_head.weight")) {
    return ' With "tie_word_embeddings": false in config.json the logits need lm_head.weight.';
  }
  return " Check that config.json belongs to this file.";
}

/** The first few names, and how many there are. */
export function someOf(names: readonly string[]): string {
  const few = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${few}, … (${names.length} in all)` : few;
}
