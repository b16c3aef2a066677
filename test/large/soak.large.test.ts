import { describe, expect, test } from "vitest";
import { recordedHash } from "../support/recordedBits.ts";
import type { SettledMemory } from "./children/settledMemory.ts";
import { megabytes, runChild } from "./support.ts";

// V8 enlarges its young generation once, after some thousand attributions, by 18 MB: held small, RSS shows what we keep
const flags = ["--expose-gc", "--max-semi-space-size=4"];

/** Prints the memory over time, and asserts that it stays: what V8 keeps for its own moves the RSS by megabytes. */
function expectNoGrowth(what: string, memory: readonly SettledMemory[]): void {
  for (const kind of ["rss", "heapUsed", "external", "arrayBuffers"] as const) {
    console.info(`${what}: ${kind} ${memory.map((at) => megabytes(at[kind])).join(", ")}`);
  }
  const [warm] = memory;
  const last = memory[memory.length - 1];
  expect(last.heapUsed - warm.heapUsed, "heap").toBeLessThan(1e6);
  expect(last.external - warm.external, "external").toBeLessThan(1e6);
  expect(last.arrayBuffers - warm.arrayBuffers, "array buffers").toBeLessThan(1e5);
  expect(last.rss - warm.rss, "rss").toBeLessThan(8e6);
}

describe.each([1, 2])("on %d threads", (threads) => {
  test("memory does not grow from the 500th to the 2,000th attribution, of every length and unit", async () => {
    const args = [`${threads}`, "2000", "500"];
    const printed = await runChild<{ threads: number; memory: SettledMemory[] }>("soak", args, flags);
    expect(printed.threads).toBe(threads);
    expect(printed.memory).toHaveLength(4);
    expectNoGrowth(`2,000 attributions, ${threads} threads, every 500`, printed.memory);
  });

  test("50 models loaded and disposed of leave no memory and no thread, and all have the same bits", async () => {
    interface Printed {
      readonly hashes: string[];
      readonly memory: SettledMemory[];
      readonly living: number;
      readonly most: number;
      readonly resources: string[];
    }
    const { memory, ...rest } = await runChild<Printed>("reload", [`${threads}`, "50", "10"], flags);
    expect(memory).toHaveLength(5);
    expectNoGrowth(`50 models, ${threads} threads, every 10`, memory);
    expect(rest.living).toBe(0);
    expect(rest.most > 0).toBe(threads > 1);
    expect(rest.resources).toEqual([]);
    expect(rest.hashes).toEqual([recordedHash]);
  });
});
