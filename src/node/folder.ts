/// <reference types="node" />
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { CheckpointError } from "../errors.ts";
import type { ByteFile, Source } from "../model/index.ts";

/**
 * The files of a local folder, by name, each opened when it is read; folders inside are left out. Nothing outside of the
 * folder is read: an index can name only these files, and a symbolic link, which may have come with the files, is followed
 * only within the folder, or from a snapshot of the hub's cache to the blobs beside it.
 *
 * @throws CheckpointError when the folder cannot be listed
 */
export async function folderFiles(folder: string): Promise<ReadonlyMap<string, Source>> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    const got = { ENOENT: "nothing there", ENOTDIR: "a file" }[error.code ?? ""] ?? error.message;
    const remedy = "Give its path; names on the Hugging Face hub are not looked up.";
    const message = `${folder}: got ${got}, expected a folder with a model's files. ${remedy}`;
    throw new CheckpointError(message, { cause: error });
  });
  const here = await realpath(folder); // the embedding is read later on too, wherever the process is by then
  const files = new Map<string, Source>();
  for (const entry of entries) {
    if (!entry.isFile() && !entry.isSymbolicLink()) continue;
    files.set(entry.name, async () => openFile(await follow(join(here, entry.name), here)));
  }
  return files;
}

/**
 * Where a file of a folder really is.
 *
 * @throws CheckpointError when a link leads out of the folder
 */
async function follow(path: string, folder: string): Promise<string> {
  const real = await realpath(path);
  const blobs = blobsOf(folder);
  if (isWithin(folder, real) || (blobs !== undefined && isWithin(blobs, real))) return real;
  throw new CheckpointError(
    `${path}: got a link to ${real}, expected one that stays in the folder: it may have come with the files, and is not followed. ` +
      "Put the file itself there, or give the files to modelFromFiles: await openAsBlob(path) of node:fs.",
  );
}

/** The blobs that a snapshot of the hub's cache links to: …/models--owner--name/snapshots/<commit>[/…] */
function blobsOf(folder: string): string | undefined {
  const parts = folder.split(sep);
  const at = parts.findLastIndex((part, i) => part.startsWith("models--") && parts[i + 1] === "snapshots");
  return at >= 0 && parts.length > at + 2 ? [...parts.slice(0, at + 1), "blobs"].join(sep) : undefined;
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** A pipe that has taken a file's place is not waited for. */
const readOnly = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Opens one file for reading at any place; at once (`readSync`) also later on, as long as it stays the same file.
 *
 * @throws CheckpointError when it is not a regular file: a pipe would never be opened
 */
export async function openFile(path: string): Promise<ByteFile> {
  await expectFile(path);
  const handle = await open(path, readOnly);
  const opened = await handle.stat({ bigint: true });
  return {
    size: Number(opened.size),
    read: async (out, position) => (await handle.read(out, 0, out.length, position)).bytesRead,
    readSync: (out, position) => readFrom(path, opened, out, position),
    close: () => handle.close(),
  };
}

/**
 * Opens, reads and closes: so nothing is left open for as long as a model lives.
 *
 * @throws CheckpointError when another file is there by now, or the file was written to
 */
function readFrom(path: string, opened: BigIntStats, out: Uint8Array, position: number): number {
  const descriptor = openSync(path, readOnly);
  try {
    const now = fstatSync(descriptor, { bigint: true });
    const same = (["dev", "ino", "size", "mtimeNs"] as const).every((key) => now[key] === opened[key]);
    if (!same) {
      throw new CheckpointError(
        `${path}: got a file that has changed since the model was loaded, expected the same one. Load the model again.`,
      );
    }
    return readSync(descriptor, out, 0, out.length, position);
  } finally {
    closeSync(descriptor);
  }
}

async function expectFile(path: string): Promise<void> {
  const stats = await stat(path);
  if (stats.isFile()) return;
  throw new CheckpointError(
    `${path}: got ${stats.isDirectory() ? "a folder" : "a device or pipe"}, expected a file.`,
  );
}
