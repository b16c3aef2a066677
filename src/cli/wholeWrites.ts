/// <reference types="node" />
import { fstatSync, ftruncateSync, writeSync } from "node:fs";
import { type Output, write } from "./io.ts";

/** The file calls that are written through; a test's has no room. */
export interface FileCalls {
  readonly writeSync: (fd: number, bytes: Uint8Array, offset: number) => number;
  readonly fstatSync: (fd: number) => { readonly size: number; isFile(): boolean };
  readonly ftruncateSync: (fd: number, size: number) => void;
}

const calls: FileCalls = { writeSync, fstatSync, ftruncateSync };

/**
 * A writer of texts to an output, each whole or not at all where that can be had: Node writes what there is room for, and drops
 * the rest of it in silence. A file gets all of a text, or else is cut back to its end before.
 *
 * @throws ClosedOutput where the reader has gone; what the system says where there is no room
 */
export function wholeWriter(output: Output, files: FileCalls = calls): (text: string) => Promise<void> {
  const { fd } = output;
  if (fd === undefined || !isFile(fd, files)) return (text) => write(output, text);
  return async (text) => writeWhole(fd, text, files);
}

function isFile(fd: number, files: FileCalls): boolean {
  try {
    return files.fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

function writeWhole(fd: number, text: string, files: FileCalls): void {
  const bytes = new TextEncoder().encode(text);
  const before = files.fstatSync(fd).size;
  let written = 0;
  try {
    while (written < bytes.length) {
      const count = files.writeSync(fd, bytes, written);
      if (count === 0) throw new Error("nothing could be written");
      written += count;
    }
  } catch (error) {
    const isOurs = files.fstatSync(fd).size === before + written; // no other process wrote there meanwhile
    if (written > 0 && isOurs) files.ftruncateSync(fd, before);
    throw error;
  }
}
