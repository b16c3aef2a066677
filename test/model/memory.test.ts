import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { estimateMemory, MemoryError, modelFromFiles, parseConfig } from "../../src/index.ts";
import { showBytes } from "../../src/model/index.ts";
import { modelFolder } from "../support/fixtures.ts";

const read = (name: string) => new Uint8Array(readFileSync(`${modelFolder("base")}/${name}`));
const config = read("config.json");
const files = { "config.json": config, "model.safetensors": read("model.safetensors") };
const estimate = estimateMemory(parseConfig(new TextDecoder().decode(config)));

describe("estimateMemory", () => {
  // the published models, and their parameters without the two embeddings
  test.each([
    ["gpt2", { n_layer: 12, n_head: 12, n_embd: 768 }, 124_439_808 - 50_257 * 768],
    ["gpt2-xl", { n_layer: 48, n_head: 25, n_embd: 1600 }, 1_557_611_200 - 50_257 * 1600],
  ])("%s: its parameters, but for the vectors, in float32", (_, dims, parameters) => {
    const { weights, embedding, unembedding } = estimateMemory(
      parseConfig(JSON.stringify({ model_type: "gpt2", vocab_size: 50_257, n_positions: 1024, ...dims })),
    );
    const vectors = dims.n_layer * 13 * dims.n_embd + 2 * dims.n_embd;
    expect(weights).toBe(4 * (parameters - vectors));
    expect(embedding).toBe(4 * 50_257 * dims.n_embd);
    expect(unembedding).toBe(embedding);
  });

  test("is told before the weights are read", async () => {
    const order: unknown[] = [];
    await modelFromFiles(
      {
        ...files,
        "model.safetensors": () => {
          order.push("weights");
          return files["model.safetensors"];
        },
      },
      { onEstimate: (told) => void order.push(told) },
    );
    expect(order[0]).toEqual(estimate);
    expect(order).toContain("weights");
  });
});

describe("too little memory", () => {
  test("is an error, and nothing is loaded", async () => {
    const unread = { ...files, "model.safetensors": () => Promise.reject(new Error("it was read")) };
    const loading = modelFromFiles(unread, { availableMemory: estimate.weights - 1 });
    await expect(loading).rejects.toThrow(MemoryError);
    await expect(loading).rejects.toThrow(
      "model: got 18 kB of free memory, expected at least 18 kB for the weights. Close what else needs memory, or take a smaller model.",
    );
  });

  test("enough for the weights is enough", async () => {
    const model = await modelFromFiles(files, { availableMemory: estimate.weights });
    expect(model.config.nLayers).toBeGreaterThan(0);
  });
});

test.each([
  [1, "1 kB"],
  [17_600, "18 kB"],
  [999_999, "1000 kB"],
  [343_000_000, "343 MB"],
  [6_228_000_000, "6.23 GB"],
])("%i bytes: %s", (bytes, text) => {
  expect(showBytes(bytes)).toBe(text);
});
