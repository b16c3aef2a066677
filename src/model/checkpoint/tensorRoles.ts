import { CheckpointError } from "../../errors.ts";
import type { Gpt2Config } from "../config.ts";
import { strangeTensors } from "./otherKinds.ts";
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

/** A weight's place: a tensor of a file fills it, or zeros do. */
export type Place = Exclude<Role, { kind: "skipped" }>;

/** The roles of a checkpoint's tensors. */
export interface Roles {
  /** By the tensor's name. */
  readonly byName: ReadonlyMap<string, Role>;
  /** The biases that a checkpoint without biases lacks: zeros. */
  readonly zeros: readonly Place[];
  /** The role of a name that was not among them; undefined where there is no place for it, or it is taken. */
  readonly roleFor: (name: string) => Role | undefined;
}

/** Names that training puts around a module or any in it: torch.compile, DataParallel, FSDP. */
const wrappers = ["_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

/** Another head than the language model's, which its logits do not go through: for choices, classes, answers in a text, values. */
const otherHead = /^(?!lm_head\.)(\w+_head|score|classifier|qa_outputs|sequence_summary)\./;

const skipped: Role = { kind: "skipped" };

/**
 * Finds what each tensor of a checkpoint is for, by its name alone, with or without wrappers' prefixes in front.
 *
 * @param file the file that lists the names, for messages
 * @param warn told of what is left out, and of what is taken for zero
 * @throws CheckpointError naming what is missing and what is unexpected, both
 */
export function assignRoles(
  names: readonly string[],
  config: Gpt2Config,
  file: string,
  warn: (message: string) => void,
): Roles {
  const known = knownTensors(config.nLayers);
  const byName = new Map<string, Role>();
  const found = new Map<string, string>();
  const heads: string[] = [];
  const unexpected: string[] = [];
  for (const name of names) {
    const plain = plainName(name);
    const isHead = otherHead.test(plain);
    const role = isHead ? skipped : known.get(plain);
    const twin = found.get(plain);
    if (twin !== undefined) {
      throw new CheckpointError(`${file}: got both ${twin} and ${name}, expected one of them.`);
    }
    found.set(plain, name);
    if (isHead) heads.push(name);
    if (role === undefined) unexpected.push(name);
    else byName.set(name, role);
  }

  const missing = [...known].filter(([name, role]) => role.kind !== "skipped" && !found.has(name));
  const zeros = withoutBiases(missing, found, config) ? missing.filter(([name]) => isBias(name)) : [];
  const needed = missing
    .map(([name]) => name)
    .filter((name) => !canDoWithout(name, found, config) && !(zeros.length > 0 && isBias(name)));
  if (needed.length + unexpected.length > 0) {
    throw new CheckpointError(
      `${file}: ${[absence(needed), strangers(unexpected)].filter(Boolean).join("; ")}.` +
        (strangeTensors(unexpected) ?? advice(needed, found, config)),
    );
  }
  if (heads.length > 0) {
    warn(`${file}: got ${someOf(heads)} beside the language model: another head's, which is left out.`);
  }
  if (zeros.length > 0 && config.bias === undefined) {
    warn(
      `${file}: got no biases at all: they are taken for zero. "bias": false in config.json would say so.`,
    );
  }

  const roleFor = (name: string): Role | undefined => {
    const plain = plainName(name);
    if (otherHead.test(plain)) return skipped;
    const role = known.get(plain);
    const isTiedHalf = role?.kind === "outer" && canDoWithout(plain, found, config) && !found.has(plain);
    return role?.kind === "skipped" || isTiedHalf ? role : undefined;
  };
  return { byName, zeros: zeros.map(([, role]) => role as Place), roleFor };
}

/** Without wrappers, and what a model has as a field of another: `model.`, and Hugging Face's own `transformer.`. */
function plainName(name: string): string {
  const parts = name.split(".").filter((part) => !wrappers.includes(part));
  return parts.join(".").replace(/^(model\.)*(transformer\.)?/, "");
}

function isBias(name: string): boolean {
  return name.endsWith(".bias");
}

/** nanoGPT's `bias: false`: the config says so, or says nothing, and every bias is missing. */
function withoutBiases(
  missing: readonly (readonly [string, Role])[],
  found: ReadonlyMap<string, string>,
  { bias }: Gpt2Config,
): boolean {
  if (bias !== undefined) return !bias;
  const isAny = [...found.keys()].some(
    (name) => isBias(name) && !skippedBuffers.some((end) => name.endsWith(`.${end}`)),
  );
  return !isAny && missing.some(([name]) => isBias(name));
}

/** True of names that a checkpoint may lack though its index has them: what is skipped, and a head that is the embedding itself. */
export function canBeMissing(name: string, { byName }: Roles, config: Gpt2Config): boolean {
  const role = byName.get(name);
  if (role?.kind !== "outer") return role?.kind === "skipped";
  const hasEmbedding = [...byName.values()].some(
    (other) => other.kind === "outer" && other.source.fills[0] === "W_E",
  );
  return config.tieWordEmbeddings && role.source.fills[0] === "W_U" && hasEmbedding;
}

function knownTensors(nLayers: number): Map<string, Role> {
  const known = new Map<string, Role>();
  for (const source of outerSources) known.set(source.name, { kind: "outer", source });
  for (let layer = 0; layer < nLayers; layer++) {
    for (const source of blockSources) {
      known.set(`h.${layer}.${source.name}`, { kind: "block", layer, source });
    }
    for (const name of skippedBuffers) known.set(`h.${layer}.${name}`, skipped);
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
  if (needed.length > 1 && needed.every(isBias)) {
    return ' "bias": false in config.json would say that there are none.';
  }
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
