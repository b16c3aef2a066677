// How fast are attributions here? node benchmark.mjs [--model FOLDER] [--prompts N] [--threads N] [--unit UNIT] [--json]
import { parseArgs } from "node:util";
import { directLogitAttribution, version } from "logitscope";
import { demoModel } from "logitscope/demo";
import { fromPretrained, spawnThread } from "logitscope/node";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    prompts: { type: "string", default: "200" },
    threads: { type: "string", default: "1" },
    unit: { type: "string", default: "component" },
    json: { type: "boolean", default: false },
  },
});
const options = { compatibilityMode: true, threads: Number(values.threads), spawnThread };

const loading = performance.now();
const model = values.model ? await fromPretrained(values.model, options) : await demoModel(options);
const loadMs = performance.now() - loading;

// Lengths differ, as in a data set: prompts of one length run together, and none is padded
const names = ["Mary", "John", "Tom", "Anna"];
const prompts = Array.from({ length: Number(values.prompts) }, (_, i) => {
  const [a, b] = [names[i % 4], names[(i + 1) % 4]];
  return `${"Then ".repeat(i % 5)}When ${a} and ${b} went to the store, ${b} gave a drink to`;
});
const answers = {
  answer: prompts.map((_, i) => ` ${names[i % 4]}`),
  wrong: prompts.map((_, i) => ` ${names[(i + 1) % 4]}`),
  unit: values.unit,
};

directLogitAttribution(model, prompts.slice(0, 1), { answer: answers.answer[0], unit: values.unit }); // the engine warms up

const start = performance.now();
const result = directLogitAttribution(model, prompts, answers);
const ms = performance.now() - start;

const tokens = result.prompts.reduce((sum, prompt) => sum + prompt.tokens.length, 0);
const error = Math.max(
  ...result.attributions.map(({ check }) => Math.abs(check.sum + check.bias - check.logit)),
);
const report = {
  version,
  model: model.name,
  backend: model.backend,
  threads: model.kernels.threads,
  unit: result.unit,
  prompts: prompts.length,
  tokens,
  loadMs: Math.round(loadMs),
  attributionMs: Math.round(ms),
  tokensPerSecond: Math.round((1000 * tokens) / ms),
  greatestError: error,
};
model.dispose();

if (values.json) console.log(JSON.stringify(report));
else for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(16)} ${value}`);
