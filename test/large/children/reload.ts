/** A process of its own: loads one model after the other, each on other threads, and lets go of it. */
import { demoModel } from "../../../src/demo/index.ts";
import { directLogitAttribution } from "../../../src/index.ts";
import { spawnThread } from "../../../src/node/index.ts";
import { hashOf } from "../../support/hash.ts";
import { recordedNumbers } from "../../support/recordedBits.ts";
import { settledMemory } from "./settledMemory.ts";

const [threads, count, every] = process.argv.slice(2).map(Number);
const hashes = new Set<string>();
const memory = [];
let living = 0;
let most = 0;
const spawn = () => {
  const thread = spawnThread();
  thread.onEnd(() => void living--);
  most = Math.max(most, ++living);
  return thread;
};
for (let n = 1; n <= count; n++) {
  const model = await demoModel({ compatibilityMode: true, threads, spawnThread: spawn });
  hashes.add(hashOf(recordedNumbers(model, directLogitAttribution)));
  model.dispose();
  if (n % every === 0) memory.push(await settledMemory());
}
const resources = process.getActiveResourcesInfo().filter((name) => /Worker|MessagePort/.test(name));
console.log(JSON.stringify({ hashes: [...hashes], memory, living, most, resources }));
