import { readdirSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { CheckpointError, type LoadOptions, type ModelFiles, modelFromFiles } from "../../../src/index.ts";
import { MemoryCache } from "../../support/memoryCache.ts";

const folder = new URL("../../../src/demo/model/", import.meta.url);
const names = readdirSync(folder);
const content = new Map(names.map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))]));
const addressOf = (name: string) => `https://example.org/demo/${name}`;
const addresses = names.map(addressOf).sort();
const files = Object.fromEntries(names.map((name) => [name, new URL(addressOf(name))]));
const prompt = "The capital of France is";

afterEach(() => vi.unstubAllGlobals());

/** A network that serves the demo model, but for some files. */
function network(others: Record<string, () => Response | Promise<Response>> = {}) {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: URL) => {
    const name = url.href.slice(addressOf("").length);
    asked.push(name);
    return others[name]?.() ?? new Response(content.get(name)!.slice());
  });
  return asked;
}

/** A body of chunks, and what becomes of it after them. */
function body(bytes: Uint8Array, chunk: number, after: "end" | "failure" | "silence" = "end") {
  let at = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (at < bytes.length) {
          controller.enqueue(bytes.slice(at, at + chunk));
          at += chunk;
        } else if (after === "end") controller.close();
        else if (after === "failure") controller.error(new TypeError("network error"));
        else return new Promise(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

/** Loads, and says what it warned of. */
async function load(options: LoadOptions, sources: ModelFiles = files) {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  const model = await modelFromFiles(sources, { onWarning, ...options });
  return { model, warnings };
}

describe("what is fetched is kept", () => {
  test("whole, and read from there the next time, without a request, to the same bits", async () => {
    const cacheStorage = new MemoryCache();
    const asked = network();
    const { model, warnings } = await load({ cacheStorage });
    expect(asked.sort()).toEqual([...names].sort());
    expect([...cacheStorage.stored.keys()].sort()).toEqual(addresses);
    for (const [name, bytes] of content) {
      const kept = await (await cacheStorage.match(addressOf(name)))!.arrayBuffer();
      expect(Buffer.compare(new Uint8Array(kept), bytes)).toBe(0);
    }
    asked.length = 0;
    const again = await load({ cacheStorage });
    expect(asked).toEqual([]);
    expect(again.model.run(prompt).data).toEqual(model.run(prompt).data);
    expect([...warnings, ...again.warnings]).toEqual([]);
  });

  test("by the time that the model is there", async () => {
    const cache = new MemoryCache();
    const cacheStorage = {
      match: (address: string) => cache.match(address),
      delete: (address: string) => cache.delete(address),
      async put(address: string, response: Response) {
        const content = await response.arrayBuffer();
        await new Promise((resolve) => setTimeout(resolve, 50));
        await cache.put(address, new Response(content));
      },
    };
    network();
    await load({ cacheStorage });
    expect(cache.stored.size).toBe(names.length);
  });

  test("only on request", async () => {
    const open = vi.fn();
    vi.stubGlobal("caches", { open });
    network();
    await load({});
    await load({ cacheStorage: false });
    expect(open).not.toHaveBeenCalled();
  });

  test.each([
    [true, "logitscope"],
    ["models", "models"],
  ])("%j: in the cache of that name", async (cacheStorage, name) => {
    const cache = new MemoryCache();
    const open = vi.fn(async () => cache);
    vi.stubGlobal("caches", { open });
    network();
    await load({ cacheStorage });
    expect(open).toHaveBeenCalledWith(name);
    expect(cache.stored.size).toBe(names.length);
  });

  test("with its type and an age, but no header of the body that was sent: the kept one is decoded", async () => {
    const cacheStorage = new MemoryCache();
    const headers = {
      "content-type": "application/json",
      "content-encoding": "br",
      "content-length": "7",
      vary: "*",
    };
    network({ "config.json": () => new Response(content.get("config.json")!.slice(), { headers }) });
    await load({ cacheStorage });
    const kept = await cacheStorage.match(addressOf("config.json"));
    expect([...kept!.headers]).toEqual([
      ["cache-control", "max-age=31536000"],
      ["content-type", "application/json"],
    ]);
  });

  test("not from other sources, nor from addresses that no cache takes", async () => {
    const cacheStorage = new MemoryCache();
    const { "config.json": config, ...others } = Object.fromEntries(content);
    const encoded = encodeURIComponent(new TextDecoder().decode(config));
    const { warnings } = await load(
      { cacheStorage },
      { ...others, "config.json": new URL(`data:,${encoded}`) },
    );
    expect(cacheStorage.stored.size).toBe(0);
    expect(warnings).toEqual([]);
  });

  test("in step with the reading: neither side runs ahead by more than a few chunks", async () => {
    const chunk = 4096;
    let delivered = 0;
    let taken = 0;
    let furthest = 0;
    const weights = content.get("model.safetensors")!;
    network({
      "model.safetensors": () =>
        new Response(
          new ReadableStream(
            {
              pull(controller) {
                const some = weights.slice(delivered * chunk, (delivered + 1) * chunk);
                if (some.length === 0) return controller.close();
                delivered++;
                controller.enqueue(some);
              },
            },
            { highWaterMark: 0 },
          ),
        ),
    });
    const slow = new MemoryCache({
      async pace() {
        await new Promise((resolve) => setImmediate(resolve)); // the model would be far ahead by then
        furthest = Math.max(furthest, delivered - taken);
        if (delivered > 0) taken++;
      },
    });
    await load({ cacheStorage: slow });
    expect(delivered).toBe(Math.ceil(weights.length / chunk));
    expect(furthest).toBeLessThanOrEqual(3);
  });
});

describe("nothing is kept", () => {
  const weights = content.get("model.safetensors")!;

  test("of a download that breaks off; what is whole stays", async () => {
    const cacheStorage = new MemoryCache();
    network({
      "model.safetensors": () => new Response(body(weights.subarray(0, 300_000), 65_536, "failure")),
    });
    const warnings: string[] = [];
    const loading = load({ cacheStorage, onWarning: (message) => void warnings.push(message) });
    await expect(loading).rejects.toThrow(
      "model.safetensors: could not be read beyond byte 300000: network error.",
    );
    expect([...cacheStorage.stored.keys()].sort()).toEqual(
      addresses.filter((address) => !address.endsWith("model.safetensors")),
    );
    expect(warnings).toEqual([]);
  });

  test("of a load that is stopped, which ends at once", async () => {
    const cacheStorage = new MemoryCache();
    network({
      "model.safetensors": () => new Response(body(weights.subarray(0, 300_000), 65_536, "silence")),
    });
    const stop = new AbortController();
    const reason = new Error("enough");
    const onProgress = ({ read }: { read: number }) => void (read === 300_000 && stop.abort(reason));
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    await expect(load({ cacheStorage, signal: stop.signal, onProgress, onWarning })).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(cacheStorage.stored.has(addressOf("model.safetensors"))).toBe(false);
    expect(warnings).toEqual([]);
  });

  test("of a load that is stopped while the cache is slow: nobody waits for it", async () => {
    const cacheStorage = Object.assign(new MemoryCache(), { put: () => new Promise<never>(() => {}) });
    network({ "config.json": () => new Response(body(content.get("config.json")!, 10)) });
    const stop = new AbortController();
    const loading = load({ cacheStorage, signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 20);
    await expect(loading).rejects.toThrow("enough");
  });

  test("of an answer that is not the file", async () => {
    const cacheStorage = new MemoryCache();
    network({ "vocab.json": () => new Response("no", { status: 404 }) });
    await expect(load({ cacheStorage })).rejects.toThrow("vocab.json: got HTTP status 404");
    expect([...cacheStorage.stored.keys()]).toEqual([addressOf("config.json")]);
  });

  test.each<[string, string, Uint8Array | string, string]>([
    ["a page", "config.json", "<!doctype html>", "config.json: got an HTML page"],
    [
      "a git-lfs pointer",
      "model.safetensors",
      "version https://git-lfs.github.com/spec/v1",
      "got a git-lfs pointer",
    ],
    ["a file cut off without notice", "model.safetensors", weights.subarray(0, 300_000), "the file ends"],
    ["a file that goes on", "model.safetensors", new Uint8Array([...weights, 0]), "got more bytes"],
    ["JSON that is none", "vocab.json", '{"a": 0', "not valid JSON"],
  ])("of %s: the next load fetches anew", async (_what, name, bytes, message) => {
    const cacheStorage = new MemoryCache();
    network({ [name]: () => new Response(bytes as never) });
    await expect(load({ cacheStorage })).rejects.toThrow(message);
    expect([...cacheStorage.stored.keys()]).toEqual([]);
    network();
    await load({ cacheStorage });
    expect(cacheStorage.stored.size).toBe(names.length);
  });

  test("any longer of files that were kept, and are refused together: a config of another model", async () => {
    const cacheStorage = new MemoryCache();
    network();
    await load({ cacheStorage });
    const config = JSON.parse(new TextDecoder().decode(content.get("config.json")));
    await cacheStorage.put(addressOf("config.json"), Response.json({ ...config, n_embd: 32 }));
    await expect(load({ cacheStorage })).rejects.toThrow(CheckpointError);
    expect([...cacheStorage.stored.keys()]).toEqual([]);
  });

  test("of a kept response that is an error: it is fetched", async () => {
    const cacheStorage = new MemoryCache();
    cacheStorage.stored.set(addressOf("config.json"), new Response("no", { status: 404 }));
    const asked = network();
    await load({ cacheStorage });
    expect(asked).toContain("config.json");
  });
});

describe("the load goes on, with a warning,", () => {
  test("beyond the quota, in the middle of a file, without another request", async () => {
    const cacheStorage = new MemoryCache({ quota: 200_000 });
    const asked = network({
      "model.safetensors": () => new Response(body(content.get("model.safetensors")!, 65_536)),
    });
    const { model, warnings } = await load({ cacheStorage });
    expect(warnings).toEqual([
      "model.safetensors: could not be kept in the cache: Quota exceeded. The load goes on.",
    ]);
    expect(asked.sort()).toEqual([...names].sort());
    expect(cacheStorage.stored.has(addressOf("model.safetensors"))).toBe(false);
    expect(model.run(prompt).data.every(Number.isFinite)).toBe(true);
  });

  test("where the cache reads nothing of what it refuses", async () => {
    const cacheStorage = Object.assign(new MemoryCache(), {
      put: async () => Promise.reject(new Error("read-only")),
    });
    network();
    const { warnings } = await load({ cacheStorage });
    expect(warnings).toHaveLength(names.length);
    expect(warnings[0]).toBe("config.json: could not be kept in the cache: read-only. The load goes on.");
  });

  test("where the cache cannot be asked", async () => {
    const cacheStorage = Object.assign(new MemoryCache(), {
      match: async () => Promise.reject(new Error("broken")),
    });
    network();
    const { warnings } = await load({ cacheStorage });
    expect(warnings[0]).toBe("config.json: the cache could not be asked for it: broken. It is fetched.");
  });

  test("where there is no Cache Storage, as in Node", async () => {
    network();
    const { warnings } = await load({ cacheStorage: true });
    expect(warnings).toEqual([
      "cacheStorage: Cache Storage could not be opened: this runtime has none, or not here: a page has it over https and on " +
        "localhost alone. The files are fetched each time.",
    ]);
  });

  test("where the page may not use it", async () => {
    vi.stubGlobal("caches", { open: () => Promise.reject(new Error("The operation is insecure.")) });
    network();
    const { warnings } = await load({ cacheStorage: "models" });
    expect(warnings).toEqual([
      "cacheStorage: Cache Storage could not be opened: The operation is insecure. The files are fetched each time.",
    ]);
  });
});
