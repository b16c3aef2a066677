import { describe, expect, test } from "vitest";
import { writeCheckpoint } from "../../bench/checkpoint.ts";
import { recordedHash } from "../support/recordedBits.ts";
import type { SettledMemory } from "./children/settledMemory.ts";
import { megabytes, runChild, temporaryFolder } from "./support.ts";

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

test("10 models on 2 threads that are forgotten, not disposed of, leave no memory and no thread; those in use stay", async () => {
  interface Printed {
    readonly counts: number[];
    readonly memory: SettledMemory[];
    readonly same: boolean;
  }
  const held = 2; // a model, and one of which a part is held
  const { counts, memory, same } = await runChild<Printed>("abandon", ["2", "10", `${held}`], flags);
  expect(counts).toEqual(Array(10).fill(held));
  expectNoGrowth("10 models forgotten, 2 threads", memory.slice(1)); // the first compiles what it runs
  expect(same).toBe(true);
});

test("20 models that are forgotten are let go of by and by, though nobody asks for a collection", async () => {
  const folder = temporaryFolder();
  writeCheckpoint(folder, { n_layer: 4, n_head: 12, n_embd: 768, n_positions: 256, vocab_size: 1000 });
  const { most } = await runChild<{ most: number }>("forget", [folder, "20"]);
  console.info(`20 models forgotten, uncollected: at the most ${most} threads`);
  expect(most).toBeLessThanOrEqual(5);
});
