/// <reference types="node" />
import { randomBytes } from "node:crypto";
import { access, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CheckpointError } from "../../errors.ts";
import { isCommit } from "./names.ts";

/**
 * One repository's part of the cache, laid out as huggingface_hub does:
 *
 *   models--owner--name/refs/<branch or tag>       the commit it stood for
 *   models--owner--name/snapshots/<commit>/<file>  a link to ../../blobs/<etag>
 *   models--owner--name/blobs/<etag>               the bytes
 *   models--owner--name/.no_exist/<commit>/<file>  empty: that the commit has no such file
 *   .locks/models--owner--name/
 */
export interface RepoCache {
  readonly blobs: string;
  readonly locks: string;
  readonly root: string;
  readonly folder: string;
}

/** @param repo a repository's name that is one: no path outside of `cacheDir` comes from it */
export function repoCache(cacheDir: string, repo: string): RepoCache {
  const name = `models--${repo.replaceAll("/", "--")}`;
  const folder = join(cacheDir, name);
  return { root: cacheDir, folder, blobs: join(folder, "blobs"), locks: join(cacheDir, ".locks", name) };
}

export function snapshotFolder({ folder }: RepoCache, commit: string): string {
  return join(folder, "snapshots", commit);
}

/** The commit that a revision stood for when it was last asked for; undefined where the cache does not know. */
export async function cachedCommit({ folder }: RepoCache, revision: string): Promise<string | undefined> {
  if (isCommit(revision)) return revision;
  const text = await readFile(join(folder, "refs", revision), "utf8").catch(() => "");
  return isCommit(text.trim()) ? text.trim() : undefined;
}

/** Whole or not at all, for those who read meanwhile. */
export async function rememberCommit(cache: RepoCache, revision: string, commit: string): Promise<void> {
  if ((await cachedCommit(cache, revision)) === commit) return; // a commit stands for itself
  const path = join(cache.folder, "refs", revision);
  const written = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  await unlessReadOnly(async () => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(written, commit);
    await rename(written, path);
  });
}

/** Whether the commit is known to have no such file. */
export function isKnownAbsent({ folder }: RepoCache, commit: string, file: string): Promise<boolean> {
  return exists(join(folder, ".no_exist", commit, file));
}

export async function rememberAbsence({ folder }: RepoCache, commit: string, file: string): Promise<void> {
  const path = join(folder, ".no_exist", commit, file);
  await unlessReadOnly(async () => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "");
  });
}

/** What is remembered spares a request the next time: a cache that only others may write to serves without. */
async function unlessReadOnly(action: () => Promise<void>): Promise<void> {
  await action().catch((error: NodeJS.ErrnoException) => {
    const refusals = ["EROFS", "EACCES", "EPERM", "ENOENT"]; // the last is Node's recursive mkdir's for the first
    if (!refusals.includes(error.code ?? "")) throw error;
  });
}

/** Makes the folders of a commit, and tells backups what the cache is. */
export async function makeFolders(cache: RepoCache, commit: string): Promise<void> {
  for (const folder of [cache.blobs, cache.locks, snapshotFolder(cache, commit)]) {
    await mkdir(folder, { recursive: true });
  }
  await writeFile(join(cache.root, "CACHEDIR.TAG"), cacheTag, { flag: "wx" }).catch(() => {}); // it is there, as a rule
}

const cacheTag = `Signature: 8a477f597d28d172789f06886806bc55
# This file is a cache directory tag created by huggingface_hub.
# For information about cache directory tags, see:
#\thttps://bford.info/cachedir/
`;

/** That a file is there, or a link to one that is. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The system's own errors come without a word on what was being done. Those of an open file do not name it. */
export function ofTheCache(cacheDir: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code = "", path, message } = error as NodeJS.ErrnoException;
  const isOurs =
    typeof path === "string"
      ? path.startsWith(cacheDir) || cacheDir.startsWith(path)
      : ["ENOSPC", "EDQUOT", "EIO"].includes(code);
  if (!isOurs) return error;
  return new CheckpointError(
    `${cacheDir}: the cache could not be read or written: ${message}. Make room or give access, or set HF_HUB_CACHE to another place.`,
    { cause: error },
  );
}
