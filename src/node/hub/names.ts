/**
 * Whether the hub could have a repository of that name: "gpt2", "openai-community/gpt2".
 *
 * @see huggingface_hub, utils/_validators.py: validate_repo_id
 */
export function isRepoId(name: string): boolean {
  return (
    /^(?:\b[\w.-]{1,96}\b\/)?\b[\w.-]{1,96}\b$/.test(name) && !/--|\.\./.test(name) && !name.endsWith(".git")
  );
}

/**
 * Whether it can be a branch, tag or commit: what git allows, less what is not a path inside of refs/. So "refs/pr/1" is
 * one and "../../x" is not.
 */
export function isRevision(revision: string): boolean {
  return (
    /^[^\p{Cc}\p{Zs}~^:?*[\]\\<>|"]{1,250}$/u.test(revision) &&
    revision.split("/").every((part) => part !== "" && !part.startsWith(".") && !part.endsWith("."))
  );
}

/** A whole commit hash: it needs no looking up. */
export function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/**
 * The file in blobs/ for an ETag, or undefined where that would be no plain name: a server says what it likes.
 *
 * @see huggingface_hub, file_download.py: _normalize_etag
 */
export function blobName(etag: string): string | undefined {
  const name = etag.replace(/^[W/]+/, "").replace(/^"+|"+$/g, "");
  return /^[A-Za-z0-9][\w.-]{0,127}$/.test(name) && !/\.(incomplete|lock)$/.test(name) ? name : undefined;
}
