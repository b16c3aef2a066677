/// <reference types="node" />
import { randomBytes } from "node:crypto";
import { constants, copyFile, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HubError } from "../../errors.ts";
import { exists, type RepoCache } from "./cache.ts";
import type { Client } from "./client.ts";
import { acquireLock } from "./lock.ts";
import type { RemoteContent } from "./metadata.ts";
import { receive } from "./receive.ts";
import type { Wanted } from "./status.ts";
import { faultOf } from "./verify.ts";

/** Python's tools know a download that is not done by the end of its name, and clear it away when asked to. */
const suffix = ".logitscope.incomplete";

/**
 * The path of a file's blob, downloaded unless it is there: whole, verified, and under its name only then.
 *
 * @param wanted the commit to download from
 * @throws HubError when the hub refuses, keeps failing, or sends something else: then nothing of it is kept
 * @throws the signal's reason once it is aborted: then what came is kept for the next time
 */
export async function obtainBlob(
  client: Client,
  cache: RepoCache,
  wanted: Wanted,
  file: string,
  content: RemoteContent,
  told: (received: number) => void,
): Promise<string> {
  const blob = join(cache.blobs, content.etag);
  while (!(await exists(blob))) {
    const release = await acquireLock(client, join(cache.locks, `${content.etag}.logitscope.lock`));
    try {
      if (!(await exists(blob))) await download(client, wanted, file, content, blob, told);
    } finally {
      await release();
    }
  }
  return blob;
}

async function download(
  client: Client,
  wanted: Wanted,
  file: string,
  content: RemoteContent,
  blob: string,
  told: (received: number) => void,
): Promise<void> {
  const path = `${blob}.${randomBytes(4).toString("hex")}${suffix}`;
  await adoptPartial(blob, path);
  const partial = await open(path, constants.O_RDWR | constants.O_CREAT, 0o666);
  let isWorthKeeping = true;
  try {
    const obtain = async () =>
      faultOf(partial, content, await receive(client, wanted, file, content, partial, told));
    const isResumed = (await partial.stat()).size > 0;
    let fault = await obtain();
    if (fault !== undefined && isResumed) {
      await partial.truncate(0); // the wrong bytes may be those from before
      fault = await obtain();
    }
    if (fault !== undefined) {
      isWorthKeeping = false;
      const remedy = "Nothing of it was stored. Try again; check the endpoint and any proxy if it stays so.";
      throw new HubError("bad content", `${wanted.repo}: ${file}: ${fault}. ${remedy}`);
    }
    await partial.sync(); // a name that outlives a power failure with no bytes behind it would be believed
  } catch (error) {
    isWorthKeeping &&= (await partial.stat()).size > 0;
    await partial.close();
    if (!isWorthKeeping) await unlink(path).catch(() => {});
    throw error;
  }
  await partial.close();
  await putInPlace(path, blob);
}

/**
 * What an earlier try left, the longest, as a copy: whoever wrote it may be alive, and writing.
 *
 * @throws the system's error when there is no room for both: all of it is kept
 */
async function adoptPartial(blob: string, path: string): Promise<void> {
  const folder = dirname(blob);
  const names = (await readdir(folder)).filter(
    (name) => name.startsWith(`${basename(blob)}.`) && name.endsWith(suffix),
  );
  let longest = { name: "", size: 0 };
  for (const name of names) {
    const { size } = await stat(join(folder, name)).catch(() => ({ size: 0 }));
    if (size > longest.size) longest = { name, size };
  }
  const isAdopted = longest.size > 0 && (await isCopied(join(folder, longest.name), path));
  for (const name of names) {
    if (isAdopted || name !== longest.name) await unlink(join(folder, name)).catch(() => {});
  }
}

/** False where it is another's, or gone by now. */
async function isCopied(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    return true;
  } catch (error) {
    await unlink(to).catch(() => {});
    if (["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    return false;
  }
}

/** Never over a blob that is there, which somebody may be reading; another's try may have cleared this one away. */
async function putInPlace(path: string, blob: string): Promise<void> {
  if (await exists(blob)) return unlink(path).catch(() => {});
  await rename(path, blob).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
