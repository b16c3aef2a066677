/// <reference types="node" />
import { randomBytes } from "node:crypto";
import { copyFile, rename, symlink, unlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { exists, type RepoCache, snapshotFolder } from "./cache.ts";

/**
 * Puts a blob into a snapshot under the file's name: as a relative link, so that a cache can be moved; as the file itself
 * where links are refused or not wanted.
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
  await unlink(pointer).catch(() => {}); // a link whose blob has been deleted
  if (symlinks) {
    try {
      await symlink(relative(dirname(pointer), blob), pointer);
      return;
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (code === "EEXIST") return; // another process was faster
      if (!["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "UNKNOWN"].includes(code))
        throw error;
    }
  }
  const copy = `${blob}.${randomBytes(4).toString("hex")}.incomplete`;
  await copyFile(blob, copy);
  await rename(copy, pointer);
}
