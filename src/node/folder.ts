/// <reference types="node" />
import { type BigIntStats, closeSync, fstatSync, openSync, readSync } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CheckpointError } from "../errors.ts";
import type { ByteFile, Source } from "../model/index.ts";

/**
 * The files of a local folder, by name, each opened when it is read. Symbolic links are followed (the hub's cache is
 * made of them); folders inside are left out. As a file is looked up among these names, none outside the folder can
 * be reached, whatever an index names.
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
  const here = resolve(folder); // the embedding is read later on too, wherever the process is by then
  const files = new Map<string, Source>();
  for (const entry of entries) {
    if (!entry.isFile() && !entry.isSymbolicLink()) continue;
    files.set(entry.name, () => openFile(join(here, entry.name)));
  }
  return files;
}

/**
 * Opens one file for reading at any place; at once (`readSync`) also later on, as long as it stays the same file.
 *
 * @throws CheckpointError when it is not a regular file: a pipe would never be opened
 */
export async function openFile(path: string): Promise<ByteFile> {
  await expectFile(path);
  const handle = await open(path, "r");
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
  const descriptor = openSync(path, "r");
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
