/// <reference types="node" />
import { setTimeout } from "node:timers/promises";
import { HubError } from "../../errors.ts";
import type { HubSettings } from "./environment.ts";

/** Who makes the requests of one load. */
export interface Client extends Pick<HubSettings, "endpoint" | "timeouts"> {
  readonly token: string | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal | undefined;
  /** Waits so many milliseconds, or until the signal is aborted. */
  readonly pause: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** A request that may be made again: no answer came, or not all of it. The message says only what happened. */
export class Interrupted extends Error {
  /** In seconds, where the server says when to ask again. */
  readonly retryAfter: number | undefined;

  constructor(message: string, options: ErrorOptions & { readonly retryAfter?: number | undefined } = {}) {
    super(message, options);
    this.retryAfter = options.retryAfter;
  }
}

const MAX_RETRIES = 5;
/** In seconds. A server that wants more is not waited for. */
const LONGEST_WAIT = 120;

/**
 * Tries, and tries again after 1, 2, 4 and then 8 seconds, or as long as the server says.
 *
 * @param attempt calls its argument when it got further than ever: failures are counted from there
 * @throws HubError when it fails 6 times in a row; the signal's reason once it is aborted
 */
export async function withRetries<T>(
  client: Client,
  where: string,
  attempt: (gotFurther: () => void) => Promise<T>,
): Promise<T> {
  let failures = 0;
  for (;;) {
    try {
      return await attempt(() => {
        failures = 0;
      });
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      failures++;
      const wait = error.retryAfter ?? Math.min(8, 2 ** (failures - 1));
      if (failures > MAX_RETRIES || wait > LONGEST_WAIT) {
        const times = failures > 1 ? `, ${failures} times in a row` : "";
        const remedy =
          wait > LONGEST_WAIT
            ? `Try again in ${Math.ceil(wait)} seconds.`
            : "Check the connection, or try again later.";
        throw new HubError(
          "unreachable",
          `${where}: got ${error.message}${times}, expected the file. ${remedy}`,
          { cause: error },
        );
      }
      await client.pause(1000 * wait, client.signal);
      client.signal?.throwIfAborted();
    }
  }
}

export const pause: Client["pause"] = (milliseconds, signal) =>
  setTimeout(milliseconds, undefined, { signal }).catch(() => {}); // its reason is not the signal's own
