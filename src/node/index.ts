/// <reference types="node" />
import { freemem, totalmem } from "node:os";
import { basename, resolve } from "node:path";
import process from "node:process";
import { CheckpointError } from "../errors.ts";
import { type Gpt2, type LoadOptions, modelFromFiles } from "../model/index.ts";
import { folderFiles } from "./folder.ts";
import { spawnThread } from "./spawnThread.ts";

export { spawnThread };

/**
 * A model from a local folder of Hugging Face files: config.json, model.safetensors or its shards with their
 * index, and a tokenizer's files for texts.
 *
 * @param folder a path; the model is named after it unless `options.name` says otherwise
 * @throws CheckpointError when the folder or a file in it is missing, malformed or unsupported
 * @throws MemoryError     when there is less memory than the weights take
 */
export async function fromPretrained(folder: string, options: LoadOptions = {}): Promise<Gpt2> {
  const files = await folderFiles(folder);
  try {
    return await modelFromFiles(files, {
      ...options,
      spawnThread: options.spawnThread ?? spawnThread,
      availableMemory: options.availableMemory ?? availableMemory(),
      name: options.name ?? basename(resolve(folder)),
    });
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(`${folder}: ${error.message}`, { cause: error });
  }
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
