import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { directLogitAttribution } from "../../src/index.ts";
import { type ModelFiles, modelFromFiles } from "../../src/model/index.ts";
import { modelFolder } from "../support/fixtures.ts";

const model = await demoModel({ compatibilityMode: true });

const files = Object.fromEntries(
  ["config.json", "model.safetensors"].map((name) => [name, readFileSync(join(modelFolder("base"), name))]),
) as unknown as ModelFiles;

test("console.log prints a model in three lines, within others too", () => {
  const lines = `Gpt2 "demo" · compatibility mode · ${model.backend}, 1 thread
  nLayers 3 · nHeads 2 · dModel 64 · dMlp 256 · nCtx 64 · dVocab 1556
  tokenizer of 1556 tokens`;
  expect(inspect(model)).toBe(lines);
  expect(inspect({ model }).replaceAll(/\s+/g, " ")).toBe(`{ model: ${lines.replaceAll(/\s+/g, " ")} }`);
});

test("as a text and in JSON it is the same, not all of its arrays", () => {
  expect(String(model)).toBe(inspect(model));
  expect(JSON.parse(JSON.stringify({ model }))).toEqual({ model: inspect(model) });
});

test("a folded model that keeps its value biases says so", async () => {
  const kept = await demoModel({ compatibilityMode: true, foldValueBiases: false });
  expect(inspect(kept)).toContain("compatibility mode, value biases kept");
});

test("without a tokenizer, and by the weights as trained", async () => {
  const raw = await modelFromFiles(files);
  expect(inspect(raw)).toMatch(/^Gpt2 ".*" · weights as trained · .*\n.*\n {2}no tokenizer: it takes ids$/);
});

test("a name cannot reach the terminal", async () => {
  const named = await modelFromFiles(files, { name: "a\u001b[31m\u009b\u202e\nb" });
  expect(inspect(named).split("\n")).toHaveLength(3);
  expect(inspect(named)).not.toMatch(/[\p{Cf}]|(?!\n)\p{Cc}/u);
});

test("a cache in three lines: the prompts, the positions and the activations", () => {
  const prompt = "The capital of France is";
  const { cache } = model.runWithCache(prompt);
  expect(inspect(cache)).toBe(
    `ActivationCache · prompts 1 · tokens 6\n  positions 0–5\n  activations ${cache.names.length}: ` +
      `${cache.names[0]}, …, ${cache.names.at(-1)}`,
  );
  const part = model.runWithCache(prompt, { names: ["hook_embed", "hook_pos_embed"], pos: [5, 1] }).cache;
  expect(inspect(part)).toBe(
    "ActivationCache · prompts 1 · tokens 6\n  positions 5, 1\n  activations 2: hook_embed, hook_pos_embed",
  );
});

test("a result is its fields, without pages of numbers", () => {
  const result = directLogitAttribution(model, "The capital of France is", {
    answer: " Paris",
    unit: "full",
  });
  const lines = inspect(result).split("\n");
  expect(lines.length).toBeLessThan(100);
  expect(lines[1]).toBe("  unit: 'full',");
});
