import { CheckpointError } from "../../errors.ts";
import type { Gpt2Config } from "../config.ts";
import { fileNamed, fileNames, type ModelFiles, type OpenOptions, type Source } from "../files/byteSource.ts";
import { describe, isJsonObject, parseJsonObject, readText } from "../files/json.ts";
import { otherKind, shownFiles } from "./otherKinds.ts";
import { canBeMissing, type Role, type Roles, someOf } from "./tensorRoles.ts";

/** One safetensors file of a checkpoint. */
export interface Shard {
  readonly file: string;
  readonly source: Source;
  /** The tensors it must hold, where an index says so. */
  readonly names: ReadonlySet<string> | undefined;
}

const single = "model.safetensors";
const indexFile = "model.safetensors.index.json";

/**
 * Finds the files that hold the weights: model.safetensors, or else the shards that its index names.
 *
 * @throws CheckpointError when there is neither, or the index is malformed or names a file that is not there
 */
export async function findShards(files: ModelFiles, options: OpenOptions = {}): Promise<Shard[]> {
  const whole = fileNamed(files, single);
  if (whole !== undefined) return [{ file: single, source: whole, names: undefined }];
  const index = fileNamed(files, indexFile);
  if (index === undefined) throw noWeights(fileNames(files));

  const namesByFile = await readShardIndex(index, options);
  return [...namesByFile.keys()].sort().map((file) => {
    const source = fileNamed(files, file);
    if (source !== undefined) return { file, source, names: namesByFile.get(file) };
    throw new CheckpointError(`${indexFile}: got no file ${file}, which it names. Download it too.`);
  });
}

/**
 * The shards that an index names, each with the tensors it must hold.
 *
 * @throws CheckpointError when the index is malformed, or names anything but a .safetensors file beside itself
 */
export async function readShardIndex(
  index: Source,
  options: OpenOptions = {},
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const weightMap = parseJsonObject(await readText(index, indexFile, options), indexFile).weight_map;
  if (!isJsonObject(weightMap)) {
    throw new CheckpointError(`${indexFile}: got ${describe(weightMap)} as weight_map, expected an object.`);
  }
  const namesByFile = new Map<string, Set<string>>();
  for (const [name, file] of Object.entries(weightMap)) {
    if (typeof file !== "string" || !isPlainName(file)) {
      throw new CheckpointError(
        `${indexFile}: ${name}: got ${describe(file)}, expected the name of a .safetensors file beside the index.`,
      );
    }
    const names = namesByFile.get(file);
    if (names) names.add(name);
    else namesByFile.set(file, new Set([name]));
  }
  return namesByFile;
}

/** No folder, neither up nor down: an index comes from the network. */
function isPlainName(file: string): boolean {
  return file.endsWith(".safetensors") && !/[/\\\0]/.test(file);
}

/**
 * Compares a shard with its index, and adds to the roles what the index need not name: a tied pair's other half, and what is
 * skipped anyway.
 *
 * @param roles of the names in the index
 * @returns     the role of every name that the shard holds
 * @throws CheckpointError unless the shard holds what its index says, no more and no less, but for such tensors
 */
export function expectIndexed(
  { file, names }: Shard,
  held: ReadonlySet<string>,
  roles: Roles,
  config: Gpt2Config,
): ReadonlyMap<string, Role> {
  if (names === undefined) return roles.byName;
  const missing = [...names].filter((name) => !held.has(name) && !canBeMissing(name, roles, config));
  if (missing.length > 0) {
    throw new CheckpointError(`${file}: got no ${someOf(missing)}, expected there by ${indexFile}.`);
  }
  const extra = [...held]
    .filter((name) => !names.has(name))
    .map((name) => [name, roles.roleFor(name)] as const);
  const strange = extra.filter(([, role]) => role === undefined).map(([name]) => name);
  if (strange.length > 0) {
    throw new CheckpointError(`${file}: got ${someOf(strange)}, not expected there by ${indexFile}.`);
  }
  return new Map([...roles.byName, ...(extra as [string, Role][])]);
}

function noWeights(names: readonly string[]): CheckpointError {
  const other = otherKind(names);
  if (other !== undefined) return other;
  return new CheckpointError(
    `${single}: not among the files, which are ${shownFiles(names)}. Give it, or ${indexFile} and its shards.`,
  );
}
