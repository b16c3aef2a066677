// @ts-check
// node circuit.mjs: prints every figure of docs/circuit.md, the circuit that the embedded model has for indirect objects.
import { demoModel } from "logitscope/demo";
import { figures } from "./figures.mjs";
import { toText } from "./table.mjs";

const model = await demoModel({ compatibilityMode: true });
for (const [name, figure] of Object.entries(figures))
  console.log(`${name}\n\n${toText(await figure(model))}\n`);
