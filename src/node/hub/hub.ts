/// <reference types="node" />
import { join } from "node:path";
import process from "node:process";
import { HubError, ValueError } from "../../errors.ts";
import { obtainBlob } from "./blob.ts";
import {
  cachedCommit,
  exists,
  isKnownAbsent,
  makeFolders,
  ofTheCache,
  type RepoCache,
  rememberAbsence,
  rememberCommit,
  repoCache,
  snapshotFolder,
} from "./cache.ts";
import { type Client, pause } from "./client.ts";
import { type HubSettings, hubSettings } from "./environment.ts";
import { type FileMetadata, fileMetadata } from "./metadata.ts";
import { isCommit, isRepoId, isRevision } from "./names.ts";
import type { HubOptions } from "./options.ts";
import { pointToBlob } from "./pointer.ts";
import { haveModel, missingFrom } from "./snapshot.ts";

/** What a test puts in the place of the process. */
export interface Surroundings {
  readonly env?: Parameters<typeof hubSettings>[1];
  readonly home?: string;
  readonly pause?: Client["pause"];
}

/**
 * The folder in the cache with a model's files, of one commit. Where the cache has them all, nothing is asked of the hub;
 * otherwise the revision is looked up once, and what is missing is downloaded.
 *
 * @param repo as "openai-community/gpt2"
 * @throws HubError        with a `reason`, when there is no such model, no access, no answer, or the wrong bytes
 * @throws CheckpointError when the cache cannot be written, or the model has files that this loader does not read
 * @throws ValueError      for a revision, endpoint or token that cannot be one
 * @throws the signal's reason once it is aborted
 */
export async function hubFolder(
  repo: string,
  options: HubOptions = {},
  { env = process.env, home, pause: wait = pause }: Surroundings = {},
): Promise<string> {
  const { revision = "main", refresh = false, signal } = options;
  if (!isRepoId(repo)) throw new ValueError(`${repo}: expected a name on the hub: "name" or "owner/name".`);
  if (!isRevision(revision)) {
    throw new ValueError(`revision: got ${JSON.stringify(revision)}, expected a branch, tag or commit.`);
  }
  signal?.throwIfAborted();
  const settings = hubSettings(options, env, home);
  const cache = repoCache(settings.cacheDir, repo);
  const { offline } = settings;
  if (refresh && offline) {
    throw new HubError(
      "offline",
      `${repo}: got refresh and offline, expected one of them: refreshing asks the hub.`,
    );
  }
  const commit = refresh ? undefined : await cachedCommit(cache, revision);
  const missing = commit && (await missingInCache(cache, repo, commit, offline));
  if (commit !== undefined && missing === undefined) return snapshotFolder(cache, commit);
  if (offline) throw notCached(repo, revision, settings, missing);

  const client = {
    ...settings,
    token: await settings.findToken(),
    fetch: options.fetch ?? globalThis.fetch,
    signal,
    pause: wait,
  };
  try {
    return await downloaded(client, cache, settings, repo, revision, options.onDownload);
  } catch (error) {
    signal?.throwIfAborted();
    throw ofTheCache(settings.cacheDir, error);
  }
}

function missingInCache(cache: RepoCache, repo: string, commit: string, offline: boolean) {
  const folder = snapshotFolder(cache, commit);
  const has = (file: string) => exists(join(folder, file));
  return missingFrom(repo, folder, has, (file) => isKnownAbsent(cache, commit, file), offline);
}

/** Looks the revision up, and downloads what is missing of its commit. The revision is remembered once all is there. */
async function downloaded(
  client: Client,
  cache: RepoCache,
  { symlinks }: HubSettings,
  repo: string,
  revision: string,
  onDownload: HubOptions["onDownload"],
): Promise<string> {
  const first = "config.json";
  const found = await fileMetadata(client, { repo, revision }, first);
  const { commit } = found;
  if (isCommit(revision)) expectCommit(repo, first, commit, revision);
  const wanted = { repo, revision: commit };
  const folder = snapshotFolder(cache, commit);

  async function ask(file: string): Promise<FileMetadata> {
    if (file === first) return found;
    const metadata = await fileMetadata(client, wanted, file);
    expectCommit(repo, file, metadata.commit, commit);
    return metadata;
  }

  async function has(file: string): Promise<boolean> {
    if (await exists(join(folder, file))) return true;
    if (await isKnownAbsent(cache, commit, file)) return false;
    const { content } = await ask(file);
    if (content === undefined) {
      await rememberAbsence(cache, commit, file);
      return false;
    }
    const told = (received: number) => onDownload?.({ file, received, size: content.size });
    await makeFolders(cache, commit); // only now: a cache that has all may be read-only
    const blob = await obtainBlob(client, cache, wanted, file, content, told);
    await pointToBlob(cache, commit, file, blob, symlinks);
    return true;
  }

  await haveModel(repo, folder, has, async (file) => (await ask(file)).content !== undefined);
  await rememberCommit(cache, revision, commit);
  return folder;
}

/** @throws HubError when the hub answers for another commit than it was asked for */
function expectCommit(repo: string, file: string, got: string, expected: string): void {
  if (got === expected) return;
  throw new HubError(
    "unreachable",
    `${repo}: ${file}: got commit ${got}, expected ${expected}, which was asked for. Check the endpoint.`,
  );
}

function notCached(repo: string, revision: string, { cacheDir }: HubSettings, missing = ""): HubError {
  const at = revision === "main" ? "" : ` at ${revision}`;
  const lacks = missing && ` (it lacks ${missing})`;
  return new HubError(
    "offline",
    `${repo}: got no whole model of that name${at} in ${cacheDir}${lacks}, nor a folder, expected one: no request is made offline. ` +
      "Load it once with a connection (unset HF_HUB_OFFLINE), or set HF_HUB_CACHE to the cache that has it.",
  );
}
