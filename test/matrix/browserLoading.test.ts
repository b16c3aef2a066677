import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { directLogitAttribution, type Gpt2, jsKernels, type Progress } from "../../src/index.ts";
import { chromiumPath, launchChromium } from "./support/chromium.ts";
import { isolating, type StaticServer, serveFolders } from "./support/staticServer.ts";

interface Loaded {
  readonly events: readonly Progress[];
  readonly warnings: readonly string[];
  readonly scores?: readonly number[];
  readonly backend?: string;
  readonly error?: { readonly name: string; readonly message: string };
  readonly unhandled?: readonly string[];
}

declare global {
  // what pages/loading.js puts there
  interface Window {
    ready?: true;
    load(kind: string, options?: object): Promise<Loaded>;
    loadInWorker(): Promise<{ scores: readonly number[]; whileLoading: number; readAtOnce: number }>;
    cachedNames(cache: string): Promise<string[]>;
  }
}

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const model = path("../../src/demo/model");
const names = readdirSync(model).sort();
const content = (name: string) => readFileSync(`${model}/${name}`);
const wholeSizes = names.map((file) => ({ file, size: content(file).length }));
const folders = { "/": path("pages"), "/dist/": path("../../dist"), "/model/": model };

/** Answers of a server that are not a file as it is, each at a folder of its own; true where it is such a one. */
function answer({ url = "" }: IncomingMessage, response: ServerResponse): boolean {
  const [, folder, name] = /^\/(gzip|anyone|cut|stalls|missing|app)\/(.+)/.exec(url) ?? [];
  if (folder === undefined) return false;
  const bytes = content(name);
  const isWeights = name === "model.safetensors";
  if (folder === "missing" && isWeights) response.writeHead(404).end("no such file");
  else if (folder === "app" && isWeights) response.end("<!doctype html><title>app</title>");
  else if (folder === "gzip" || folder === "anyone") {
    // content-length is that of what is sent; across origins a page sees it, and not content-encoding
    const sent = gzipSync(bytes);
    const shared = folder === "anyone" ? { "access-control-allow-origin": "*" } : {};
    response
      .writeHead(200, { "content-encoding": "gzip", "content-length": sent.length, ...shared })
      .end(sent);
  } else if (isWeights) {
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, 200_000));
    if (folder === "cut") setTimeout(() => response.destroy(), 100);
    else response.on("close", () => stalled.push("closed"));
  } else response.end(bytes);
  return true;
}
let stalled: string[] = [];

/** What pages/loading.js attributes, here. */
function scoresOf(model: Gpt2): readonly number[] {
  const prompt = "When Mary and John went to the store, John gave a drink to";
  const options = { answer: " Mary", wrong: " John", unit: "head" } as const;
  return [...directLogitAttribution(model, prompt, options).attributions[0].scores.data];
}

describe.skipIf(chromiumPath === undefined)("in Chromium", () => {
  let browser: Browser;
  let server: StaticServer;
  let elsewhere: StaticServer;
  let page: Page;
  let expected: readonly number[];

  beforeAll(async () => {
    browser = await launchChromium();
    expected = scoresOf(await demoModel({ compatibilityMode: true }));
  });
  afterAll(() => browser?.close());

  const open = async (headers = {}) => {
    stalled = [];
    server = await serveFolders(folders, { headers, answer });
    elsewhere = await serveFolders(folders, { answer });
    page = await (await browser.newContext()).newPage();
    await page.goto(`${server.origin}/loading.html`);
    await page.waitForFunction(() => window.ready);
  };
  const close = async () => {
    await page?.context().close();
    await Promise.all([server?.close(), elsewhere?.close()]);
  };
  const load = (kind: string, options: object = {}) =>
    page.evaluate(([kind, options]) => window.load(kind, options), [kind, options] as const);

  describe("each kind of source", () => {
    beforeAll(() => open());
    afterAll(close);

    test.each([
      "URL",
      "Response",
      "Blob",
      "ArrayBuffer",
      "Uint8Array",
      "ReadableStream",
      "ReadableStream of a DecompressionStream",
      "File",
      "function",
    ])("%s: Node's scores, bit for bit, and every byte told of", async (kind) => {
      if (kind === "File")
        await page.setInputFiles(
          "#files",
          names.map((name) => `${model}/${name}`),
        );
      const { events, scores, warnings, error, backend } = await load(kind);
      expect(error).toBeUndefined();
      expect(scores).toEqual(expected);
      expect([warnings, backend]).toEqual([[], "wasm"]);
      for (const { file, size } of wholeSizes) {
        const reads = events.filter((event) => event.file === file);
        expect(reads.at(-1)).toEqual({ file, read: size, size });
        expect(reads.map(({ read }) => read)).toEqual(reads.map(({ read }) => read).sort((a, b) => a - b));
      }
    });

    test("a File in a worker: the embedding stays there, and its rows are read when a prompt needs them", async () => {
      await page.setInputFiles(
        "#files",
        names.map((name) => `${model}/${name}`),
      );
      const { scores, whileLoading, readAtOnce } = await page.evaluate(() => window.loadInWorker());
      expect(scores).toEqual(expected);
      expect(whileLoading).toBe(0);
      const rowBytes = 2 * 64; // float16, dModel
      expect(readAtOnce / rowBytes).toBe(15 + 2); // the prompt's tokens, and the two answers' columns
    });

    test("progress comes in many steps, and knows the size of the weights from the first of their bytes on", async () => {
      const { events } = await load("URL");
      const weights = events.filter(({ file }) => file === "model.safetensors");
      expect(weights.length).toBeGreaterThan(20);
      expect(weights.slice(2).every(({ size }) => size === content("model.safetensors").length)).toBe(true);
    });

    test.each(["/gzip/", "/anyone/"])(
      "%s: an encoded body's content-length is taken for nothing",
      async (folder) => {
        const origin = folder === "/anyone/" ? elsewhere.origin : "";
        const { scores, error } = await load("URL", { folder: origin + folder });
        expect(error).toBeUndefined();
        expect(scores).toEqual(expected);
      },
    );
  });

  describe("what goes wrong is an error that says what to do", () => {
    beforeAll(() => open());
    afterAll(close);
    const failure = async (kind: string, options: object) => {
      const { error, unhandled } = await load(kind, options);
      expect(unhandled).toEqual([]);
      return error;
    };

    test("another origin that does not allow it", async () => {
      const error = await failure("URL", { folder: `${elsewhere.origin}/model/` });
      expect(error?.name).toBe("CheckpointError");
      expect(error?.message).toBe(
        `config.json: could not be fetched from ${elsewhere.origin}/model/config.json: Failed to fetch. ` +
          "Check the address and the connection, and that the server lets this page's origin read it (CORS).",
      );
    });

    test("a response of such an origin, fetched blindly", async () => {
      const error = await failure("opaque Response", { folder: `${elsewhere.origin}/model/` });
      expect(error?.message).toContain("config.json: got an opaque response, whose bytes no page may read");
    });

    test("a file that is not there", async () => {
      const error = await failure("URL", { folder: "/missing/" });
      expect(error?.message).toBe(
        `model.safetensors: got HTTP status 404 Not Found from ${server.origin}/missing/model.safetensors, expected the file. ` +
          "Check the address and the access to it.",
      );
    });

    test("a page in a file's place", async () => {
      const error = await failure("URL", { folder: "/app/" });
      expect(error?.message).toContain(`got an HTML page (its first byte is '<') from ${server.origin}/app/`);
    });

    test("a download cut off", async () => {
      const error = await failure("URL", { folder: "/cut/" });
      expect(error?.name).toBe("CheckpointError");
      expect(error?.message).toMatch(/^model\.safetensors: could not be read beyond byte \d+: /);
    });
  });

  describe("an abort", () => {
    beforeEach(() => open(isolating));
    afterEach(close);

    test.each(["URL", "Response", "function"])(
      "of a %s whose server sends no more: at once, with nothing left",
      async (kind) => {
        const options = { folder: "/stalls/", abortAt: 100_000, threads: 2, cacheStorage: true };
        const { error, unhandled, warnings } = await load(kind, options);
        expect([error?.name, unhandled, warnings]).toEqual(["AbortError", [], []]);
        await expect.poll(() => stalled).toEqual(["closed"]);
        await expect.poll(() => page.workers().length, { timeout: 10_000 }).toBe(0); // Chromium lets them work on for 2 s
        expect(await page.evaluate(() => window.cachedNames("logitscope"))).not.toContain(
          "/stalls/model.safetensors",
        );
        expect((await load("URL", { threads: 2 })).scores).toEqual(expected);
      },
    );
  });

  describe("a Content-Security-Policy", () => {
    afterEach(close);

    test.each([
      ["script-src 'self' 'wasm-unsafe-eval'", /^wasm$/],
      ["script-src 'self'", /^js: this runtime refuses the WebAssembly kernels/],
    ])("%s: it computes", async (policy, backend) => {
      await open({ "content-security-policy": `default-src 'self'; img-src data:; ${policy}` });
      const loaded = await load("URL");
      expect(loaded.backend).toMatch(backend);
      const isPlain = loaded.backend !== "wasm";
      expect(loaded.scores).toEqual(
        isPlain ? scoresOf(await demoModel({ compatibilityMode: true, kernels: jsKernels })) : expected,
      );
    });
  });

  describe("Cache Storage", () => {
    beforeEach(() => open());
    afterEach(close);

    test("on request: with the server shut off, the model is there again", async () => {
      expect(await load("URL")).toMatchObject({ scores: expected });
      expect(await page.evaluate(() => caches.keys())).toEqual([]);
      expect(await load("URL", { cacheStorage: "models" })).toMatchObject({ scores: expected, warnings: [] });
      expect(await page.evaluate(() => window.cachedNames("models"))).toEqual(
        names.map((name) => `/model/${name}`),
      );
      await server.close();
      expect(await load("URL", { cacheStorage: "models" })).toMatchObject({ scores: expected, warnings: [] });
      expect((await load("URL")).error?.message).toContain("config.json: could not be fetched from");
    });

    test("keeps decoded bytes of an encoded response", async () => {
      const options = { folder: "/gzip/", cacheStorage: true };
      expect(await load("URL", options)).toMatchObject({ scores: expected, warnings: [] });
      await server.close();
      expect(await load("URL", options)).toMatchObject({ scores: expected, warnings: [] });
    });

    test.each(["cut", "app"])("keeps nothing of weights from /%s/", async (folder) => {
      const { error, warnings } = await load("URL", { folder: `/${folder}/`, cacheStorage: true });
      expect([error?.name, warnings]).toEqual(["CheckpointError", []]);
      expect(await page.evaluate(() => window.cachedNames("logitscope"))).not.toContain(
        `/${folder}/model.safetensors`,
      );
    });

    test("without room: the load goes on, with a warning", async () => {
      const devtools = await page.context().newCDPSession(page);
      await devtools.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize: 100_000 });
      const { scores, warnings } = await load("URL", { cacheStorage: true });
      expect(scores).toEqual(expected);
      expect(warnings.join("\n")).toMatch(
        /^model\.safetensors: could not be kept in the cache: .+\. The load goes on\.$/,
      );
    });
  });
});
