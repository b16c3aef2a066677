/** A process of its own: loads one folder's model after the other on two threads, and forgets each; when garbage is collected is the engine's choice. */
import { setTimeout as sleep } from "node:timers/promises";
import { fromPretrained, spawnThread } from "../../../src/node/index.ts";

const [folder, count] = process.argv.slice(2);
let living = 0;
let most = 0;
const spawn = () => {
  const thread = spawnThread();
  most = Math.max(most, ++living);
  thread.onEnd(() => void living--);
  return thread;
};

async function loadAndForget(): Promise<void> {
  const model = await fromPretrained(folder, { threads: 2, spawnThread: spawn });
  model.run([1, 2, 3], { logits: "last" });
}

for (let n = 0; n < Number(count); n++) {
  await loadAndForget();
  await sleep(50); // finalizers have their turn, and threads end
}
console.log(JSON.stringify({ most }));
