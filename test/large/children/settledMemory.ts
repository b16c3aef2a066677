import { setTimeout as sleep } from "node:timers/promises";

/** What the process holds when all garbage is collected, in bytes. */
export interface SettledMemory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
}

/** Collects the garbage and lets what waits for that be done, some times. Needs --expose-gc. */
export async function settledMemory(): Promise<SettledMemory> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc!();
    await sleep(20);
  }
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { rss, heapUsed, external, arrayBuffers };
}
