/// <reference types="node" />
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
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
  const files = new Map<string, Source>();
  for (const entry of entries) {
    if (!entry.isFile() && !entry.isSymbolicLink()) continue;
    files.set(entry.name, () => openFile(join(folder, entry.name)));
  }
  return files;
}

/**
 * Opens one file for reading at any place.
 *
 * @throws CheckpointError when it is not a regular file: a pipe would never be opened
 */
export async function openFile(path: string): Promise<ByteFile> {
  const { size } = await expectFile(path);
  const handle = await open(path, "r");
  return {
    size,
    read: async (out, position) => (await handle.read(out, 0, out.length, position)).bytesRead,
    close: () => handle.close(),
  };
}

async function expectFile(path: string): Promise<{ size: number }> {
  const stats = await stat(path);
  if (stats.isFile()) return stats;
  throw new CheckpointError(
    `${path}: got ${stats.isDirectory() ? "a folder" : "a device or pipe"}, expected a file.`,
  );
}
