import { HubError } from "../../errors.ts";
import { orAbort } from "../../model/index.ts";
import { version } from "../../version.ts";
import { type Client, Interrupted } from "./client.ts";

/** What came back, while its body may still be coming. */
export interface Reply {
  readonly response: Response;
  /** Where from, after redirects. */
  readonly url: URL;
  /** The body's bytes; each wait is bounded. */
  chunks(): AsyncGenerator<Uint8Array>;
}

interface Ask {
  readonly method: "GET" | "HEAD";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds without a byte after which it has failed. */
  readonly timeout: number;
  /** Whether to go where a redirect points, or to take the redirect itself for the answer; default: to go. */
  readonly follows?: (response: Response, from: URL, target: URL) => boolean;
}

const MAX_REDIRECTS = 20;

/**
 * Makes one request, following redirects by hand: the token goes to the endpoint's own origin (scheme, host and port) and
 * to no other, wherever a redirect leads.
 *
 * @param use reads the reply; afterwards nothing more can be read of it
 * @throws Interrupted when no answer comes, or it stops coming
 * @throws HubError    for redirects without end, or from https to http
 */
export async function request<T>(
  client: Client,
  where: string,
  ask: Ask,
  use: (reply: Reply) => Promise<T>,
): Promise<T> {
  const { signal } = client;
  signal?.throwIfAborted();
  const ending = new AbortController();
  const onAbort = () => ending.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  let url = ask.url;

  /** Waits for the network, and not for ever: a body whose end and whose abort coincide is never settled by undici. */
  async function network<R>(action: () => Promise<R>): Promise<R> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      ending.abort();
    }, ask.timeout);
    try {
      return await orAbort(action(), ending.signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isLate) expectTrust(where, url, error);
      const late = `nothing from ${url.host} in ${ask.timeout / 1000} seconds`;
      throw new Interrupted(isLate ? late : `no connection to ${url.host} (${reasonOf(error)})`, {
        cause: error,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  async function* chunks(response: Response): AsyncGenerator<Uint8Array> {
    const reader = response.body?.getReader();
    if (reader === undefined) return;
    for (;;) {
      const { done, value } = await network(() => reader.read());
      if (done) return;
      yield value;
    }
  }

  try {
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const headers = new Headers({
        ...ask.headers,
        "accept-encoding": "identity", // sizes and ranges are the file's own
        "user-agent": `logitscope/${version}`,
      });
      const isEndpoint = url.origin === new URL(client.endpoint).origin;
      if (isEndpoint && client.token !== undefined) headers.set("authorization", `Bearer ${client.token}`);
      const init = { method: ask.method, headers, redirect: "manual", signal: ending.signal } as const;
      const response = await network(() => client.fetch(url, init));
      const target = redirectTarget(where, response, url);
      if (target === undefined || ask.follows?.(response, url, target) === false) {
        return await use({ response, url, chunks: () => chunks(response) });
      }
      response.body?.cancel().catch(() => {}); // a page that nobody reads may end as it likes
      url = target;
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    ending.abort(); // what is unread of a body would keep its connection
  }
  throw new HubError(
    "unreachable",
    `${where}: got more than ${MAX_REDIRECTS} redirects, expected the file. Check the endpoint.`,
  );
}

/** @throws HubError when it leads out of the web, or from https to http, where anybody could answer */
function redirectTarget(where: string, response: Response, from: URL): URL | undefined {
  const location = response.headers.get("location");
  if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return undefined;
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const isSafe = target?.protocol === "https:" || (target?.protocol === "http:" && from.protocol === "http:");
  if (target !== undefined && isSafe) return target;
  throw new HubError(
    "unreachable",
    `${where}: got a redirect from ${from.host} to ${target ? `${target.protocol}//${target.host}` : "no address"}, ` +
      `expected one to ${from.protocol === "https:" ? "https" : "http or https"}. Check the endpoint and any proxy.`,
  );
}

/** @throws HubError for a certificate that will be refused the next time too */
function expectTrust(where: string, url: URL, error: unknown): void {
  const reason = reasonOf(error);
  if (!/^[A-Z_]*(CERT|UNABLE_TO_VERIFY)[A-Z_]*$|invalid peer certificate/.test(reason)) return;
  throw new HubError(
    "unreachable",
    `${where}: got a certificate from ${url.host} that is not trusted (${reason}), expected one that is. Check the endpoint ` +
      "and the clock; if a proxy or server of your own answers there, name its authority's certificate in NODE_EXTRA_CA_CERTS.",
    { cause: error },
  );
}

/** `fetch` says only that it failed; what did lies underneath. Deno quotes the address, whose query may be a signature. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const { code, message } = cause as { code?: string; message?: string };
  return (code ?? message ?? String(cause)).replace(/\?[^\s)]+/g, "");
}
