/// <reference types="node" />
import { randomBytes } from "node:crypto";
import { copyFile, link, rename, symlink, unlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { exists, type RepoCache, snapshotFolder } from "./cache.ts";

/**
 * Puts a blob into a snapshot under the file's name: as a relative link, so that a cache can be moved. Where symbolic links
 * are refused (Windows) or not wanted, the file itself is there: a second name of the blob, or a copy.
 *
 * It is made beside the blob and moved into place: so it is there whole, also for a process that comes just then, and takes
 * the place of a link whose blob was deleted.
 *
 * @see huggingface_hub, file_download.py: _create_symlink
 */
export async function pointToBlob(
  cache: RepoCache,
  commit: string,
  file: string,
  blob: string,
  symlinks: boolean,
): Promise<void> {
  const pointer = join(snapshotFolder(cache, commit), file);
  if (await exists(pointer)) return;
  const made = `${blob}.${randomBytes(4).toString("hex")}.incomplete`;
  const target = relative(dirname(pointer), blob);
  if (!(symlinks && (await isAllowed(symlink(target, made)))) && !(await isAllowed(link(blob, made)))) {
    await copyFile(blob, made);
  }
  await rename(made, pointer);
  await unlink(made).catch(() => {}); // still there where both were names of one file, another process's pointer
}

/** Whether it was done, and not refused by the platform or its file system. */
async function isAllowed(action: Promise<void>): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (error) {
    const refusals = ["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "EMLINK", "UNKNOWN"];
    if (refusals.includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}
