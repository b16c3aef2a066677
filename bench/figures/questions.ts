/**
 * Each question asked of one prompt of gpt2-small's shape: how many times the forward pass it takes, which it contains; and the
 * peak memory above the loaded model: .../questions.ts QUESTION TOKENS, a process each, for the memory.
 */
import process from "node:process";
import {
  ablationEffects,
  directLogitAttribution,
  erasures,
  logitLens,
  promotedTokens,
} from "../../src/index.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { figure } from "../figure.ts";
import { gpt2Folder } from "../gpt2Folder.ts";
import { median, ratios, timeInTurn } from "../harness.ts";
import { pair, prompt } from "../prompts.ts";

const [, , question, length] = process.argv;
const tokens = prompt(Number(length));
const model = await fromPretrained(gpt2Folder(), { compatibilityMode: true });

const questions: Readonly<Record<string, (ids: readonly number[]) => unknown>> = {
  component: (ids) => directLogitAttribution(model, ids, { ...pair, unit: "component" }),
  head: (ids) => directLogitAttribution(model, ids, { ...pair, unit: "head" }),
  neuron: (ids) => directLogitAttribution(model, ids, { ...pair, unit: "neuron" }),
  full: (ids) => directLogitAttribution(model, ids, { ...pair, unit: "full" }),
  source: (ids) => directLogitAttribution(model, ids, { ...pair, unit: "source" }),
  path: (ids) => directLogitAttribution(model, ids, { ...pair, unit: "path" }),
  set: (ids) =>
    directLogitAttribution(model, ids, { answer: { anyOf: Object.values(pair), weights: "softmax" } }),
  "two tokens": (ids) =>
    directLogitAttribution(model, ids.slice(0, -1), { answer: { tokens: Object.values(pair) } }),
  "log-probability": (ids) =>
    directLogitAttribution(model, ids, { answer: pair.answer, target: "logProbability" }),
  probability: (ids) => directLogitAttribution(model, ids, { ...pair, probability: true }),
  "leave-one-out": (ids) => directLogitAttribution(model, ids, { ...pair, leaveOneOut: true }),
  "leave-one-out-head": (ids) =>
    directLogitAttribution(model, ids, { ...pair, unit: "head", leaveOneOut: true }),
  "leave-one-out-neuron": (ids) =>
    directLogitAttribution(model, ids, { ...pair, unit: "neuron", leaveOneOut: true }),
  "leave-one-out-full": (ids) =>
    directLogitAttribution(model, ids, { ...pair, unit: "full", leaveOneOut: true }),
  ablation: (ids) => ablationEffects(model, ids, { ...pair, replace: "zero" }),
  erasures: (ids) => erasures(model, ids, pair),
  "erasures-head": (ids) => erasures(model, ids, { ...pair, unit: "head" }),
  lens: (ids) => logitLens(model, ids, { ...pair }),
  promoted: (ids) => promotedTokens(model, ids, { component: "5_mlp_out" }),
};

const ask = questions[question];
await ask(prompt(2)); // what is compiled and read only once
const loaded = process.memoryUsage.rss();
await ask(tokens);
const peak = 1024 * process.resourceUsage().maxRSS;
const forward = () => model.run(tokens, { logits: { tokens: [pair.answer, pair.wrong] } });
const times = await timeInTurn(
  { forward, ask: () => ask(tokens) },
  { rounds: Number(length) > 500 ? 3 : Number(length) > 100 ? 5 : 11 },
);
figure(
  `${question}, ${length} tokens: of the forward pass`,
  ratios(times.ask, times.forward),
  "x",
  `${median(times.ask).toFixed(0)} ms; ${Math.max(0, (peak - loaded) / 1e6).toFixed(0)} MB above the model`,
);
