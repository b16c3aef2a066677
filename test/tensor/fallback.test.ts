import { afterEach, describe, expect, test, vi } from "vitest";
import { spawnThread } from "../../src/node/spawnThread.ts";
import type { BackendOptions } from "../../src/tensor/index.ts";
import { kernelsModule } from "../../src/tensor/wasm/code/index.ts";
import { testThreads } from "../support/threads.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** An engine that compiles only some modules, and what it says of the others. */
function stubCompiler(refusal: (bytes: Uint8Array) => string | null): void {
  const Module = new Proxy(WebAssembly.Module, {
    construct(compile, [bytes]) {
      const reason = refusal(bytes);
      if (reason !== null) throw new WebAssembly.CompileError(reason);
      return new compile(bytes);
    },
  });
  vi.stubGlobal("WebAssembly", { ...ownProperties(WebAssembly), Module });
}

/** Whether these are the kernels of one precision, or those for shared memory. */
const isFast = (bytes: Uint8Array) =>
  [true, false].some((shared) => Buffer.compare(bytes, kernelsModule("fast", shared)) === 0);
const isShared = (bytes: Uint8Array) =>
  (["reproducible", "fast"] as const).some((name) => Buffer.compare(bytes, kernelsModule(name, true)) === 0);

/** Its properties, which are not enumerable. */
const ownProperties = (of: object) =>
  Object.fromEntries(Object.getOwnPropertyNames(of).map((name) => [name, Reflect.get(of, name)]));

/** The demo model and its answer, from modules loaded anew: what was compiled is kept as long as they are. */
async function loaded(options: BackendOptions = {}) {
  vi.resetModules();
  const { demoModel } = await import("../../src/demo/index.ts");
  const warnings: string[] = [];
  const model = await demoModel({ ...options, onWarning: (message) => void warnings.push(message) });
  const logits = model.run("The capital of France is", { logits: "last" }).data;
  const answer = model.toStringTokens([logits.indexOf(Math.max(...logits))])[0];
  model.dispose();
  return { backend: model.backend, threads: model.kernels.threads, warnings, answer };
}

const refuses = "js: this runtime refuses the WebAssembly kernels:";

describe("plain TypeScript computes", () => {
  test("where there is no WebAssembly", async () => {
    vi.stubGlobal("WebAssembly", undefined);
    const { backend, threads, answer } = await loaded();
    expect(backend).toMatch(`${refuses} `);
    expect(backend).toMatch(/undefined/);
    expect([threads, answer]).toEqual([1, " Paris"]);
  });

  test("where a content security policy forbids to compile", async () => {
    const csp = "WebAssembly.Module(): Wasm code generation disallowed by embedder";
    stubCompiler(() => csp);
    expect(await loaded()).toEqual({
      backend: `${refuses} ${csp}`,
      threads: 1,
      warnings: [],
      answer: " Paris",
    });
  });

  test("where the engine lacks SIMD; it warns whoever asked for more", async () => {
    stubCompiler(() => "Wasm SIMD unsupported"); // all kernels have it
    const spawnThread = await testThreads();
    const { backend, warnings } = await loaded({ threads: 2, precision: "fast", spawnThread });
    expect(backend).toBe(`${refuses} Wasm SIMD unsupported`);
    expect(warnings).toEqual([backend.slice("js: ".length)]);
  });
});

describe("reproducible WebAssembly computes where fast is asked for and relaxed SIMD is missing", () => {
  test.each([1, 2])("on %d threads, with a note", async (threads) => {
    stubCompiler((bytes) => (isFast(bytes) ? "invalid simd opcode 0x105" : null));
    const note =
      'precision "fast" needs relaxed SIMD, which this engine lacks: the results are the reproducible ones';
    expect(await loaded({ precision: "fast", threads, spawnThread: await testThreads() })).toEqual({
      ...{ backend: `wasm: ${note}`, threads, warnings: [note], answer: " Paris" },
    });
  });
});

describe("what cannot be meant is a ValueError, before anything starts:", () => {
  test.each<[object, string]>([
    [{ threads: 0 }, "threads: got 0, expected a whole number from 1 to 256"],
    [{ threads: 1.5 }, "threads: got 1.5, expected a whole number from 1 to 256"],
    [{ threads: 1e6 }, "threads: got 1000000, expected a whole number from 1 to 256"],
    [{ precision: "Fast" }, 'precision: got "Fast", expected "reproducible" or "fast"'],
  ])("%j", async (options, message) => {
    await expect(loaded(options)).rejects.toThrow(message);
  });
});

describe("one thread computes where more are asked for", () => {
  const cannotShare =
    "one thread is used instead of 3: this runtime, or a page that is not cross-origin isolated, cannot share memory between threads";

  test("and nothing starts them", async () => {
    const { backend, threads, warnings } = await loaded({ threads: 3 });
    expect({ backend, threads, warnings }).toEqual({
      ...{ backend: `wasm: ${cannotShare}`, threads: 1, warnings: [cannotShare] },
    });
  });

  test("and memory cannot be shared", async () => {
    vi.stubGlobal("SharedArrayBuffer", undefined);
    const { backend, threads } = await loaded({ threads: 3, spawnThread });
    expect([backend, threads]).toEqual([`wasm: ${cannotShare}`, 1]);
  });

  test("and the engine has SIMD, but no shared memory for it", async () => {
    stubCompiler((bytes) => (isShared(bytes) ? "shared memory is not enabled" : null));
    const { backend, threads } = await loaded({ threads: 3, spawnThread: await testThreads() });
    expect([backend, threads]).toEqual([
      "wasm: one thread is used instead of 3: shared memory is not enabled",
      1,
    ]);
  });

  test("and no word is said where nothing was asked for", async () => {
    expect(await loaded()).toEqual({ backend: "wasm", threads: 1, warnings: [], answer: " Paris" });
  });
});
