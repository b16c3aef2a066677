/// <reference types="node" />
import { join } from "node:path";
import { CheckpointError, HubError } from "../../errors.ts";
import { readShardIndex } from "../../model/index.ts";
import { openFile } from "../openFile.ts";

/** Says whether a file is there, having seen to it that it is if it can be. */
export type Has = (file: string) => Promise<boolean>;

const index = "model.safetensors.index.json";

/**
 * The first file that a snapshot lacks of what a model is made of: its config, its weights, and a tokenizer, unless it is
 * known to have none.
 *
 * @param isAbsent whether a file is known not to exist
 * @param offline  nobody can be asked: then a model alone, as Python's GPT2LMHeadModel leaves it, is what a folder of the
 *                 same files would be
 */
export async function missingFrom(
  repo: string,
  folder: string,
  has: Has,
  isAbsent: Has,
  offline: boolean,
): Promise<string | undefined> {
  for (const file of ["config.json", ...(await weightsIn(repo, folder, has))]) {
    if (!(await has(file))) return file;
  }
  if (await has("tokenizer.json")) return undefined;
  const lacking: string[] = [];
  for (const file of ["vocab.json", "merges.txt"]) if (!(await has(file))) lacking.push(file);
  if (lacking.length === 0 || (offline && lacking.length === 2)) return undefined;
  const isNone = (await isAbsent("vocab.json")) || (await isAbsent("merges.txt"));
  return isNone && (await isAbsent("tokenizer.json")) ? undefined : lacking[0];
}

async function weightsIn(repo: string, folder: string, has: Has): Promise<readonly string[]> {
  const isSharded = !(await has("model.safetensors")) && (await has(index));
  return isSharded ? shardsIn(repo, folder) : ["model.safetensors"];
}

/**
 * Has each file that the loader reads, and no other. The weights come last: so a snapshot that has them has what the
 * tokenizer is told beside its own file, and one that is interrupted is seen not to be complete.
 *
 * @param isThere asks without having it
 * @throws CheckpointError when the repository has no config or no safetensors, or a malformed index
 */
export async function haveModel(repo: string, folder: string, has: Has, isThere: Has): Promise<void> {
  if (!(await has("config.json"))) {
    throw new HubError("not found", `${repo}: got no config.json in it, expected a model's. Check the name.`);
  }
  for (const beside of ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"])
    await has(beside);
  if (!(await has("tokenizer.json"))) {
    await has("vocab.json");
    await has("merges.txt");
  }
  if (await has("model.safetensors")) return;
  if (!(await has(index))) throw await noSafetensors(repo, isThere);
  for (const shard of await shardsIn(repo, folder)) {
    if (await has(shard)) continue;
    throw new CheckpointError(
      `${repo}: ${index}: got no file ${shard}, which it names. Tell the model's owner.`,
    );
  }
}

async function shardsIn(repo: string, folder: string): Promise<string[]> {
  try {
    return [...(await readShardIndex(() => openFile(join(folder, index)))).keys()].sort();
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(`${repo}: ${error.message}`, { cause: error });
  }
}

async function noSafetensors(repo: string, isThere: Has): Promise<HubError> {
  const got = (await isThere("pytorch_model.bin")) ? "pytorch_model.bin alone" : "no weights";
  const remedy = got.startsWith("no")
    ? "Check the name."
    : `Convert it, in Python: GPT2LMHeadModel.from_pretrained("${repo}").save_pretrained(folder); and give that folder.`;
  return new HubError("not found", `${repo}: got ${got} in it, expected model.safetensors. ${remedy}`);
}
