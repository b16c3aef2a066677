import { CheckpointError } from "../../errors.ts";
import { orAbort } from "./attempt.ts";
import { fetchFile } from "./response.ts";
import { teeInStep } from "./tee.ts";

/** Where fetched files are kept, by address. A `Cache` of Cache Storage is one. */
export interface ResponseCache {
  match(address: string): Promise<Response | undefined>;
  put(address: string, response: Response): Promise<unknown>;
  delete(address: string): Promise<unknown>;
}

/** Where to keep what is fetched: in the cache of that name (`true`: "logitscope"), or in this one. */
export type CacheChoice = boolean | string | ResponseCache;

/** Keeps the files of one load that are fetched by their address. */
export interface FileStore {
  /** A response from the store, or else from the network: then it is kept once it has been read to its end. */
  readonly fetchFile: typeof fetchFile;
  /** Waits until all that was read is kept. With the load's failure: drops what the load refused, so that it is fetched anew. */
  settle(failure?: unknown): Promise<void>;
}

/** Opens the store; undefined, after a warning, where the runtime has none: the load does without. */
export async function openStore(
  choice: CacheChoice,
  warn: (message: string) => void,
): Promise<FileStore | undefined> {
  if (typeof choice === "object") return fileStore(choice, warn);
  try {
    const { caches } = globalThis as { caches?: CacheStorage };
    if (caches === undefined) {
      throw new Error("this runtime has none, or not here: a page has it over https and on localhost alone");
    }
    return fileStore(await caches.open(choice === true ? "logitscope" : (choice as string)), warn);
  } catch (error) {
    warn(
      `cacheStorage: Cache Storage could not be opened: ${reason(error)}. The files are fetched each time.`,
    );
    return undefined;
  }
}

function fileStore(cache: ResponseCache, warn: (message: string) => void): FileStore {
  const used = new Set<string>();
  const keeping: Promise<void>[] = [];
  let networkFailed = false;

  /** What is kept there, unless it is of no use: some keep errors and opaque responses too. */
  async function find(address: string, name: string): Promise<Response | undefined> {
    try {
      const response = await cache.match(address);
      return response?.ok && !response.bodyUsed ? response : undefined;
    } catch (error) {
      warn(`${name}: the cache could not be asked for it: ${reason(error)}. It is fetched.`);
      return undefined;
    }
  }

  /** Has the cache read `body` while the model does; a failure of the cache leaves the model's reading alone. */
  function keep(address: string, response: Response, name: string): Response {
    const tee = teeInStep(response.body!, () => {
      networkFailed = true;
    });
    const type = response.headers.get("content-type");
    // The bytes are decoded, so no other header holds for them. Edge caches keep nothing without an age; pages' ignore it.
    const headers = { "cache-control": "max-age=31536000", ...(type !== null && { "content-type": type }) };
    const kept = new Response(tee.second, { headers });
    const stored = Promise.resolve(cache.put(address, kept)).then(
      () => tee.leave(),
      (error) => {
        // a download that broke off, or was not wanted any more, is no failure of the cache
        if (!tee.stopped())
          warn(`${name}: could not be kept in the cache: ${reason(error)}. The load goes on.`);
        tee.leave();
      },
    );
    keeping.push(stored);
    return new Response(tee.first);
  }

  return {
    async fetchFile(url, name, signal) {
      const { href, protocol } = url;
      if (protocol !== "https:" && protocol !== "http:") return fetchFile(url, name, signal); // no cache takes others
      const known = await orAbort(find(href, name), signal);
      if (known) {
        used.add(href);
        return known;
      }
      try {
        const response = await fetchFile(url, name, signal);
        if (response.status !== 200 || response.body === null || response.body.locked) return response;
        used.add(href);
        return keep(href, response, name);
      } catch (error) {
        networkFailed = true;
        throw error;
      }
    },
    async settle(failure) {
      await Promise.all(keeping);
      if (!(failure instanceof CheckpointError) || networkFailed) return;
      // Which of them is at fault cannot be told: weights that do not fit a config may have the wrong config.
      await Promise.all([...used].map((address) => cache.delete(address))).catch((error) =>
        warn(`cacheStorage: refused files could not be deleted: ${reason(error)}. Delete them by hand.`),
      );
    },
  };
}

function reason(error: unknown): string {
  return (error instanceof Error ? error.message || error.name : String(error)).replace(/\.$/, "");
}
