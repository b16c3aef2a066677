import { createHash } from "node:crypto";
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { HubError } from "../../../src/index.ts";
import { pause } from "../../../src/node/hub/client.ts";
import type { DownloadProgress } from "../../../src/node/index.ts";
import { cutAfter, etagOf, type Recorded, serve } from "./server.ts";
import {
  commitA,
  filesIn,
  freshFolder,
  get,
  modelFiles,
  repository,
  testHub,
  text,
  weights,
} from "./support.ts";

const hub = await testHub();

const weightsEtag = etagOf(modelFiles["model.safetensors"]);
const isWeights = ({ host }: Recorded) => host === "cdn";
const isVocab = ({ path, method }: Recorded) => method === "GET" && path.endsWith("vocab.json");
const ranges = () => hub.requests.filter(isWeights).map(({ headers }) => headers.range);
const partials = (cache: string) => filesIn(cache).filter((name) => name.endsWith(".incomplete"));

async function expectWhole(folder: string): Promise<void> {
  for (const [name, { bytes }] of Object.entries(modelFiles)) {
    expect(readFileSync(join(folder, name)).equals(bytes), name).toBe(true);
  }
}

/** What is left after a failure: no partial, no link and no blob of the file, and no lock. */
function expectNothingOf(file: string, cache: string): void {
  const left = filesIn(cache).filter((name) => /incomplete|\.lock$/.test(name) || name.endsWith(`/${file}`));
  expect(left).toEqual([]);
  expect(existsSync(join(cache, "models--o--n/blobs", etagOf(modelFiles[file])))).toBe(false);
  expect(existsSync(join(cache, "models--o--n/refs/main"))).toBe(false);
}

describe("a connection that is cut", () => {
  test("is taken up where it was, as often as something came", async () => {
    hub.fault = (request, response) => {
      if (!isWeights(request)) return false;
      const start = Number(/\d+/.exec(String(request.headers.range ?? "0"))![0]);
      if (start >= 8 * 1000) return false;
      cutAfter(request, response, weights, 1000);
      return true;
    };
    const cache = freshFolder();
    const getting = get(hub, cache);
    await expectWhole(await getting);
    expect(ranges()).toEqual([undefined, ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => `bytes=${n}000-`)]);
    expect(getting.waits).toEqual(Array(8).fill(1)); // each got further, so none counts as a second failure
    expect(partials(cache)).toEqual([]);
  });

  test("before the first byte is tried 6 times, then left; the next load goes on with what there is", async () => {
    const cache = freshFolder();
    hub.fault = (request, response) => {
      if (!isWeights(request)) return false;
      if (request.headers.range) response.destroy();
      else cutAfter(request, response, weights, 5000);
      return true;
    };
    const getting = get(hub, cache);
    await expect(getting).rejects.toThrow(
      /^o\/n: model\.safetensors: got no connection to 127\.0\.0\.1:\d+ \(\w+\), 6 times in a row, expected the file\. Check the connection, or try again later\.$/,
    );
    await expect(getting).rejects.toMatchObject({ name: "HubError", reason: "unreachable" });
    expect(getting.waits).toEqual([1, 2, 4, 8, 8]);
    expect(partials(cache)).toHaveLength(1);
    expect(statSync(join(cache, partials(cache)[0])).size).toBe(5000);

    hub.reset();
    await expectWhole(await get(hub, cache));
    expect(ranges()).toEqual(["bytes=5000-"]);
    expect(partials(cache)).toEqual([]);
  });

  test("is taken up from the beginning where the server takes no ranges", async () => {
    let tries = 0;
    hub.fault = (request, response) => {
      if (!isWeights(request)) return false;
      if (tries++ === 0) cutAfter(request, response, weights, 5000);
      else serve({ ...request, headers: {} }, response, weights);
      return true;
    };
    await expectWhole(await get(hub, freshFolder()));
    expect(ranges()).toEqual([undefined, "bytes=5000-"]);
  });

  test.each([
    ["another part", 206, "bytes 100-200/540000"],
    ["a part of no place", 206, undefined],
    ["no such part", 416, undefined],
  ])("and taken up with %s is taken up from the beginning", async (_, status, range) => {
    hub.fault = (request, response) => {
      if (!isWeights(request)) return false;
      if (request.headers.range) {
        response.writeHead(status, range ? { "content-range": range } : {});
        response.end("some other bytes");
      } else if (ranges().length > 1) return false;
      else cutAfter(request, response, weights, 5000);
      return true;
    };
    await expectWhole(await get(hub, freshFolder()));
    expect(ranges()).toEqual([undefined, "bytes=5000-", undefined]);
  });

  test("with no length told is not taken for the end", async () => {
    let tries = 0;
    hub.fault = (request, response) => {
      if (!isWeights(request) || tries++ > 0) return false;
      response.socket!.end(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${"\u0001".repeat(4000)}`);
      return true;
    };
    const getting = get(hub, freshFolder());
    await expect(getting).rejects.toThrow("got bytes with the hash"); // those 4,000 were wrong, as verifying finds
    expect(ranges()).toEqual([undefined, "bytes=4000-"]);
  });

  test("that says nothing for as long as is allowed", async () => {
    let tries = 0;
    hub.fault = (request, response) => {
      if (!isWeights(request) || tries++ > 0) return false;
      response.writeHead(200, { "content-length": weights.length });
      response.write(weights.subarray(0, 3000));
      return true;
    };
    await expectWhole(await get(hub, freshFolder(), { env: { HF_HUB_DOWNLOAD_TIMEOUT: "1" } }));
    expect(ranges()).toEqual([undefined, "bytes=3000-"]);
  });
});

describe("what came is not what the hub announced:", () => {
  const page = "<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>";
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${weightsEtag}\nsize ${weights.length}\n`;
  const flipped = Buffer.from(weights);
  flipped[1000] ^= 1;
  const vocab = modelFiles["vocab.json"].bytes;
  const otherVocab = Buffer.from(vocab);
  otherVocab[10] ^= 1;

  test.each<[string, string, (request: Recorded) => boolean, Uint8Array | string, string]>([
    [
      "a page",
      "model.safetensors",
      isWeights,
      page,
      "got an HTML page (its first byte is '<'), expected the file",
    ],
    [
      "a page for a small file",
      "vocab.json",
      isVocab,
      page,
      "got an HTML page (its first byte is '<'), expected the file",
    ],
    ["a page longer than the file", "vocab.json", isVocab, page.repeat(2000), "got an HTML page"],
    [
      "a git-lfs pointer",
      "model.safetensors",
      isWeights,
      pointer,
      "got a git-lfs pointer, expected the file",
    ],
    ["a bit", "model.safetensors", isWeights, flipped, `expected the hub's ${weightsEtag}`],
    [
      "a bit of a small file",
      "vocab.json",
      isVocab,
      otherVocab,
      `expected the hub's ${etagOf(modelFiles["vocab.json"])}`,
    ],
    [
      "too short",
      "model.safetensors",
      isWeights,
      weights.subarray(0, 777),
      `got 777 bytes, expected ${weights.length}`,
    ],
    ["empty", "vocab.json", isVocab, "", `got 0 bytes, expected ${vocab.length}`],
    [
      "too long",
      "model.safetensors",
      isWeights,
      Buffer.concat([weights, weights]),
      `got more than ${weights.length} bytes, expected ${weights.length}`,
    ],
  ])("%s", async (_, file, isIt, bytes, message) => {
    hub.fault = (request, response) => {
      if (!isIt(request)) return false;
      serve(request, response, Buffer.from(bytes));
      return true;
    };
    const cache = freshFolder();
    const getting = get(hub, cache);
    await expect(getting).rejects.toThrow(message);
    await expect(getting).rejects.toThrow(new RegExp(`^o/n: ${file}: .*Nothing of it was stored\\.`));
    await expect(getting).rejects.toMatchObject({ reason: "bad content" });
    expectNothingOf(file, cache);
    expect(getting.waits).toEqual([]);
    hub.reset();
    await expectWhole(await get(hub, cache)); // the next time it is right
  });

  test("a page in pieces of no told length", async () => {
    hub.fault = (request, response) => {
      if (!isWeights(request)) return false;
      response.write(page);
      response.end();
      return true;
    };
    await expect(get(hub, freshFolder())).rejects.toThrow("got an HTML page");
  });

  test("a pointer that the hub has itself, in place of the weights", async () => {
    hub.repositories["o/n"] = repository({ ...modelFiles, "model.safetensors": text(pointer) });
    const cache = freshFolder();
    await expect(get(hub, cache)).rejects.toThrow(
      "o/n: model.safetensors: got a git-lfs pointer, expected the file.",
    );
    expectNothingOf("model.safetensors", cache);
  });

  test.each([1000, weights.length, weights.length + 10])(
    "a partial of %d other bytes costs a second download, and no error",
    async (length) => {
      const cache = freshFolder();
      const folder = await get(hub, cache);
      const blob = join(cache, "models--o--n/blobs", weightsEtag);
      rmSync(blob);
      writeFileSync(`${blob}.00000000.logitscope.incomplete`, Buffer.alloc(length, 7));
      hub.reset();
      await get(hub, cache);
      await expectWhole(folder);
      expect(partials(cache)).toEqual([]);
      expect(ranges().at(-1)).toBeUndefined();
      expect(ranges().length).toBeLessThanOrEqual(2);
    },
  );

  test("a partial of other bytes, and other bytes again", async () => {
    const cache = freshFolder();
    await get(hub, cache);
    const blob = join(cache, "models--o--n/blobs", weightsEtag);
    rmSync(blob);
    writeFileSync(`${blob}.00000000.logitscope.incomplete`, Buffer.alloc(1000, 7));
    hub.reset();
    hub.fault = (request, response) => {
      if (!isWeights(request)) return false;
      serve(request, response, flipped);
      return true;
    };
    await expect(get(hub, cache)).rejects.toMatchObject({ reason: "bad content" });
    expect(ranges()).toEqual(["bytes=1000-", undefined]);
    expect(partials(cache)).toEqual([]);
  });

  test("a page where the rest was asked for: what there is of the file is kept", async () => {
    const cache = freshFolder();
    const folder = await get(hub, cache);
    const blob = join(cache, "models--o--n/blobs", weightsEtag);
    rmSync(blob);
    writeFileSync(`${blob}.00000000.logitscope.incomplete`, weights.subarray(0, 1000));
    hub.reset();
    hub.fault = (request, response) => {
      if (!isWeights(request)) return false;
      serve({ ...request, headers: {} }, response, Buffer.from(page));
      return true;
    };
    const getting = get(hub, cache);
    await expect(getting).rejects.toThrow(
      new RegExp(
        `^o/n: model\\.safetensors: got ${page.length} bytes from 127\\.0\\.0\\.1:\\d+, expected ${weights.length} or the rest of them\\. ` +
          "What came before is kept\\. Check the endpoint, and any proxy or login page between\\.$",
      ),
    );
    await expect(getting).rejects.toMatchObject({ reason: "bad content" });
    expect(partials(cache)).toHaveLength(1);
    hub.reset();
    await get(hub, cache);
    await expectWhole(folder);
    expect(ranges()).toEqual(["bytes=1000-"]);
  });
});

describe("an ETag of 40 digits", () => {
  const sha1 = (file: string) => createHash("sha1").update(modelFiles[file].bytes).digest("hex");
  const tagged =
    (tag: (file: string) => string): typeof hub.fault =>
    ({ method, path }, response) => {
      const file = path.replace(/.*\//, "");
      if (method !== "HEAD" || !Object.hasOwn(modelFiles, file)) return false;
      response.writeHead(200, { etag: `"${tag(file)}"`, "x-repo-commit": commitA }).end();
      return true;
    };

  test("may be the file's own SHA-1, as other servers have it", async () => {
    hub.fault = tagged(sha1);
    await expectWhole(await get(hub, freshFolder()));
  });

  test("is the hash of the file at any rate", async () => {
    hub.fault = tagged((file) => sha1(file).replace(/./, (digit) => (digit === "0" ? "1" : "0")));
    await expect(get(hub, freshFolder())).rejects.toThrow(
      `o/n: config.json: got bytes with the hash ${etagOf(modelFiles["config.json"])}, expected the hub's`,
    );
  });
});

describe("sizes that the hub does not tell", () => {
  test("are no obstacle to the hash", async () => {
    hub.fault = ({ method, path }, response) => {
      if (method !== "HEAD" || !path.endsWith("vocab.json")) return false;
      response.writeHead(200, { etag: `W/"${etagOf(modelFiles["vocab.json"])}"`, "x-repo-commit": commitA });
      response.end();
      return true;
    };
    const seen: DownloadProgress[] = [];
    await expectWhole(await get(hub, freshFolder(), { onDownload: (progress) => seen.push(progress) }));
    expect(seen.filter(({ file }) => file === "vocab.json").at(-1)).toEqual({
      file: "vocab.json",
      received: modelFiles["vocab.json"].bytes.length,
      size: undefined,
    });
  });

  test("are not those of a redirect", async () => {
    hub.fault = ({ host, method, path }, response) => {
      if (host !== "hub" || method !== "HEAD" || !path.endsWith("model.safetensors")) return false;
      const headers = {
        location: `${hub.cdn}/${weightsEtag}`,
        "x-linked-etag": weightsEtag,
        "content-length": "17",
      };
      response.writeHead(302, { ...headers, "x-repo-commit": commitA }).end();
      return true;
    };
    await expectWhole(await get(hub, freshFolder()));
  });

  test("are not those of a compressed answer", async () => {
    hub.fault = ({ method, path }, response) => {
      if (method !== "HEAD" || !path.endsWith("vocab.json")) return false;
      const headers = { "content-encoding": "gzip", "content-length": "17", "x-repo-commit": commitA };
      response.writeHead(200, { ...headers, etag: etagOf(modelFiles["vocab.json"]) }).end();
      return true;
    };
    await expectWhole(await get(hub, freshFolder()));
  });

  test("nor is a server that compresses all the same", async () => {
    hub.fault = (request, response) => {
      if (!isVocab(request)) return false;
      response.writeHead(200, { "content-encoding": "gzip" });
      response.end(gzipSync(modelFiles["vocab.json"].bytes));
      return true;
    };
    await expectWhole(await get(hub, freshFolder()));
    expect(hub.requests.every(({ headers }) => headers["accept-encoding"] === "identity")).toBe(true);
  });
});

test("progress is told from what there was to the end", async () => {
  const cache = freshFolder();
  const seen: DownloadProgress[] = [];
  await get(hub, cache, { onDownload: (progress) => seen.push(progress) });
  for (const [file, { bytes }] of Object.entries(modelFiles)) {
    const own = seen.filter((progress) => progress.file === file);
    expect(own[0]).toEqual({ file, received: 0, size: bytes.length });
    expect(own.at(-1)).toEqual({ file, received: bytes.length, size: bytes.length });
    const counts = own.map(({ received }) => received);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  }
  const blob = join(cache, "models--o--n/blobs", weightsEtag);
  writeFileSync(`${blob}.00000000.logitscope.incomplete`, weights);
  truncateSync(`${blob}.00000000.logitscope.incomplete`, 4321);
  rmSync(blob);
  seen.length = 0;
  await get(hub, cache, { onDownload: (progress) => seen.push(progress) });
  expect(seen[0]).toEqual({ file: "model.safetensors", received: 4321, size: weights.length });
});

test.each([
  new RangeError("mine"),
  Object.assign(new Error("mine"), { code: "ENOENT", syscall: "open", path: "/elsewhere/log" }),
  Object.assign(new Error("mine"), { code: "EPIPE", syscall: "write" }),
])("what a listener throws is thrown, and leaves no lock: %j", async (error) => {
  const cache = freshFolder();
  const onDownload = () => {
    throw error;
  };
  await expect(get(hub, cache, { onDownload })).rejects.toBe(error);
  expect(filesIn(cache).filter((name) => name.endsWith(".lock"))).toEqual([]);
});

// sooner than the timeouts of a silent connection, which would end the wait too
describe("an AbortSignal", { timeout: 5000 }, () => {
  test("that is aborted already: no request", async () => {
    const reason = new Error("enough");
    await expect(get(hub, freshFolder(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(hub.asked()).toEqual([]);
  });

  test("gives its own reason in the middle of a download, which the next load goes on with", async () => {
    const cache = freshFolder();
    const controller = new AbortController();
    const reason = new Error("enough");
    hub.fault = (request, response) => {
      if (!isWeights(request)) return false;
      response.writeHead(200, { "content-length": weights.length });
      response.write(weights.subarray(0, 7000)); // and no more
      return true;
    };
    const onDownload = ({ received }: DownloadProgress) => {
      if (received === 7000) controller.abort(reason);
    };
    await expect(get(hub, cache, { signal: controller.signal, onDownload })).rejects.toBe(reason);
    expect(filesIn(cache).filter((name) => name.endsWith(".lock"))).toEqual([]);
    hub.reset();
    await expectWhole(await get(hub, cache));
    expect(ranges()).toEqual(["bytes=7000-"]);
  });

  test("that is aborted as a file ends: no request more", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const onDownload = ({ received, size }: DownloadProgress) => {
      if (received === size) controller.abort(reason);
    };
    await expect(get(hub, freshFolder(), { signal: controller.signal, onDownload })).rejects.toBe(reason);
    expect(hub.asked()).toEqual([
      "HEAD /o/n/resolve/main/config.json",
      `GET /o/n/resolve/${commitA}/config.json`,
    ]);
  });

  // undici then leaves a read that nothing settles
  test("that is aborted as the last byte of a large file comes", async () => {
    const cache = freshFolder();
    const controller = new AbortController();
    const reason = new Error("enough");
    const onDownload = ({ file, received, size }: DownloadProgress) => {
      if (file === "model.safetensors" && received === size) controller.abort(reason);
    };
    await expect(get(hub, cache, { signal: controller.signal, onDownload })).rejects.toBe(reason);
    expect(filesIn(cache).filter((name) => name.endsWith(".lock"))).toEqual([]);
    hub.reset();
    await expectWhole(await get(hub, cache));
    expect(ranges()).toEqual([]); // all of it was there
  });

  test("is heard although `fetch` does not listen, as is the time that is up", async () => {
    const fetch = () => new Promise<never>(() => {});
    const controller = new AbortController();
    const reason = new Error("enough");
    const env = { HF_HUB_ETAG_TIMEOUT: "1" };
    const getting = get(hub, freshFolder(), { fetch, signal: controller.signal, env });
    while (getting.waits.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(reason);
    await expect(getting).rejects.toBe(reason);
  });

  test("that is aborted between two requests: no request more", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await globalThis.fetch(input, init);
      if (String(input).includes("added_tokens")) controller.abort(reason);
      return response;
    };
    await expect(get(hub, freshFolder(), { signal: controller.signal, fetch })).rejects.toBe(reason);
    expect(hub.asked().at(-1)).toBe(`HEAD /o/n/resolve/${commitA}/added_tokens.json`);
  });

  test.each(["while no answer comes", "between two tries"])("%s", async (when) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    hub.fault = (_, response) => {
      setTimeout(() => controller.abort(reason), 20);
      if (when === "between two tries") response.writeHead(503).end();
      return true;
    };
    const pause = { endpoint: hub.endpoint, signal: controller.signal };
    await expect(get(hub, freshFolder(), pause)).rejects.toBe(reason);
  });

  test("in a wait ends it at once", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await pause(60_000, controller.signal);
    await pause(60_000, controller.signal);
  });

  test("while another holds the lock", async () => {
    const cache = freshFolder();
    const first = get(hub, cache, { onDownload: () => {} });
    hub.fault = (request) => isWeights(request); // never answered
    const controller = new AbortController();
    while (!hub.requests.some(isWeights)) await new Promise((resolve) => setTimeout(resolve, 5));
    const second = get(hub, cache, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(second).rejects.toThrow("enough");
    expect(readdirSync(join(cache, ".locks/models--o--n"))).toHaveLength(1); // the first's
    await hub.close();
    await expect(first).rejects.toThrow(HubError);
  });
});
