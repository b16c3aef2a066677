/** A process of its own: thousands of attributions of every length on one model, and its memory from time to time. */
import { demoModel } from "../../../src/demo/index.ts";
import { directLogitAttribution } from "../../../src/index.ts";
import { spawnThread } from "../../../src/node/index.ts";
import { random } from "../../support/random.ts";
import { settledMemory } from "./settledMemory.ts";

const [threads, count, every] = process.argv.slice(2).map(Number);
const model = await demoModel({ compatibilityMode: true, threads, spawnThread });
const { nCtx, dVocab } = model.config;
const next = random(1);
const below = (limit: number) => Math.floor(limit * next());
const memory = [];
for (let n = 1; n <= count; n++) {
  const ids = Array.from({ length: 1 + (n % nCtx) }, () => below(dVocab));
  const unit = (["component", "head", "layer"] as const)[n % 3];
  const pos = n % 5 === 0 ? "all" : -1;
  directLogitAttribution(model, ids, { answer: below(dVocab), wrong: below(dVocab), unit, pos });
  if (n % every === 0) memory.push(await settledMemory());
}
console.log(JSON.stringify({ threads: model.kernels.threads, memory }));
