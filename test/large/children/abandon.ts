/** A process of its own: loads one model after the other on two threads, uses it, and forgets it. */
import { setTimeout as sleep } from "node:timers/promises";
import { demoModel } from "../../../src/demo/index.ts";
import { directLogitAttribution } from "../../../src/index.ts";
import { spawnThread } from "../../../src/node/index.ts";
import { settledMemory } from "./settledMemory.ts";

const [threads, count, held] = process.argv.slice(2).map(Number);
let living = 0;
const spawn = () => {
  const thread = spawnThread();
  living++;
  thread.onEnd(() => void living--);
  return thread;
};

/** Uses all that could hold a model: the one that it was made of, hooks, a cache, an error. */
async function use(): Promise<void> {
  const raw = await demoModel({ threads, spawnThread: spawn });
  const model = raw.enableCompatibilityMode();
  directLogitAttribution(model, "The capital of France is", { answer: " Paris" });
  const { cache } = model.runWithCache("The capital of France is");
  raw.runWithHooks("The capital", [
    ["blocks.0.hook_resid_pre", () => void cache.get("blocks.0.hook_resid_pre")],
  ]);
  try {
    model.run("The capital", { logits: "none" as "last" });
  } catch {}
}

const kept = await demoModel({ threads, spawnThread: spawn, compatibilityMode: true });
const logits = () => kept.run("The capital of France is", { logits: "last" }).data.join();
const before = logits();
const { unembedding } = await demoModel({ threads, spawnThread: spawn, compatibilityMode: true }); // a part that computes holds the whole
const column = () => unembedding.token(5).column.join();
const columnBefore = column();
const memory = [];
const counts = [];
for (let n = 1; n <= count; n++) {
  await use();
  for (let turn = 0; turn < 50 && living > held; turn++) {
    globalThis.gc!();
    await sleep(10);
  }
  counts.push(living);
  memory.push(await settledMemory());
}
const same = logits() === before && column() === columnBefore;
console.log(JSON.stringify({ counts, memory, same }));
