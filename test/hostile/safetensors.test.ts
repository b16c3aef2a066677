import { describe, expect, test } from "vitest";
import { jsKernels, type Kernels, MemoryError, modelFromFiles } from "../../src/index.ts";
import { store, tinyConfig, tinyTensors } from "../support/gpt2Checkpoint.ts";
import { concat, cutAt, writeSafetensors } from "../support/writeSafetensors.ts";
import { claiming, expectRefusal, goodFiles, largestAllocation, load, safetensors } from "./support.ts";

const f32 = (shape: string, offsets: string) => `{"dtype":"F32","shape":${shape},"data_offsets":${offsets}}`;
const one = (entry: string, dataLength = 0) => safetensors(`{"wte.weight":${entry}}`, dataLength);
const good = goodFiles["model.safetensors"] as Uint8Array;

/** What is refused, and what it says. */
const files: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["nothing", new Uint8Array(), /ends after 0 bytes, expected at least 8/],
  ["seven bytes", new Uint8Array(7), /ends after 7 bytes, expected at least 8/],
  ["a header of no bytes", claiming(0n), /the header begins with nothing/],
  ["a header beyond the file", claiming(1000n, "{}"), /got a header length of 1000 bytes in a file of 10\./],
  ["a header of 100 MB in eight bytes", claiming(100_000_000n), /got a header length of 100000000 bytes in/],
  ["a header of 2^63 bytes", claiming(2n ** 63n, "{}"), /got a header length of 9223372036854775808 bytes/],
  ["a header of 2^64 - 1 bytes", claiming(2n ** 64n - 1n, "{}"), /length of 18446744073709551615 bytes/],
  ["a header cut off", good.subarray(0, 100), /got a header length of \d+ bytes in a file of 100\./],
  ["data cut off", good.subarray(0, good.length - 1), /It is cut off/],
  ["data appended", concat([good, Uint8Array.of(0)]), /Something was appended/],
  ["a header that is no JSON", safetensors('{"wte.weight":'), /not valid JSON: it ends too early, cut off/],
  ["a header that is a list", safetensors("[]"), /the header begins with byte 0x5b/],
  ["a header that is not UTF-8", claiming(2n, "{\0").with(9, 0xff), /the header is not UTF-8/],
  ["a BOM", safetensors("\ufeff{}"), /the header begins with byte 0xef/],
  [
    "lists nested 100,000 deep",
    safetensors(`{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}`),
    /a: got a list of 1/,
  ],
  [
    "objects nested 100,000 deep",
    safetensors(`${'{"a":'.repeat(1e5)}0${"}".repeat(1e5)}`),
    /a: got a key "a"/,
  ],
  ["brackets without an end", safetensors(`{"a":${"[".repeat(1e5)}`), /not valid JSON/],
  [
    "a shape nested",
    one(f32("[[[1]]]", "[0,4]"), 4),
    /wte\.weight: got shape \[a list of 1\], expected a list/,
  ],
  [
    "offsets that overlap",
    safetensors(`{"a":${f32("[2]", "[0,8]")},"b":${f32("[2]", "[4,12]")}}`, 12),
    /an overlap/,
  ],
  [
    "the same bytes twice",
    safetensors(`{"a":${f32("[2]", "[0,8]")},"b":${f32("[2]", "[0,8]")}}`, 8),
    /an overlap/,
  ],
  ["a hole", safetensors(`{"a":${f32("[2]", "[0,8]")},"b":${f32("[2]", "[12,20]")}}`, 20), /a hole/],
  ["a hole at the beginning", one(f32("[1]", "[4,8]"), 8), /got a beginning at byte 4, expected 0/],
  ["offsets beyond the file", one(f32("[1000]", "[0,4000]"), 4), /got 4 bytes of data, expected 4000/],
  ["offsets the wrong way round", one(f32("[1]", "[4,0]"), 4), /got data_offsets \[4, 0\]/],
  ["a negative offset", one(f32("[1]", "[-4,0]"), 4), /got data_offsets \[-4, 0\]/],
  ["offsets that are no integers", one(f32("[1]", "[0.5,4.5]"), 4), /got data_offsets \[0\.5, 4\.5\]/],
  ["offsets as texts", one(f32("[1]", '["0","4"]'), 4), /got data_offsets \["0", "4"\]/],
  ["offsets of 2^53", one(f32("[1]", "[0,9007199254740992]"), 4), /got data_offsets/],
  ["offsets of 1e400", one(f32("[1]", "[0,1e400]"), 4), /got data_offsets \[0, Infinity\]/],
  ["three offsets", one(f32("[1]", "[0,4,8]"), 4), /got data_offsets \[0, 4, 8\]/],
  [
    "a dtype that lies",
    one('{"dtype":"F16","shape":[2],"data_offsets":[0,8]}', 8),
    /got 8 bytes, expected 4 for F16/,
  ],
  ["an unknown dtype", one('{"dtype":"F128","shape":[1],"data_offsets":[0,16]}', 16), /got dtype "F128"/],
  [
    "a dtype of Object's",
    one('{"dtype":"constructor","shape":[1],"data_offsets":[0,4]}', 4),
    /got dtype "constr/,
  ],
  ["a dtype for others", one('{"dtype":"I64","shape":[1],"data_offsets":[0,8]}', 8), /got no|expected F32/],
  ["a shape whose product overflows", one(f32("[4294967296,4294967296]", "[0,0]")), /counted in bits/],
  ["a shape that overflows to 0", one(f32("[9007199254740991,2,0]", "[0,0]")), /counted in bits/],
  ["a negative shape", one(f32("[-1,-1]", "[0,4]"), 4), /got shape \[-1, -1\], expected a list of integers/],
  ["a broken shape", one(f32("[1.5]", "[0,6]"), 6), /got shape \[1\.5\]/],
  ["a shape of 1e308", one(f32("[1e308]", "[0,4]"), 4), /got shape \[1e\+308\]/],
  ["a shape that is a text", one(f32('"1"', "[0,4]"), 4), /got shape "1"/],
  ["a tensor that is null", one("null"), /wte\.weight: got null, expected an object/],
  ["a tensor without keys", one("{}"), /got dtype nothing/],
  ["a key too many", one('{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":0}', 4), /got a key "x"/],
  [
    "a name twice",
    safetensors(`{"a":${f32("[1]", "[0,4]")},"a":${f32("[1]", "[0,4]")}}`, 4),
    /names a key twice/,
  ],
  [
    "a key twice",
    one('{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}', 4),
    /names a key twice/,
  ],
  ["metadata that is a list", safetensors('{"__metadata__":[]}'), /__metadata__: got a list of 0/],
  ["metadata of numbers", safetensors('{"__metadata__":{"a":1}}'), /got 1 for a, expected a string/],
  [
    "metadata of prototypes",
    safetensors('{"__metadata__":{"__proto__":{"polluted":1}}}'),
    /for __proto__, expected/,
  ],
  [
    "a tensor __proto__",
    safetensors(`{"__proto__":${f32("[1]", "[0,4]")}}`, 4),
    /__proto__, which GPT-2 has no place/,
  ],
  [
    "a tensor constructor",
    safetensors(`{"constructor":${f32("[1]", "[0,4]")}}`, 4),
    /constructor, which GPT-2 has no/,
  ],
  [
    "a __proto__ to inherit",
    one('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
    /got a key/,
  ],
  [
    "a git-lfs pointer",
    new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\n"),
    /a git-lfs pointer/,
  ],
  ["an HTML page", new TextEncoder().encode("<!DOCTYPE html><title>404</title>"), /an HTML page/],
  ["a zip archive", claiming(0x04034b50n | (0xffffn << 32n), "archive/data.pkl"), /a zip archive/],
  [
    "a pickle",
    Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20),
    /expected at most 100000000/,
  ],
];

describe("a safetensors file is refused", () => {
  test.each(files)("%s", async (_name, bytes, message) => {
    await expectRefusal(load({ "model.safetensors": bytes }), message);
    // a stream tells no size before it ends
    await expectRefusal(load({ "model.safetensors": cutAt(bytes, [8]) }), /^model\.safetensors: /);
  });

  test.each([NaN, Number.POSITIVE_INFINITY])("%s among the weights", async (value) => {
    const [first, ...rest] = tinyTensors();
    const bytes = writeSafetensors([{ ...first, values: first.values.with(5, value) }, ...rest].map(store));
    await expectRefusal(
      load({ "model.safetensors": bytes }),
      new RegExp(`wte\\.weight: got ${value} at \\[1, 1\\]`),
    );
  });
});

describe("no room is made for what a file claims and does not hold", () => {
  test("a header", async () => {
    const stream = async function* () {
      yield claiming(100_000_000n, "{");
    };
    const largest = await largestAllocation(() =>
      expectRefusal(
        load({ "model.safetensors": stream() }),
        /the file ends after 1 of the header's 100000000 bytes/,
      ),
    );
    expect(largest).toBeLessThan(1e6);
  });

  test("a model: one of gigabytes beside a file of a kilobyte", async () => {
    const config = { ...tinyConfig, n_layer: 4096, n_embd: 4096, n_inner: 16384, n_positions: 1024 };
    let reserved = 0;
    const kernels: Kernels = { ...jsKernels, reserve: () => reserved++ };
    const files = { ...goodFiles, "config.json": new TextEncoder().encode(JSON.stringify(config)) };
    const largest = await largestAllocation(() =>
      expectRefusal(
        modelFromFiles(files as never, { kernels }),
        /config\.json says n_layer = 4096, the file has 2 layers/,
      ),
    );
    expect([largest < 1e5, reserved]).toEqual([true, 0]);
  });

  test("a matrix that no engine has room for: a MemoryError", () => {
    expect(() => jsKernels.matrix(2 ** 30, 2 ** 30)).toThrow(MemoryError);
    expect(() => jsKernels.matrix(2 ** 30, 2 ** 30)).toThrow(
      /^weights: got no 4398046511104 MiB of memory from the engine, expected room for one of them\. Close what/,
    );
  });

  test("a model in shards: room for those there are", async () => {
    const shards = { "1.safetensors": tinyTensors().slice(0, 8), "2.safetensors": tinyTensors().slice(8) };
    const weightMap = Object.entries(shards).flatMap(([file, held]) => held.map(({ name }) => [name, file]));
    const planned: number[] = [];
    const kernels: Kernels = { ...jsKernels, reserve: ({ matrices }) => void planned.push(matrices.length) };
    const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
    const write = (held: (typeof shards)["1.safetensors"]) => writeSafetensors(held.map(store));
    const all = {
      "config.json": encode(tinyConfig),
      "model.safetensors.index.json": encode({ weight_map: Object.fromEntries(weightMap) }),
      "1.safetensors": write(shards["1.safetensors"]),
    };
    await modelFromFiles({ ...all, "2.safetensors": write(shards["2.safetensors"]) }, { kernels });
    expect(planned).toEqual([4, 8]);
    await expectRefusal(
      modelFromFiles({ ...all, "2.safetensors": new Uint8Array(8) }, { kernels }),
      /begins with nothing/,
    );
    expect(planned).toEqual([4, 8, 4]);
  });
});
