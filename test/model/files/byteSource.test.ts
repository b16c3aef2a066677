import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { CheckpointError, ValueError } from "../../../src/errors.ts";
import { readHeader } from "../../../src/model/checkpoint/safetensors.ts";
import type { Progress } from "../../../src/model/files/byteReader.ts";
import { fileNamed, fileNames, openSource, type Source } from "../../../src/model/files/byteSource.ts";
import type { ByteFile } from "../../../src/model/files/bytes.ts";
import { readText } from "../../../src/model/files/json.ts";
import { concat, cutAt } from "../../support/writeSafetensors.ts";

const bytes = Uint8Array.from({ length: 100 }, (_, i) => (i * 37) % 256);

const memoryFile = (data: Uint8Array, atMost = data.length): ByteFile & { closed: boolean } => ({
  size: data.length,
  closed: false,
  async read(out, position) {
    const some = data.subarray(position, position + Math.min(atMost, out.length));
    out.set(some);
    return some.length;
  },
  async close() {
    this.closed = true;
  },
});

const webStream = (data: Uint8Array) => new Blob([data.slice()]).stream();

const kinds: Record<string, () => Source> = {
  Uint8Array: () => bytes,
  "Uint8Array within a buffer": () => concat([new Uint8Array(5), bytes, new Uint8Array(5)]).subarray(5, 105),
  Buffer: () => Buffer.from(bytes),
  ArrayBuffer: () => bytes.slice().buffer,
  Blob: () => new Blob([bytes]),
  File: () => new File([bytes], "f"),
  Response: () => new Response(bytes),
  ReadableStream: () => webStream(bytes),
  AsyncIterable: () => cutAt(bytes, [0, 0, 7, 50, 100]),
  ByteFile: () => memoryFile(bytes),
  "ByteFile that reads short": () => memoryFile(bytes, 3),
  "a function": () => () => bytes,
  "a function that promises a function": () => async () => async () => bytes,
};

describe.each(Object.entries(kinds))("openSource, %s", (_kind, make) => {
  test("reads it all in pieces of any size, then nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 9 }), async (sizes) => {
        const reader = await openSource(make(), "f");
        let expected = 0;
        for (const size of [...sizes, 101]) {
          const piece = new Uint8Array(size);
          const count = await reader.read(piece);
          expect(count).toBe(Math.min(size, 100 - expected));
          expect(piece.subarray(0, count)).toEqual(bytes.slice(expected, expected + count));
          expected += count;
          expect(reader.position).toBe(expected);
        }
        expect(await reader.read(new Uint8Array(1))).toBe(0);
        await reader.close();
      }),
      { numRuns: 30 },
    );
  });

  test("can be closed before its end", async () => {
    const reader = await openSource(make(), "f");
    await reader.read(new Uint8Array(3));
    await reader.close();
  });
});

describe("openSource refuses", () => {
  test("a response that is not the file", async () => {
    const response = new Response("Entry not found", { status: 404, statusText: "Not Found" });
    await expect(openSource(response, "model.safetensors")).rejects.toThrow(
      new CheckpointError(
        "model.safetensors: got HTTP status 404 Not Found, expected the file. Check the address and the access to it.",
      ),
    );
  });

  test("a response that has been read", async () => {
    const response = new Response("{}");
    await response.text();
    await expect(openSource(response, "config.json")).rejects.toThrow(
      new CheckpointError("config.json: the response has been read already. Give a new one."),
    );
  });

  test("a response whose body someone reads", async () => {
    const response = new Response(bytes);
    response.body?.getReader();
    await expect(openSource(response, "f")).rejects.toThrow(
      new CheckpointError("f: the stream is being read elsewhere. Give an unread one."),
    );
  });

  test.each([
    ["opaque", "an opaque response"],
    ["opaqueredirect", "an unfollowed redirect"],
  ])("a response of type %s", async (type, got) => {
    const response = new Response(null);
    Object.defineProperties(response, { type: { value: type }, ok: { value: false }, status: { value: 0 } });
    await expect(openSource(response, "f")).rejects.toThrow(
      new CheckpointError(
        `f: got ${got}, whose bytes no page may read, expected the file. ` +
          'Fetch it without mode: "no-cors" and redirect: "manual".',
      ),
    );
  });

  test("a stream that someone else reads", async () => {
    const stream = webStream(bytes);
    stream.getReader();
    await expect(openSource(stream, "f")).rejects.toThrow(
      new CheckpointError("f: the stream is being read elsewhere. Give an unread one."),
    );
  });

  test.each([
    ["config.json", "a value of type string"],
    [undefined, "a value of type undefined"],
    [{}, "an object that holds no bytes"],
    [null, "an object that holds no bytes"],
  ])("%j", async (source, got) => {
    await expect(openSource(source as never, "f")).rejects.toThrow(ValueError);
    await expect(openSource(source as never, "f")).rejects.toThrow(
      `f: got ${got}, expected a URL, Response, Blob, ArrayBuffer, Uint8Array or stream, or a function that gives one. ` +
        'Write an address as new URL("…"), a text as new Blob(["…"]).',
    );
  });

  test("a function that fails, with its reason", async () => {
    const source = () => Promise.reject(new Error("no such key"));
    await expect(openSource(source, "f")).rejects.toThrow("f: could not be opened: no such key.");
    await expect(openSource(source, "f")).rejects.toThrow(CheckpointError);
  });

  test("a stream that breaks, with its place", async () => {
    async function* broken() {
      yield bytes;
      throw new Error("connection reset");
    }
    const reader = await openSource(broken(), "f");
    const reading = reader.read(new Uint8Array(101));
    await expect(reading).rejects.toThrow("f: could not be read beyond byte 100: connection reset.");
    await expect(reading).rejects.toThrow(CheckpointError);
    await reader.close();
  });

  test("a stream of text", async () => {
    async function* text() {
      yield "{}" as never;
    }
    const reader = await openSource(text(), "f");
    await expect(reader.read(new Uint8Array(1))).rejects.toThrow(
      "f: could not be read beyond byte 0: got a chunk of type string, expected a Uint8Array.",
    );
  });
});

describe("a URL", () => {
  afterEach(() => vi.unstubAllGlobals());
  const address = new URL("https://example.org/model.safetensors");

  test("is fetched, with the signal", async () => {
    const fetched = vi.fn(async () => new Response(bytes));
    vi.stubGlobal("fetch", fetched);
    const { signal } = new AbortController();
    const out = new Uint8Array(100);
    await (await openSource(address, "f", { signal })).read(out);
    expect(out).toEqual(bytes);
    expect(fetched).toHaveBeenCalledWith(address, { signal });
  });

  test("that cannot be fetched", async () => {
    vi.stubGlobal("fetch", async () => {
      throw new TypeError("fetch failed");
    });
    await expect(openSource(address, "f")).rejects.toThrow(
      "f: could not be fetched from https://example.org/model.safetensors: fetch failed. Check the address and the " +
        "connection, and that the server lets this page's origin read it (CORS).",
    );
  });

  test("of a local file, where that cannot be fetched", async () => {
    vi.stubGlobal("fetch", async () => {
      throw new TypeError("fetch failed");
    });
    await expect(openSource(new URL("file:///models/config.json"), "config.json")).rejects.toThrow(
      "config.json: could not be fetched from file:///models/config.json: fetch failed. Read a local file with " +
        'fromPretrained of "logitscope/node", or in a page from an <input type="file">.',
    );
  });

  test("at which there is no such file", async () => {
    vi.stubGlobal("fetch", async () => new Response("no", { status: 404, statusText: "Not Found" }));
    await expect(openSource(address, "f")).rejects.toThrow(
      new CheckpointError(
        "f: got HTTP status 404 Not Found, expected the file. Check the address and the access to it.",
      ),
    );
  });

  test("at which a page is, as development servers answer for any address: named", async () => {
    vi.stubGlobal("fetch", async () => new Response("<!doctype html><title>app</title>"));
    const message =
      "f: got an HTML page (its first byte is '<') from https://example.org/model.safetensors. " +
      "Check the address: some servers answer so where there is no such file.";
    await expect(readText(address, "f")).rejects.toThrow(new CheckpointError(message));
    await expect(readHeader(await openSource(address, "f"))).rejects.toThrow(new CheckpointError(message));
  });
});

describe("a signal", () => {
  test("stops the opening and the reading, with its own reason", async () => {
    const stop = new AbortController();
    const reader = await openSource(bytes, "f", { signal: stop.signal });
    await reader.read(new Uint8Array(1));
    stop.abort(new Error("enough"));
    await expect(reader.read(new Uint8Array(1))).rejects.toThrow("enough");
    await expect(openSource(bytes, "f", { signal: stop.signal })).rejects.toThrow("enough");
  });

  test("is the reason when the source fails of it", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const source = async () => {
      stop.abort(reason);
      throw new Error("socket closed");
    };
    await expect(openSource(source, "f", { signal: stop.signal })).rejects.toBe(reason);
  });
});

describe("an abort does not wait", () => {
  const reason = new Error("enough");
  const hanging = {
    "a stream": () => new ReadableStream<Uint8Array>(),
    "a response": () => new Response(new ReadableStream<Uint8Array>()),
    "an iteration": (): AsyncIterable<Uint8Array> => ({
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => new Promise(() => {}),
      }),
    }),
    "a file": (): ByteFile => ({
      size: 9,
      read: () => new Promise(() => {}),
      close: () => new Promise(() => {}),
    }),
  };

  test.each(Object.entries(hanging))("for %s that gives nothing", async (_what, make) => {
    const stop = new AbortController();
    const reader = await openSource(make(), "f", { signal: stop.signal });
    const reading = reader.read(new Uint8Array(1));
    stop.abort(reason);
    await expect(reading).rejects.toBe(reason);
    await reader.close();
  });

  test("for a function that gives nothing; what it gives too late is closed", async () => {
    const cancel = vi.fn();
    const file = memoryFile(bytes);
    for (const late of [new Response(new ReadableStream({ cancel })), file]) {
      const stop = new AbortController();
      let give: (source: Source) => void = () => {};
      const opening = openSource(() => new Promise<Source>((resolve) => (give = resolve)), "f", {
        signal: stop.signal,
      });
      stop.abort(reason);
      await expect(opening).rejects.toBe(reason);
      give(late);
    }
    await vi.waitFor(() => expect([cancel.mock.calls.length, file.closed]).toEqual([1, true]));
  });

  test("and leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    const reader = await openSource(cutAt(bytes, [10, 20]), "f", { signal });
    await reader.read(new Uint8Array(100));
    expect(added.mock.calls.length).toBeGreaterThan(2);
    expect(removed).toHaveBeenCalledTimes(added.mock.calls.length);
  });
});

test("a function is given the signal", async () => {
  const { signal } = new AbortController();
  const open = vi.fn(() => bytes);
  await openSource(open, "f", { signal });
  expect(open).toHaveBeenCalledWith(signal);
});

describe("progress", () => {
  const progressOf = async (source: Source) => {
    const events: Progress[] = [];
    await readText(source, "f", { onProgress: (progress) => void events.push(progress) });
    return events.map(({ file, read, size }) => [file, read, size]);
  };
  const text = Uint8Array.from({ length: 30 }, () => 0x61);

  test("tells of bytes as they come, with the size where it is known", async () => {
    expect(await progressOf(text)).toEqual([["f", 30, 30]]);
    expect(await progressOf(memoryFile(text, 12))).toEqual([
      ["f", 12, 30],
      ["f", 24, 30],
      ["f", 30, 30],
    ]);
  });

  test("of a stream tells the size at the end", async () => {
    expect(await progressOf(cutAt(text, [10, 20]))).toEqual([
      ["f", 10, undefined],
      ["f", 20, undefined],
      ["f", 30, undefined],
      ["f", 30, 30],
    ]);
  });

  // fetch() decodes, and across origins hides content-encoding while it shows content-length
  test("takes no content-length for a size", async () => {
    const response = new Response(text, { headers: { "content-length": "7" } });
    expect((await progressOf(response)).at(-1)).toEqual(["f", 30, 30]);
  });

  test("of bytes passed over too", async () => {
    const reads: number[] = [];
    const reader = await openSource(new Blob([bytes]), "f", {
      onProgress: ({ read }) => void reads.push(read),
    });
    await reader.skip(60);
    await reader.read(new Uint8Array(40));
    expect(reads).toEqual([60, 100]);
  });
});

describe("a stream that fills a given buffer", () => {
  const byteStream = (pull: (view: Uint8Array) => number) =>
    new ReadableStream<Uint8Array>({
      type: "bytes",
      pull(controller) {
        const request = controller.byobRequest;
        const count = request ? pull(request.view as Uint8Array) : 0;
        if (count === 0) controller.close();
        request?.respond(count);
      },
    } as UnderlyingByteSource as never);

  test("is given the same one again and again", async () => {
    const sizes: number[] = [];
    let at = 0;
    const stream = byteStream((view) => {
      sizes.push(view.byteLength);
      const some = bytes.subarray(at, at + 30);
      view.set(some);
      at += some.length;
      return some.length;
    });
    const reader = await openSource(stream, "f");
    const out = new Uint8Array(101);
    expect(await reader.read(out.subarray(0, 7))).toBe(7);
    expect(await reader.read(out.subarray(7))).toBe(93);
    expect(out.subarray(0, 100)).toEqual(bytes);
    expect(new Set(sizes)).toEqual(new Set([262_144])); // a buffer that was lost would be one of no bytes
    expect(at).toBe(100);
  });
});

describe("a Blob", () => {
  afterEach(() => vi.unstubAllGlobals());

  test("is passed over without reading", async () => {
    const blob = new Blob([bytes]);
    const slice = vi.spyOn(blob, "slice");
    const reader = await openSource(blob, "f");
    expect(await reader.skip(90)).toBe(90);
    const rest = new Uint8Array(20);
    expect(await reader.read(rest)).toBe(10);
    expect(rest.subarray(0, 10)).toEqual(bytes.subarray(90));
    expect(slice.mock.calls).toEqual([[90]]);
  });

  test("is read at once only where the runtime can: in workers", async () => {
    expect((await openSource(new Blob([bytes]), "f")).readNow).toBeUndefined();
    class FileReaderSync {
      readAsArrayBuffer = (blob: { bytes: Uint8Array }) => blob.bytes.slice().buffer;
    }
    vi.stubGlobal("FileReaderSync", FileReaderSync);
    const blob = new Blob([bytes]);
    vi.spyOn(blob, "slice").mockImplementation(
      (from, to) => ({ bytes: bytes.subarray(from, to) }) as unknown as Blob,
    );
    const { readNow } = await openSource(blob, "f");
    const out = new Uint8Array(20);
    expect(readNow?.(out, 90)).toBe(10);
    expect(out.subarray(0, 10)).toEqual(bytes.subarray(90));
  });
});

test("a file that is gone when it is read at once is named, with what to do", async () => {
  const gone = new Error("A requested file or directory could not be found");
  const file = {
    size: 100,
    read: async () => 0,
    readSync() {
      throw gone;
    },
    close: async () => {},
  };
  const { readNow } = await openSource(file, "f");
  const message =
    "f: could not be read at byte 7: A requested file or directory could not be found. " +
    "The embedding's rows are read from it when they are needed: give a file that stays.";
  expect(() => readNow?.(new Uint8Array(1), 7)).toThrow(new CheckpointError(message, { cause: gone }));
});

describe("closing", () => {
  test("closes a file, cancels a stream, ends an iteration", async () => {
    const file = memoryFile(bytes);
    await (await openSource(file, "f")).close();
    expect(file.closed).toBe(true);

    const cancel = vi.fn();
    const stream = new ReadableStream<Uint8Array>({ pull: (c) => c.enqueue(bytes), cancel });
    await (await openSource(stream, "f")).close();
    expect(cancel).toHaveBeenCalledOnce();

    let ended = false;
    async function* endless() {
      try {
        for (;;) yield bytes;
      } finally {
        ended = true;
      }
    }
    const reader = await openSource(endless(), "f");
    await reader.read(new Uint8Array(1));
    await reader.close();
    expect(ended).toBe(true);
  });

  test("does not wait for the one who reads a clone", async () => {
    const response = new Response(bytes);
    const reader = await openSource(response.clone(), "f");
    await reader.read(new Uint8Array(1));
    await reader.close();
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
  });

  test("does not fail where the stream has failed", async () => {
    const stream = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(new Error("gone")) });
    const reader = await openSource(stream, "f");
    await expect(reader.read(new Uint8Array(1))).rejects.toThrow("gone");
    await reader.close();
  });
});

test("a ByteFile whose read() gives no number ends, rather than hang", async () => {
  const file = { size: 4, read: async () => undefined as never, close: async () => {} };
  expect(await (await openSource(file, "f")).read(new Uint8Array(4))).toBe(0);
});

describe("files by name", () => {
  test("of a record and of a Map", () => {
    const record = { "config.json": bytes };
    expect(fileNames(record)).toEqual(["config.json"]);
    expect(fileNamed(record, "config.json")).toBe(bytes);
    expect(fileNamed(record, "toString")).toBeUndefined();
    const map = new Map([["config.json", bytes]]);
    expect(fileNames(map)).toEqual(["config.json"]);
    expect(fileNamed(map, "config.json")).toBe(bytes);
  });
});

describe("readText", () => {
  const text = "Ġ€😀".repeat(30_000); // over 64 kB, so that a stream's buffer has to grow twice

  test("of a known and of an unknown size", async () => {
    const encoded = new TextEncoder().encode(text);
    expect(await readText(encoded, "f")).toBe(text);
    expect(await readText(cutAt(encoded, [1, 65_535, 65_536, 65_537]), "f")).toBe(text);
    expect(await readText(new Uint8Array(), "f")).toBe("");
  });

  test.each([1, 65_535, 65_536, 65_537, 131_072])("of %i bytes", async (length) => {
    const encoded = new Uint8Array(length).fill(0x61);
    expect(await readText(cutAt(encoded, []), "f")).toBe("a".repeat(length));
    expect(await readText(encoded, "f")).toBe("a".repeat(length));
  });

  test.each([
    [
      "an HTML page",
      "\n <html>",
      "f: got an HTML page (its first byte is '<'). Check the address it came from.",
    ],
    [
      "a git-lfs pointer",
      "version https://git-lfs.github.com/spec/v1\noid",
      "f: got a git-lfs pointer. Download the file itself: git lfs pull.",
    ],
  ])("refuses %s", async (_what, content, message) => {
    await expect(readText(new Blob([content]), "f")).rejects.toThrow(new CheckpointError(message));
  });

  test("refuses bytes that are not UTF-8", async () => {
    const utf16 = Uint8Array.of(0xff, 0xfe, 0x7b, 0x00);
    await expect(readText(utf16, "f")).rejects.toThrow("f: its bytes are not UTF-8 text. Download it again.");
  });

  test("takes merges that begin like one", async () => {
    expect(await readText(new Blob(["#version: 0.2\nĠ t"]), "f")).toBe("#version: 0.2\nĠ t");
    expect(await readText(new Blob(["< /\nversion s"]), "f")).toBe("< /\nversion s");
  });
});
