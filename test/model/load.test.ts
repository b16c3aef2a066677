import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  CheckpointError,
  directLogitAttribution,
  jsKernels,
  type ModelFiles,
  modelFromFiles,
  modelFromWeights,
  type Progress,
  ShapeError,
} from "../../src/index.ts";
import { randomWeights } from "../support/arbitraries.ts";
import { tinyConfig, tinyModel, tinyTokenizer } from "../support/tinyModel.ts";

const folder = new URL("../../src/demo/model/", import.meta.url);
const bytes = Object.fromEntries(
  readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))]),
);
const prompt = "The capital of France is";
const logits = async (files: ModelFiles) =>
  (await modelFromFiles(files)).run(prompt, { logits: "last" }).data;

describe("modelFromFiles", () => {
  test("takes each kind of source, and they give the same bits", async () => {
    const want = await logits(bytes);
    const each = (wrap: (content: Uint8Array<ArrayBuffer>) => ModelFiles[keyof ModelFiles]) =>
      Object.fromEntries(Object.entries(bytes).map(([name, content]) => [name, wrap(content)]));
    const kinds = [
      each((content) => new Blob([content])),
      each((content) => new Response(content)),
      each((content) => content.slice().buffer),
      each((content) => new Blob([content]).stream()),
      each((content) => () => Promise.resolve(content)),
      new Map(Object.entries(bytes)),
    ] as ModelFiles[];
    for (const files of kinds) expect(await logits(files)).toEqual(want);
  });

  test("folding while loading gives the bits of folding afterwards", async () => {
    const during = await modelFromFiles(bytes, { compatibilityMode: true });
    const after = (await modelFromFiles(bytes)).enableCompatibilityMode();
    expect(during.compatibilityMode).toBe(true);
    expect(during.run(prompt).data).toEqual(after.run(prompt).data);
  });

  test("the name, the backend and the kernels are those asked for", async () => {
    const kernels = { ...jsKernels, name: "js, renamed" };
    const model = await modelFromFiles(bytes, { name: "mine", kernels, compatibilityMode: true });
    const { model: described } = directLogitAttribution(model, prompt, { answer: " Paris" });
    expect(described).toMatchObject({ name: "mine", backend: "js, renamed", compatibilityMode: true });
    expect((await modelFromFiles(bytes)).name).toBe("gpt2");
  });

  test("without tokenizer files the model takes ids alone", async () => {
    const { "config.json": config, "model.safetensors": weights } = bytes;
    const model = await modelFromFiles({ "config.json": config, "model.safetensors": weights });
    expect(model.run([1, 2, 3], { logits: "last" }).shape).toEqual([1, model.config.dVocab]);
    expect(() => model.run(prompt)).toThrow("run: prompt: got a text, expected ids");
    const result = directLogitAttribution(model.enableCompatibilityMode(), [1, 2, 3], { answer: 4 });
    expect(result.prompts).toEqual([{ text: null, tokens: [1, 2, 3], stringTokens: null }]);
    expect(result.attributions[0].answer).toEqual({ id: 4, text: null });
  });

  test("a tokenizer's file that comes alone is an error, not a model without one", async () => {
    const { "vocab.json": vocab, ...others } = bytes;
    await expect(modelFromFiles(others)).rejects.toThrow(CheckpointError);
  });

  test("without config.json it says what is there", async () => {
    const { "config.json": config, ...others } = bytes;
    await expect(modelFromFiles(others)).rejects.toThrow(
      new CheckpointError(
        "config.json: not among the files, which are merges.txt, model.safetensors, vocab.json. " +
          "Give the files of a Hugging Face GPT-2: config.json, model.safetensors and, for texts, a tokenizer's.",
      ),
    );
  });

  test("an abort stops it", async () => {
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    await expect(modelFromFiles(bytes, { signal: controller.signal })).rejects.toThrow("enough");
  });
});

test("a load that fails cancels the streams that it has not read, and no others", async () => {
  const cancelled: string[] = [];
  const stream = (name: string) =>
    new ReadableStream<Uint8Array>({ cancel: () => void cancelled.push(name) });
  const read = stream("read elsewhere");
  read.getReader();
  const files = {
    "model.safetensors": stream("weights"),
    "vocab.json": new Response(stream("vocab")),
    other: read,
  };
  await expect(modelFromFiles(files)).rejects.toThrow(
    "config.json: not among the files, which are model.safetensors, other, vocab.json.",
  );
  expect(cancelled).toEqual(["weights", "vocab"]);
});

test("progress tells of every file, the last time with all of its bytes", async () => {
  const last = new Map<string, Progress>();
  await modelFromFiles(
    Object.fromEntries(Object.entries(bytes).map(([name, content]) => [name, new Blob([content]).stream()])),
    {
      onProgress(progress) {
        expect(progress.read).toBeGreaterThanOrEqual(last.get(progress.file)?.read ?? 0);
        last.set(progress.file, progress);
      },
    },
  );
  const whole = Object.entries(bytes).map(([file, { length }]) => ({ file, read: length, size: length }));
  expect([...last.values()]).toEqual(expect.arrayContaining(whole));
  expect(last.size).toBe(whole.length);
});

describe("modelFromWeights refuses what does not fit its config", () => {
  const weights = randomWeights(tinyConfig, 1);
  const [first, ...rest] = weights.blocks;
  test.each([
    [
      "a short W_pos",
      { W_pos: new Float32Array(24) },
      {},
      "W_pos: got shape [24], expected [nCtx · dModel=120]",
    ],
    ["a short W_E", { W_E: new Float32Array(96) }, {}, "W_E: got shape [96], expected [dVocab · dModel=204]"],
    [
      "a block too many",
      { blocks: [first, ...rest, first] },
      {},
      "blocks: got shape [3], expected [nLayers=2]",
    ],
    ["a block too few", { blocks: [first] }, {}, "blocks: got shape [1], expected [nLayers=2]"],
    [
      "a block's weight",
      { blocks: [first, { ...first, W_in: first.b_in }] },
      {},
      "blocks[1].W_in: got shape [7], expected [dModel · dMlp=84]",
    ],
    ["heads that do not share dModel", {}, { nHeads: 2 }, "config: got shape [8], expected [dModel=12]"],
  ])("%s: a ShapeError", (_, ofWeights, ofConfig, message) => {
    const make = () => modelFromWeights({ ...tinyConfig, ...ofConfig }, { ...weights, ...ofWeights });
    expect(make).toThrow(ShapeError);
    expect(make).toThrow(message);
  });
});

test("ids that only pad the vocabulary are attributed, and shown by their number", () => {
  const model = tinyModel({ tokenizer: tinyTokenizer() });
  const { prompts, attributions } = directLogitAttribution(model, [1, 15, 2], {
    answer: 16,
    allowRawWeights: true,
  });
  expect(prompts).toEqual([{ text: null, tokens: [1, 15, 2], stringTokens: ["a", "<15>", "t"] }]);
  expect(attributions[0].answer).toEqual({ id: 16, text: "<16>" });
});
