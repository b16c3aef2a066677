// Deno with no permission at all: deno add npm:logitscope && deno run attribute.ts
import { directLogitAttribution, toTable } from "logitscope";
import { demoModel } from "logitscope/demo";

const model = await demoModel({ compatibilityMode: true });
const facts = ["The capital of France is", "The capital of Italy is"];
const result = directLogitAttribution(model, facts, {
  answer: [" Paris", " Rome"],
  wrong: [" Rome", " Paris"],
});
console.log(toTable(result, { top: 3 }));
console.log(`${model.backend}, on ${model.kernels.threads} thread`);
