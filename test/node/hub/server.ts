import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A file as the hub stores it: in git, or in git-lfs, whose bytes another host serves. */
export interface StoredFile {
  readonly bytes: Uint8Array;
  readonly lfs?: boolean;
}

export type Commit = Readonly<Record<string, StoredFile>>;

export interface Repository {
  /** Branches and tags: the commit of each. */
  refs: Record<string, string>;
  readonly commits: Record<string, Commit>;
  /** Only with this token. */
  readonly token?: string;
  readonly gated?: boolean;
  readonly renamedTo?: string;
}

/** A request that came, to the hub or to the other host. */
export interface Recorded {
  readonly host: "hub" | "cdn";
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Answers in the server's place where it returns true. */
export type Fault = (request: Recorded, response: ServerResponse) => boolean;

export interface HubServer {
  readonly endpoint: string;
  readonly cdn: string;
  readonly repositories: Record<string, Repository>;
  readonly requests: Recorded[];
  fault: Fault | undefined;
  /** Methods and paths, for a test to compare: "HEAD /o/n/resolve/main/config.json". */
  asked(): string[];
  reset(): void;
  close(): Promise<void>;
}

/** As the hub's ETags: sha256 of a file in git-lfs, git's sha1 of another. */
export function etagOf({ bytes, lfs }: StoredFile): string {
  if (lfs) return createHash("sha256").update(bytes).digest("hex");
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** A hub on this machine, with a second origin for the bytes of large files. */
export async function startHub(repositories: Record<string, Repository>): Promise<HubServer> {
  const requests: Recorded[] = [];
  const listen = async (
    host: Recorded["host"],
    answer: (request: Recorded, response: ServerResponse) => void,
  ) => {
    const server = createServer((incoming: IncomingMessage, response) => {
      const { method = "", url: path = "", headers } = incoming;
      const request = { host, method, path, headers };
      requests.push(request);
      if (!hub.fault?.(request, response)) answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  };
  const cdn = await listen("cdn", (request, response) => answerCdn(repositories, request, response));
  const main = await listen("hub", (request, response) =>
    answerHub(repositories, cdn.address, request, response),
  );
  const close = (server: Server) =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const hub: HubServer = {
    endpoint: main.address,
    cdn: cdn.address,
    repositories,
    requests,
    fault: undefined,
    asked: () => requests.map(({ method, path }) => `${method} ${path.replace(/\?.*/, "")}`),
    reset() {
      requests.length = 0;
      hub.fault = undefined;
    },
    close: async () => void (await Promise.all([close(main.server), close(cdn.server)])),
  };
  return hub;
}

/** Ends with an error as the hub has them: a status, a code and a message in headers. */
export function refuse(
  response: ServerResponse,
  status: number,
  code?: string,
  more: Record<string, string> = {},
) {
  response.writeHead(status, { ...(code && { "x-error-code": code }), ...more });
  response.end();
}

function answerHub(
  repositories: Record<string, Repository>,
  cdn: string,
  request: Recorded,
  response: ServerResponse,
) {
  const [path, query = ""] = request.path.split("?");
  const api = /^\/api\/models\/([^/]+(?:\/[^/]+)?)\/(revision|tree)\/([^/]+)(?:\/.*)?$/.exec(path);
  const resolved = /^\/([^/]+(?:\/[^/]+)?)\/resolve\/([^/]+)\/(.+)$/.exec(path);
  const [, name, revision] = resolved ?? (api ? [0, api[1], api[3]] : []);
  const repo = typeof name === "string" ? repositories[name] : undefined;
  if (repo === undefined) return refuse(response, request.headers.authorization ? 404 : 401, "RepoNotFound");
  if (repo.renamedTo !== undefined) {
    const location = request.path.replace(`/${name}/`, `/${repo.renamedTo}/`);
    return refuse(response, 307, undefined, { location });
  }
  const sent = request.headers.authorization;
  if (repo.token !== undefined && sent !== `Bearer ${repo.token}`) {
    if (repo.gated) return refuse(response, sent ? 403 : 401, "GatedRepo");
    if (sent)
      return refuse(response, 401, undefined, {
        "x-error-message": "Invalid credentials in Authorization header",
      });
    return refuse(response, 401, "RepoNotFound");
  }
  const asked = decodeURIComponent(String(revision));
  const commit = repo.commits[asked] ? asked : repo.refs[asked];
  const files = repo.commits[commit ?? ""];
  if (commit === undefined || files === undefined) return refuse(response, 404, "RevisionNotFound");
  if (api) return answerApi(response, String(name), commit, files, api[2], query);

  const wanted = decodeURIComponent(resolved![3]);
  const file = Object.hasOwn(files, wanted) ? files[wanted] : undefined;
  response.setHeader("x-repo-commit", commit);
  if (file === undefined) return refuse(response, 404, "EntryNotFound");
  const etag = etagOf(file);
  if (!file.lfs) return serve(request, response, file.bytes, { etag: `"${etag}"` });
  response.writeHead(302, {
    location: `${cdn}/${etag}?signature=secret`,
    "x-linked-etag": `"${etag}"`,
    "x-linked-size": String(file.bytes.length),
    etag: `"a-redirect's-own"`,
  });
  response.end();
}

/** What Python's snapshot_download asks for. */
function answerApi(
  response: ServerResponse,
  id: string,
  sha: string,
  files: Commit,
  what: string,
  _query: string,
) {
  const entries = Object.entries(files);
  const body =
    what === "revision"
      ? {
          id,
          modelId: id,
          sha,
          private: false,
          siblings: entries.map(([rfilename]) => ({ rfilename })),
          tags: [],
        }
      : entries.map(([path, file]) => ({
          type: "file",
          path,
          size: file.bytes.length,
          oid: file.lfs ? "0".repeat(40) : etagOf(file),
          ...(file.lfs && { lfs: { oid: etagOf(file), size: file.bytes.length, pointerSize: 130 } }),
        }));
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(body));
}

function answerCdn(repositories: Record<string, Repository>, request: Recorded, response: ServerResponse) {
  const etag = request.path.slice(1).replace(/\?.*/, "");
  for (const { commits } of Object.values(repositories)) {
    for (const file of Object.values(commits).flatMap((files) => Object.values(files))) {
      if (file.lfs && etagOf(file) === etag)
        return serve(request, response, file.bytes, { etag: '"of-the-cdn"' });
    }
  }
  refuse(response, 404);
}

/** The bytes, or the part asked for. */
export function serve(
  request: Recorded,
  response: ServerResponse,
  bytes: Uint8Array,
  headers: Record<string, string> = {},
) {
  const range = /^bytes=(\d+)-$/.exec(String(request.headers.range ?? ""));
  const start = range ? Number(range[1]) : 0;
  if (range && start >= bytes.length) {
    return refuse(response, 416, undefined, { "content-range": `bytes */${bytes.length}` });
  }
  response.writeHead(range ? 206 : 200, {
    ...headers,
    "content-length": String(bytes.length - start),
    "accept-ranges": "bytes",
    ...(range && { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
  });
  response.end(request.method === "HEAD" ? undefined : bytes.subarray(start));
}

/** Sends so many of the bytes that it announces, then cuts the connection. */
export function cutAfter(request: Recorded, response: ServerResponse, bytes: Uint8Array, count: number) {
  const range = /^bytes=(\d+)-$/.exec(String(request.headers.range ?? ""));
  const start = range ? Number(range[1]) : 0;
  response.writeHead(range ? 206 : 200, {
    "content-length": String(bytes.length - start),
    ...(range && { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
  });
  response.write(bytes.subarray(start, start + count), () => setTimeout(() => response.destroy(), 20));
}
