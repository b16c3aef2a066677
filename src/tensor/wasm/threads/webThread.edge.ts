import type { SpawnThread } from "./thread.ts";

/**
 * The build's stand-in for webThread.ts for Cloudflare Workers and the like: they have no threads, and a bundler
 * that reads of a worker's script there looks for it.
 */
export const webThread: SpawnThread | undefined = undefined;
