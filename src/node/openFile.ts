/// <reference types="node" />
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { CheckpointError } from "../errors.ts";
import type { ByteFile } from "../model/index.ts";

/** A pipe that has taken a file's place is not waited for. */
const readOnly = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

interface OpenOptions {
  /** Where `path` leads, if it is a link: this is opened, and `path` is for messages. */
  readonly target?: string;
  /** Its name is its hash: another file there of the same size, as another download leaves, is the same file. */
  readonly namedByContent?: boolean;
}

/**
 * Opens one file for reading at any place; at once (`readSync`) also later on, as long as it stays the same file.
 *
 * @throws CheckpointError when it is not a regular file: a pipe would never be opened
 */
export async function openFile(path: string, options: OpenOptions = {}): Promise<ByteFile> {
  const { target = path, namedByContent = false } = options;
  await expectFile(path, target);
  const handle = await open(target, readOnly);
  const opened = await handle.stat({ bigint: true });
  const identity = namedByContent ? (["size"] as const) : (["dev", "ino", "size", "mtimeNs"] as const);
  const isSame = (now: BigIntStats) => identity.every((key) => now[key] === opened[key]);
  return {
    size: Number(opened.size),
    read: async (out, position) => (await handle.read(out, 0, out.length, position)).bytesRead,
    readSync: (out, position) => readFrom(path, target, isSame, out, position),
    close: () => handle.close(),
  };
}

/**
 * Opens, reads and closes: so nothing is left open for as long as a model lives.
 *
 * @throws CheckpointError when the file is gone, another is there by now, or it was written to
 */
function readFrom(
  path: string,
  target: string,
  isSame: (now: BigIntStats) => boolean,
  out: Uint8Array,
  position: number,
): number {
  const descriptor = reopen(path, target);
  try {
    if (!isSame(fstatSync(descriptor, { bigint: true }))) {
      throw new CheckpointError(
        `${path}: got a file that has changed since the model was loaded, expected the same one. Load the model again.`,
      );
    }
    return readSync(descriptor, out, 0, out.length, position);
  } finally {
    closeSync(descriptor);
  }
}

function reopen(path: string, target: string): number {
  try {
    return openSync(target, readOnly);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const got = code === "ENOENT" || code === "ENOTDIR" ? "nothing there any more" : message;
    throw new CheckpointError(
      `${path}: got ${got}, expected the file that the model was loaded from: the embedding stays in it, and rows are read ` +
        "when they are needed. Put it back, or load the model again from where it is now.",
      { cause: error },
    );
  }
}

async function expectFile(path: string, target: string): Promise<void> {
  const stats = await stat(target);
  if (stats.isFile()) return;
  throw new CheckpointError(
    `${path}: got ${stats.isDirectory() ? "a folder" : "a device or pipe"}, expected a file.`,
  );
}
