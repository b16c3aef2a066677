/// <reference types="node" />
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { impostor } from "../../model/index.ts";
import type { RemoteContent } from "./metadata.ts";

/**
 * What is wrong with a download, read back from the disk, or undefined: its size; its hash, which is its ETag (sha256 for a
 * file in git-lfs, git's sha1 for another, or on other servers sha1 itself); and that it is a page or pointer in the file's place.
 *
 * @param isAll whether no more came than is in the file
 * @returns "got X, expected Y" for a message
 */
export async function faultOf(
  handle: FileHandle,
  { etag, size }: RemoteContent,
  isAll: boolean,
): Promise<string | undefined> {
  const bytes = (await handle.stat()).size;
  const other = await impostorIn(handle);
  if (other !== undefined) return `got ${other}, expected the file`;
  if (!isAll) return `got more than ${bytes} bytes, expected ${size}`;
  if (size !== undefined && bytes !== size) return `got ${bytes} bytes, expected ${size}`;

  const hashes = contentHashes(etag, bytes);
  if (hashes.length === 0) return undefined;
  const chunk = new Uint8Array(2 ** 20);
  for (let position = 0; position < bytes; ) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) break; // cut meanwhile: the hash will tell
    for (const hash of hashes) hash.update(chunk.subarray(0, bytesRead));
    position += bytesRead;
  }
  const digests = hashes.map((hash) => hash.digest("hex"));
  if (digests.includes(etag)) return undefined;
  return `got bytes with the hash ${digests[0]}, expected the hub's ${etag}`;
}

/** What the first bytes are, where they are a page's, a pointer's or an archive's. */
export async function impostorIn(handle: FileHandle): Promise<string | undefined> {
  const start = new Uint8Array(64);
  const { bytesRead } = await handle.read(start, 0, start.length, 0);
  return impostor(start.subarray(0, bytesRead))?.replace(/\. .*$/, ""); // its advice is for a file at hand
}

/** The hashes that an ETag may be; none for one of another kind, as another hub's may be: then its size is all there is. */
function contentHashes(etag: string, bytes: number) {
  if (/^[0-9a-f]{64}$/.test(etag)) return [createHash("sha256")];
  if (!/^[0-9a-f]{40}$/.test(etag)) return [];
  return [createHash("sha1").update(`blob ${bytes}\0`), createHash("sha1")];
}
