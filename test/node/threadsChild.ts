/** A process of its own: loads a model on three threads, computes, disposes if it is told to, and comes to its end. */
import { demoModel } from "../../src/demo/index.ts";
import { spawnThread } from "../../src/node/index.ts";

const model = await demoModel({ threads: 3, spawnThread });
const logits = model.run("The capital of France is", { logits: "last" });
if (process.argv[2] === "dispose") model.dispose();
console.log(`${model.kernels.threads} threads, ${logits.data.length} logits`);
