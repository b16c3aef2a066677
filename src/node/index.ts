/// <reference types="node" />
import { existsSync } from "node:fs";
import { freemem, totalmem } from "node:os";
import { basename, resolve } from "node:path";
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
import { hubFolder } from "./hub/hub.ts";
import { isRepoId } from "./hub/names.ts";
import type { HubOptions } from "./hub/options.ts";
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
 * @param folderOrName a folder that there is, or else a name on the hub, as "openai-community/gpt2"; the model is named
 *                     after it unless `options.name` says otherwise
 * @throws CheckpointError when the folder or a file in it is missing, malformed or unsupported
 * @throws HubError        a CheckpointError with a `reason`, when it cannot be had from the hub
 * @throws MemoryError     when there is less memory than the weights take
 * @throws ValueError      for an option that there is not, a revision of a folder, or what the hub's rules forbid
 */
export async function fromPretrained(folderOrName: string, options: PretrainedOptions = {}): Promise<Gpt2> {
  expectKnown("fromPretrained", options, names);
  const isName = isRepoId(folderOrName) && !existsSync(folderOrName);
  if (!isName) expectNothingOfTheHub(folderOrName, options);
  const folder = isName ? await hubFolder(folderOrName, options) : folderOrName;
  const { revision, cacheDir, token, endpoint, offline, refresh, fetch, onDownload, ...loading } = options;
  const files = await folderFiles(folder, { isCache: isName });
  if (!isName) expectModel(folderOrName, [...files.keys()]);
  try {
    return await modelFromFiles(files, {
      ...loading,
      spawnThread: options.spawnThread ?? spawnThread,
      availableMemory: options.availableMemory ?? availableMemory(),
      name: options.name ?? (isName ? folderOrName : basename(resolve(folderOrName))),
    });
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(`${folderOrName}: ${error.message}`, { cause: error });
  }
}

/** Files that say what else a folder is: these are told of where they are read. */
const others: readonly string[] = ["adapter_config.json"];

/** @throws CheckpointError for a folder that has no model; perhaps the hub's of that name was meant */
function expectModel(folder: string, files: readonly string[]): void {
  if (files.includes("config.json") || files.some((name) => others.includes(name))) return;
  const shown = files.slice(0, 5).map((name) => JSON.stringify(name));
  const more = files.length > shown.length ? ` and ${files.length - shown.length} more` : "";
  const got = files.length === 0 ? "a folder without a file" : `a folder with ${shown.join(", ")}${more}`;
  const what = isRepoId(folder)
    ? `It is in the way of the hub's model of that name: rename it, or run elsewhere, to have that one.`
    : "Give the path of the folder that has them.";
  throw new CheckpointError(
    `${folder}: got ${got}, expected a model's files: config.json, model.safetensors and, for texts, a tokenizer's. ${what}`,
  );
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
