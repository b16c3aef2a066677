import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { pathToFileURL } from "node:url";

/** What cross-origin isolates a page, so that it may share memory with threads. */
export const isolating = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
} as const;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
};

export interface ServerOptions {
  /** Sent with every response. */
  readonly headers?: OutgoingHttpHeaders;
  /** Asked first; true where it has answered. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface StaticServer {
  /** Without a slash at its end. */
  readonly origin: string;
  /** The paths asked for, in order. */
  readonly asked: string[];
  /** Ends every connection too. */
  close(): Promise<void>;
}

/**
 * Serves folders on a free port of this machine, at the paths that begin with their keys: `{ "/": site, "/dist/": dist }`.
 * The longest key that fits decides; a path that ends in a slash is its folder's index.html.
 */
export async function serveFolders(
  folders: Readonly<Record<string, string>>,
  { headers = {}, answer = () => false }: ServerOptions = {},
): Promise<StaticServer> {
  const prefixes = Object.keys(folders).sort((a, b) => b.length - a.length);
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost"); // also takes ".." away
    asked.push(pathname);
    if (answer(request, response)) return;
    const prefix = prefixes.find((one) => pathname.startsWith(one));
    const path = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    try {
      if (prefix === undefined) throw new Error("no folder is served there");
      const folder = pathToFileURL(`${folders[prefix]}/`);
      const body = await readFile(new URL(`./${path.slice(prefix.length)}`, folder));
      response.writeHead(200, {
        "content-type": types[extname(path)] ?? "application/octet-stream",
        "content-length": body.length,
        ...headers,
      });
      response.end(body);
    } catch {
      response.writeHead(404, { "content-type": "text/plain", ...headers }).end("not found");
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
