/// <reference types="node" />
import { readdir, realpath } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { CheckpointError } from "../errors.ts";
import type { ByteFile, Source } from "../model/index.ts";
import { openFile } from "./openFile.ts";

/**
 * The files of a local folder, by name, each opened when it is read; folders inside are left out. None outside the folder
 * can be reached: a file is looked up among these names, whatever an index names, and a link is followed only to a file of
 * the folder, or, in a snapshot of the hub's cache, to one of the cache's blobs.
 *
 * @param isCache whether the snapshot is the user's own cache's, whose blobs may have been moved behind a link; one given by its
 *                path may have come with such a link
 * @throws CheckpointError when the folder cannot be listed
 */
export async function folderFiles(
  folder: string,
  { isCache = false }: { readonly isCache?: boolean } = {},
): Promise<ReadonlyMap<string, Source>> {
  const here = resolve(folder); // the embedding is read later on too, wherever the process is by then
  const entries = await readdir(here, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    const got = { ENOENT: "nothing there", ENOTDIR: "a file" }[error.code ?? ""] ?? error.message;
    const message = `${folder}: got ${got}, expected a folder with a model's files. Give its path, or a name on the hub: openai-community/gpt2.`;
    throw new CheckpointError(message, { cause: error });
  });
  const places = await placesOf(here, isCache);
  const files = new Map<string, Source>();
  for (const entry of entries) {
    if (!entry.isFile() && !entry.isSymbolicLink()) continue;
    files.set(entry.name, () => openWithin(join(here, entry.name), places));
  }
  return files;
}

/** Where a folder's files may be, themselves not through links. */
interface Places {
  readonly folder: string;
  /** Of the hub's cache: a repository's, and those that Python shares among repositories. A blob is named by its content. */
  readonly blobs: readonly string[];
}

/** …/models--owner--name/snapshots/<commit>, or a folder in it, may link to blobs. */
async function placesOf(path: string, isCache: boolean): Promise<Places> {
  const folder = await realpath(path);
  const parts = folder.split(sep);
  const repo = parts.findLastIndex(
    (part, at) => part.startsWith("models--") && parts[at + 1] === "snapshots",
  );
  if (repo < 0 || parts[repo + 2] === undefined) return { folder, blobs: [] };
  const cache = parts.slice(0, repo).join(sep);
  const blobs = [join(cache, parts[repo], "blobs"), join(cache, "blobs")];
  if (!isCache) return { folder, blobs };
  return { folder, blobs: await Promise.all(blobs.map((place) => realpath(place).catch(() => place))) };
}

/** @throws CheckpointError when it is a link to outside of these places */
async function openWithin(path: string, { folder, blobs }: Places): Promise<ByteFile> {
  const target = await realpath(path);
  if (blobs.some((place) => isWithin(target, place))) return openFile(path, { target, namedByContent: true });
  if (isWithin(target, folder)) return openFile(path, { target });
  throw new CheckpointError(
    `${path}: got a link to ${target}, expected one that stays in the folder: it may have come with the files, and is not followed. ` +
      "Put the file itself there, or give the files to modelFromFiles: await openAsBlob(path) of node:fs.",
  );
}

function isWithin(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
