import type { ResponseCache } from "../../src/index.ts";
import { concat } from "./writeSafetensors.ts";

/**
 * A cache in memory that keeps the contract of Cache Storage's: what is put is read to its end, and stored only then; a body
 * that fails stores nothing and fails `put` with a TypeError; beyond the quota `put` fails and the body is cancelled.
 *
 * @see https://w3c.github.io/ServiceWorker/#cache-put
 */
export class MemoryCache implements ResponseCache {
  readonly stored = new Map<string, Response>();
  readonly quota: number;
  /** Waits before each chunk is taken. */
  readonly pace: () => Promise<unknown>;

  constructor({ quota = Number.POSITIVE_INFINITY, pace = async () => {} } = {}) {
    this.quota = quota;
    this.pace = pace;
  }

  async match(address: string): Promise<Response | undefined> {
    return this.stored.get(address)?.clone();
  }

  async put(address: string, response: Response): Promise<void> {
    if (!/^https?:/.test(address)) throw new TypeError(`the scheme of ${address} is not http`);
    if (response.status === 206 || response.bodyUsed) throw new TypeError("a partial or used response");
    const chunks: Uint8Array[] = [];
    const reader = response.body!.getReader();
    let room = this.quota;
    for (;;) {
      await this.pace();
      const { done, value } = await reader.read().catch(() => {
        throw new TypeError("the body failed");
      });
      if (done) break;
      room -= value.length;
      if (room < 0) {
        const error = new DOMException("Quota exceeded.", "QuotaExceededError");
        await reader.cancel(error);
        throw error;
      }
      chunks.push(value);
    }
    this.stored.set(address, new Response(concat(chunks).slice(), { headers: response.headers }));
  }

  async delete(address: string): Promise<boolean> {
    return this.stored.delete(address);
  }
}
