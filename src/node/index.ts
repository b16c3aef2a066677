import { basename, resolve } from "node:path";
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
 */
export async function fromPretrained(folder: string, options: LoadOptions = {}): Promise<Gpt2> {
  const files = await folderFiles(folder);
  try {
    return await modelFromFiles(files, {
      spawnThread,
      ...options,
      name: options.name ?? basename(resolve(folder)),
    });
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(`${folder}: ${error.message}`, { cause: error });
  }
}
