import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import {
  CheckpointError,
  directLogitAttribution,
  modelFromFiles,
  type SpawnThread,
  startKernels,
  ValueError,
} from "../../src/index.ts";
import { bundledFolder } from "../support/bundle.ts";
import { tinyConfig } from "../support/gpt2Checkpoint.ts";
import { testThreads } from "../support/threads.ts";

const spawnThread = await testThreads();
const prompt = "The capital of France is";

/** Starts threads, and tells of each how it ends. */
function watchedThreads(): { spawnThread: SpawnThread; ends: Promise<string>[] } {
  const ends: Promise<string>[] = [];
  const spawn = () => {
    const thread = spawnThread();
    ends.push(new Promise((resolve) => thread.onEnd(resolve)));
    return thread;
  };
  return { spawnThread: spawn, ends };
}

const withoutWeights = { "config.json": new TextEncoder().encode(JSON.stringify(tinyConfig)) };
const ended = ["it exited with code 1", "it exited with code 1"];

test("dispose ends every thread", async () => {
  const { ends, ...options } = watchedThreads();
  const model = await demoModel({ threads: 3, ...options });
  expect(ends).toHaveLength(2);
  model.dispose();
  model.dispose(); // twice is once
  expect(await Promise.all(ends)).toEqual(ended);
});

test("a model declared with `using` ends its threads at the end of the block, also where that is left by an error", async () => {
  const { ends, ...options } = watchedThreads();
  const attribute = async () => {
    using model = await demoModel({ threads: 3, ...options });
    return directLogitAttribution(model, prompt, { answer: " Paris" }); // a model that is not folded refuses
  };
  await expect(attribute()).rejects.toThrow(ValueError);
  expect(await Promise.all(ends)).toEqual(ended);
});

test("where the engine has no Symbol.dispose, the model has the name that compilers take for it", async () => {
  const real = Symbol;
  const known = Object.getOwnPropertyNames(real).filter(
    (name) => !/dispose|^(length|name|prototype)$/i.test(name),
  );
  const own = Object.fromEntries(known.map((name) => [name, Reflect.get(real, name)]));
  vi.stubGlobal(
    "Symbol",
    Object.assign((text: string) => real(text), own),
  );
  vi.resetModules();
  const { demoModel } = await import("../../src/demo/index.ts");
  const model = await demoModel();
  vi.unstubAllGlobals();
  (model as unknown as Record<symbol, () => void>)[Symbol.for("Symbol.dispose")]();
  expect(() => model.run(prompt)).toThrow(/got a call after dispose\(\)/);
});

test("a model that cannot be loaded leaves no thread", async () => {
  const { ends, ...options } = watchedThreads();
  await expect(modelFromFiles(withoutWeights, { threads: 3, ...options })).rejects.toThrow(CheckpointError);
  expect(ends).toHaveLength(2);
  expect(await Promise.all(ends)).toEqual(ended);
});

test("kernels that were given outlive a model that cannot be loaded with them", async () => {
  const kernels = await startKernels({ threads: 2, spawnThread });
  await expect(modelFromFiles(withoutWeights, { kernels })).rejects.toThrow(CheckpointError);
  const model = await demoModel({ kernels });
  expect(model.run(prompt, { logits: "last" }).data.every(Number.isFinite)).toBe(true);
  model.dispose();
});

describe.each([1, 3])("after dispose on %d threads, a use is a ValueError:", async (threads) => {
  const raw = await demoModel({ threads, spawnThread });
  const model = raw.enableCompatibilityMode();
  model.run(prompt);
  model.dispose();

  test.each<[string, () => unknown]>([
    ["run", () => model.run(prompt)],
    ["runWithCache", () => model.runWithCache(prompt)],
    ["runWithHooks", () => model.runWithHooks(prompt, [])],
    ["directLogitAttribution", () => directLogitAttribution(model, prompt, { answer: " Paris" })],
    ["run of the model it was made of", () => raw.run(prompt)],
    ["run of what it makes", () => raw.enableCompatibilityMode().run(prompt)],
  ])("%s", (_, use) => {
    expect(use).toThrow(
      new ValueError("wasm: got a call after dispose(), expected none. Load the model anew."),
    );
  });

  test("but for what needs no computing", () => {
    expect(model.toStringTokens(model.toTokens(prompt)).at(-1)).toBe(" is");
  });
});

describe("a process ends by itself", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await bundledFolder("test/node/threadsChild.ts");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ["after dispose", ["dispose"]],
    ["though it never disposes", []],
  ])("%s", (_, args) => {
    const options = { encoding: "utf8", timeout: 20_000 } as const;
    const { status, signal, stdout } = spawnSync(
      process.execPath,
      [join(folder, "main.js"), ...args],
      options,
    );
    expect({ status, signal, stdout }).toEqual({
      status: 0,
      signal: null,
      stdout: expect.stringMatching(/^3 threads, \d+ logits\n$/),
    });
  });
});
