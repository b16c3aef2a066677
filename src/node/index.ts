/// <reference types="node" />
import { existsSync } from "node:fs";
import { freemem, totalmem } from "node:os";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { CheckpointError, ValueError } from "../errors.ts";
import {
  expectKnown,
  type Gpt2,
  type LoadOptions,
  loadNames,
  modelFromFiles,
  type NamesOf,
} from "../model/index.ts";
import { folderFiles } from "./folder.ts";
import { folderOrNameOf } from "./folderOrName.ts";
import { hubFolder } from "./hub/hub.ts";
import { isRepoId } from "./hub/names.ts";
import { expectHubOptions, type HubOptions } from "./hub/options.ts";
import { spawnThread } from "./spawnThread.ts";

export type { DownloadProgress, HubOptions } from "./hub/options.ts";
export { spawnThread };

/** How a model is to be read, and how it is to be had from the hub. */
export interface PretrainedOptions extends LoadOptions, HubOptions {
  readonly signal?: AbortSignal | undefined;
}

const hubNames: NamesOf<HubOptions> = {
  ...{ revision: true, cacheDir: true, token: true, endpoint: true, offline: true, refresh: true },
  ...{ fetch: true, onDownload: true, signal: true },
};
const names: NamesOf<PretrainedOptions> = { ...loadNames, ...hubNames };

/**
 * A model from Hugging Face files: config.json, model.safetensors or its shards with their index, and a tokenizer's files
 * for texts. They are in a local folder, or on the Hugging Face hub: then they are downloaded into the cache that Python's
 * huggingface_hub uses too, unless they are there. A symbolic
 * link out of the folder is not followed, but for those of the hub's cache.
 *
 * @param folderOrName a folder that there is, by its path or its file: address, or else a name on the hub, as
 *                     "openai-community/gpt2"; the model is named after it unless `options.name` says otherwise
 * @throws CheckpointError when the folder or a file in it is missing, malformed or unsupported
 * @throws HubError        a CheckpointError with a `reason`, when it cannot be had from the hub
 * @throws MemoryError     when there is less memory than the weights take
 * @throws ValueError      for what is neither a folder nor a name, an option that there is not, a revision of a folder, or what
 *                         the hub's rules forbid
 */
export async function fromPretrained(
  folderOrName: string | URL,
  options: PretrainedOptions = {},
): Promise<Gpt2> {
  expectKnown("fromPretrained", options, names);
  expectHubOptions("fromPretrained", options);
  const given = folderOrNameOf("fromPretrained", folderOrName);
  const isName = isRepoId(given) && !existsSync(given);
  if (!isName) expectNothingOfTheHub(given, options);
  const folder = isName ? await hubFolder(given, options) : given;
  const { revision, cacheDir, token, endpoint, offline, refresh, fetch, onDownload, ...loading } = options;
  try {
    const files = await folderFiles(folder, { isCache: isName });
    return await modelFromFiles(files, {
      ...loading,
      spawnThread: options.spawnThread ?? spawnThread,
      availableMemory: options.availableMemory ?? availableMemory(),
      name: options.name ?? (isName ? given : basename(resolve(given))),
    });
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    const hint = isName ? "" : inTheWay(given);
    const where = error.message.startsWith(`${given}: `) ? "" : `${given}: `;
    throw new CheckpointError(where + error.message + hint, { cause: error });
  }
}

/** The words for a file or folder without a model that has a hub name's place: "gpt2", empty, where the process is. */
function inTheWay(name: string): string {
  if (!isRepoId(name) || existsSync(join(name, "config.json"))) return "";
  const other = name.includes("/") ? "rename it" : "give the name with its owner, as openai-community/gpt2";
  return ` There is a ./${name} here without a model in it, and so the name is not looked for on the hub: remove it, or ${other}.`;
}

/** A folder that happens to have a model's name would be taken for the revision asked for. */
function expectNothingOfTheHub(folder: string, { revision, refresh }: HubOptions): void {
  if (revision === undefined && !refresh) return;
  const got = refresh ? "refresh" : `revision "${revision}"`;
  throw new ValueError(`${folder}: got ${got} for a folder, expected a name on the hub. Leave it out.`);
}

/**
 * The bytes that a process may take, at the most: what is free, or would be given back at need; its container's limit where
 * that is less. Undefined where the runtime does not tell: Deno without --allow-sys.
 */
function availableMemory(): number | undefined {
  try {
    const free = process.platform === "darwin" ? totalmem() : freemem(); // macOS counts its caches as taken
    return Math.min(free, process.constrainedMemory?.() || Number.POSITIVE_INFINITY);
  } catch {
    return undefined;
  }
}
