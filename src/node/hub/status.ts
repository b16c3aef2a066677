import { HubError } from "../../errors.ts";
import { type Client, Interrupted } from "./client.ts";

/** The repository and revision that messages speak of. */
export interface Wanted {
  readonly repo: string;
  readonly revision: string;
}

/** That the hub knows the repository and revision, and that there is no such file in it. */
export function isAbsence({ status, headers }: Response): boolean {
  const code = headers.get("x-error-code");
  return code === "EntryNotFound" || (status === 404 && code === null && headers.has("x-repo-commit"));
}

/**
 * Passes over good answers.
 *
 * @throws Interrupted for an answer that may be another one later
 * @throws HubError    for any other that is not the file's
 * @see huggingface_hub, utils/_http.py: hf_raise_for_status
 */
export function expectGood(
  client: Client,
  wanted: Wanted,
  where: string,
  response: Response,
  url: URL,
): void {
  const { status, headers } = response;
  if (status < 400) return;
  const got = `HTTP status ${status} from ${url.host}`;
  if ([408, 429, 500, 502, 503, 504].includes(status)) {
    throw new Interrupted(got, { retryAfter: retryAfter(headers) });
  }
  const code = headers.get("x-error-code");
  const said = headers.get("x-error-message") ?? "";
  const { repo, revision } = wanted;
  const tokens = `${client.endpoint}/settings/tokens`;
  if (code === "RevisionNotFound") {
    throw new HubError(
      "not found",
      `${repo}: got no revision "${revision}", expected a branch, tag or commit.`,
    );
  }
  if (code === "GatedRepo") {
    const remedy = `Ask for access at ${client.endpoint}/${repo}, then give a token (\`token\`, HF_TOKEN or hf auth login).`;
    throw new HubError(
      "no access",
      `${repo}: got a gated model, expected one open to this request. ${remedy}`,
    );
  }
  const isBadToken = status === 401 && /invalid credentials/i.test(said);
  if (status === 403 || isBadToken || said === "Access to this resource is disabled.") {
    const remedy = client.token
      ? `Check the token: ${tokens}.`
      : "Give a token: `token`, HF_TOKEN or hf auth login.";
    throw new HubError("no access", `${where}: got ${got}, expected access to it. ${remedy}`);
  }
  if (code === "RepoNotFound" || status === 401 || status === 404) {
    const remedy = client.token
      ? `Check the name; if it is private, the token may not read it: ${tokens}.`
      : "Check the name; if it is private, give a token: `token`, HF_TOKEN or hf auth login.";
    throw new HubError(
      "not found",
      `${repo}: got no such model at ${client.endpoint} (${status}), nor a folder of that name. ${remedy}`,
    );
  }
  throw new HubError(
    "unreachable",
    `${where}: got ${got}, expected the file. Check the endpoint and any proxy.`,
  );
}

/** In seconds; by Retry-After, or by RateLimit when nothing remains: `"api";r=0;t=55`. */
export function retryAfter(headers: Headers): number | undefined {
  const limit = /"\w+"\s*;\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)/.exec(headers.get("ratelimit") ?? "");
  if (limit !== null) return Number(limit[1]);
  const after = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(after)) return Number(after);
  const date = Date.parse(after);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000);
}
