import { HubError } from "../../errors.ts";
import { type Client, withRetries } from "./client.ts";
import { blobName, isCommit } from "./names.ts";
import { request } from "./request.ts";
import { expectGood, isAbsence, type Wanted } from "./status.ts";

/** What the hub says of one file at one commit. */
export interface FileMetadata {
  readonly commit: string;
  /** Undefined when the commit has no such file. */
  readonly content: RemoteContent | undefined;
}

/** What the bytes of a file must be. */
export interface RemoteContent {
  /** The name among the blobs: for a file in git-lfs its sha256, for another git's sha1, as the hub's ETag. */
  readonly etag: string;
  /** In bytes; undefined where the hub does not tell. */
  readonly size: number | undefined;
}

/** Where a file of a repository is, at a branch, tag or commit. */
export function fileUrl(endpoint: string, { repo, revision }: Wanted, file: string): URL {
  return new URL(`${endpoint}/${repo}/resolve/${encodeURIComponent(revision)}/${encodeURIComponent(file)}`);
}

/**
 * Asks what a file is, without its bytes. For a large file the hub answers with a redirect to elsewhere that carries the
 * metadata itself; another redirect, as after a renaming, is followed.
 *
 * @throws HubError when there is no such repository or revision, no access or no answer
 * @see huggingface_hub, file_download.py: get_hf_file_metadata
 */
export async function fileMetadata(client: Client, wanted: Wanted, file: string): Promise<FileMetadata> {
  const where = `${wanted.repo}: ${file}`;
  const url = fileUrl(client.endpoint, wanted, file);
  const ask = { method: "HEAD", url, timeout: client.timeouts.metadata, follows } as const;
  return withRetries(client, where, () =>
    request(client, where, ask, async ({ response, url: from }) => {
      const isAbsent = isAbsence(response);
      if (!isAbsent) expectGood(client, wanted, where, response, from);
      const commit = response.headers.get("x-repo-commit") ?? "";
      if (!isCommit(commit)) {
        throw new HubError(
          "unreachable",
          `${where}: got an answer without a commit from ${from.host}, expected the hub's X-Repo-Commit. ` +
            "Check the endpoint, and any proxy or login page between.",
        );
      }
      return { commit, content: isAbsent ? undefined : readContent(where, response) };
    }),
  );
}

/** Within one host always; elsewhere only for want of what was asked for. */
function follows({ headers }: Response, from: URL, target: URL): boolean {
  if (target.origin === from.origin) return true;
  return !headers.has("x-repo-commit") || !(headers.has("x-linked-etag") || headers.has("etag"));
}

function readContent(where: string, { status, headers }: Response): RemoteContent {
  const given = headers.get("x-linked-etag") ?? headers.get("etag");
  const etag = given === null ? undefined : blobName(given);
  if (etag === undefined) {
    const got = given === null ? "no ETag" : `the ETag ${JSON.stringify(given.slice(0, 80))}`;
    throw new HubError("unreachable", `${where}: got ${got}, expected the file's hash. Check the endpoint.`);
  }
  const isAnother = status >= 300 || (headers.get("content-encoding") ?? "identity") !== "identity";
  const length = headers.get("x-linked-size") ?? (isAnother ? null : headers.get("content-length"));
  return { etag, size: /^\d{1,15}$/.test(length ?? "") ? Number(length) : undefined };
}
