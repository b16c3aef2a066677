import {
  directLogitAttribution,
  jsKernels,
  modelFromWeights,
  type Source,
  toTable,
} from "../../../src/index.ts";
import { randomWeights } from "../../support/arbitraries.ts";
import { tinyConfig, tinyTokenizer } from "../../support/tinyModel.ts";
import { bytesOf, type Target, textOf } from "../input.ts";
import { expect, tolerate } from "../outcome.ts";
import { loadAndAsk } from "./ask.ts";
import { configs, indexOf, weights } from "./files.ts";
import { vocabAndMerges } from "./tokenizers.ts";

const names = [
  "config.json",
  "model.safetensors",
  "model.safetensors.index.json",
  "vocab.json",
  "merges.txt",
  "tokenizer_config.json",
] as const;
const absent = new Uint8Array();

/** In two pieces, of a length that it does not tell. */
async function* streamed(bytes: Uint8Array) {
  yield bytes.subarray(0, bytes.length >> 1);
  yield bytes.subarray(bytes.length >> 1);
}

export const wholeModel: Target = {
  name: "a whole model",
  kinds: ["json", "safetensors", "json", "json", "lines", "json"],
  seeds: [
    [configs[0], weights[0], absent, ...vocabAndMerges, bytesOf({ bos_token: "hat" })],
    [configs[1], weights[1], absent, absent, absent, absent],
    [configs[0], weights[0], indexOf("the-only.safetensors"), ...vocabAndMerges, absent],
  ],
  run(parts) {
    const files = new Map<string, Source>();
    for (const [i, name] of names.entries()) {
      const isShard = name === "model.safetensors" && parts[2].length > 0;
      const source = parts[i].length % 2 === 0 ? parts[i] : streamed(parts[i]);
      if (parts[i].length > 0) files.set(isShard ? "the-only.safetensors" : name, source);
    }
    return loadAndAsk(files);
  },
};

const model = modelFromWeights(tinyConfig, randomWeights(tinyConfig, 1), {
  tokenizer: tinyTokenizer(),
  kernels: jsKernels,
}).enableCompatibilityMode();

/** As JSON: what to run, how, and what to attribute. A text that is none is the prompt itself. */
function asked(text: string): { input: unknown; run?: object; options: object } {
  try {
    const value = JSON.parse(text);
    if (typeof value === "object" && value !== null && "input" in value) {
      return { input: value.input, run: { ...value.run }, options: { answer: 1, ...value.options } };
    }
    return { input: value, options: { answer: "hat" } };
  } catch {
    return { input: text, options: { answer: 0, wrong: "a" } };
  }
}

export const prompts: Target = {
  name: "prompts",
  kinds: ["json"],
  seeds: [
    {
      input: "hat hat<|endoftext|>at!",
      options: { answer: " hat", wrong: "at", unit: "head", pos: [-1, 0] },
    },
    { input: [[1, 2, 3], "hat"], options: { answer: [[1], ["a"]], wrong: 5, pos: -1, prependBos: false } },
    { input: [1, 2, 3, 16], options: { answer: "next", pos: "all", unit: "layer" } },
    {
      input: ["h", " h"],
      run: { logits: { tokens: [1, 2], pos: "all" }, stopAtLayer: -1 },
      options: { answer: ["a", 2] },
    },
  ].map((value) => [bytesOf(value)]),
  run([bytes]) {
    const { input, run, options } = asked(textOf(bytes));
    tolerate(() => model.run(input as never, run));
    const result = directLogitAttribution(model, input as never, options);
    const numbers = result.attributions.flatMap(({ scores, check }) => [
      ...scores.data,
      ...Object.values(check),
    ]);
    expect(numbers.every(Number.isFinite), "a score that is not finite");
    expect(typeof toTable(result) === "string", "no table");
  },
};
