import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../../src/errors.ts";
import { vectors } from "../../../src/model/checkpoint/placement.ts";
import { readHeader } from "../../../src/model/checkpoint/safetensors.ts";
import { loadBuffers, tensorReader } from "../../../src/model/checkpoint/tensorReader.ts";
import { openSource, type Source } from "../../../src/model/files/byteSource.ts";
import { jsKernels } from "../../../src/tensor/index.ts";
import { tinyConfig } from "../../support/tinyModel.ts";
import {
  bits16Tensor,
  concat,
  cutAt,
  float32Tensor,
  withHeader,
  writeSafetensors,
} from "../../support/writeSafetensors.ts";

const header = async (file: Source) => readHeader(await openSource(file, "f.safetensors"));

/** Reads all of a file's tensors, each as one row. */
async function readAll(file: Source): Promise<Map<string, Float32Array>> {
  const reader = await openSource(file, "f.safetensors");
  const { tensors } = await readHeader(reader);
  const values = tensorReader(reader, loadBuffers(jsKernels, tinyConfig));
  const all = new Map<string, Float32Array>();
  for (const entry of tensors) {
    const cols = entry.shape.reduce((product, size) => product * size, 1);
    const weight = new Float32Array(cols);
    await values.read(entry, vectors([weight]));
    all.set(entry.name, weight);
  }
  await values.expectEnd();
  return all;
}

const example = writeSafetensors(
  [
    float32Tensor("a", [2, 3], [1, 2, 3, 4, 5, 6]),
    float32Tensor("b", [], [7]),
    float32Tensor("none", [0, 4], []),
  ],
  { metadata: { format: "pt" } },
);

describe("readHeader reads", () => {
  test("names, dtypes, shapes and bytes, in the order of the bytes", async () => {
    const read = await header(example);
    expect(read.tensors).toEqual([
      { name: "a", dtype: "F32", shape: [2, 3], begin: 0, end: 24 },
      { name: "b", dtype: "F32", shape: [], begin: 24, end: 28 },
      { name: "none", dtype: "F32", shape: [0, 4], begin: 28, end: 28 },
    ]);
    expect([...read.metadata]).toEqual([["format", "pt"]]);
    expect(read.dataLength).toBe(28);
  });

  test("a header whose order is not that of the bytes, with an empty tensor between", async () => {
    const json =
      '{"z":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"y":{"shape":[0],"data_offsets":[1,1],"dtype":"I64"},' +
      '"x":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}';
    const read = await header(withHeader(json, new Uint8Array(3)));
    expect(read.tensors.map(({ name }) => name)).toEqual(["x", "y", "z"]);
  });

  test("no tensors", async () => {
    expect((await header(withHeader("{}"))).tensors).toEqual([]);
  });

  test.each([0, 1, 2, 3, 5])(
    "a header padded by %i, so that the data are aligned or not",
    async (padding) => {
      const all = await readAll(writeSafetensors([float32Tensor("a", [2], [1, 2])], { padding }));
      expect([...all.get("a")!]).toEqual([1, 2]);
    },
  );

  test("names that every object has, without harm", async () => {
    const names = ["__proto__", "constructor", "toString"];
    const file = writeSafetensors(names.map((name, i) => float32Tensor(name, [1], [i])));
    expect([...(await readAll(file))].map(([name, values]) => [name, values[0]])).toEqual([
      ["__proto__", 0],
      ["constructor", 1],
      ["toString", 2],
    ]);
    expect(({} as { dtype?: unknown }).dtype).toBeUndefined();
  });

  test("colons and quotes in names", async () => {
    const names = ['a:"b', "c\\", '\\":', "é:"];
    const file = writeSafetensors(names.map((name) => float32Tensor(name, [1], [1])));
    expect((await header(file)).tensors.map(({ name }) => name)).toEqual(names);
  });

  test.each([
    ["F4", 4],
    ["F6_E2M3", 3],
    ["BOOL", 8],
    ["F8_E4M3", 8],
    ["I16", 16],
    ["BF16", 16],
    ["U32", 32],
    ["C64", 64],
    ["F64", 64],
  ])("dtype %s of %i bytes for 8 elements", async (dtype, bytes) => {
    const length = dtype === "F6_E2M3" ? 6 : dtype === "F4" ? 4 : bytes;
    const file = writeSafetensors([{ name: "t", dtype, shape: [8], bytes: new Uint8Array(length) }]);
    expect((await header(file)).dataLength).toBe(length);
  });
});

describe("readHeader refuses", () => {
  const entry = (changes: object) =>
    withHeader(
      JSON.stringify({ t: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...changes } }),
      new Uint8Array(8),
    );
  const length = (value: bigint) => {
    const file = example.slice();
    new DataView(file.buffer).setBigUint64(0, value, true);
    return file;
  };
  const text = (string: string) => new TextEncoder().encode(string);
  const pair = (a: object, b: object, bytes: number) =>
    withHeader(JSON.stringify({ a: { dtype: "U8", ...a }, b: { dtype: "U8", ...b } }), new Uint8Array(bytes));

  test.each<[string, Uint8Array, string]>([
    [
      "an empty file",
      new Uint8Array(),
      "the file ends after 0 bytes, expected at least 8. Download it again.",
    ],
    [
      "a file of 7 bytes",
      new Uint8Array(7),
      "the file ends after 7 bytes, expected at least 8. Download it again.",
    ],
    [
      "a header longer than the file",
      length(1000n),
      `got a header length of 1000 bytes in a file of ${example.length}. It is cut off, or not a safetensors file.`,
    ],
    [
      "a header longer than the format allows",
      length(100_000_001n),
      "got a header length of 100000001 bytes, expected at most 100000000. Is it a safetensors file?",
    ],
    [
      "a header length in the high word alone",
      length(1n << 32n),
      "got a header length of 4294967296 bytes, expected at most 100000000. Is it a safetensors file?",
    ],
    [
      "a header length with the top bit set",
      length(1n << 63n),
      "got a header length of 9223372036854775808 bytes, expected at most 100000000. Is it a safetensors file?",
    ],
    [
      "an HTML page",
      text("<!doctype html><html></html>"),
      "got an HTML page (its first byte is '<'). Check the address it came from.",
    ],
    [
      "a git-lfs pointer",
      text("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"),
      "got a git-lfs pointer. Download the file itself: git lfs pull.",
    ],
    [
      "a file of torch.save",
      text("PK\x03\x04\x00\x00\x08\x08 archive/data.pkl"),
      "got a zip archive, as torch.save writes. Convert it to safetensors.",
    ],
    [
      "an empty header",
      withHeader(""),
      'the header begins with nothing, expected "{". Is it a safetensors file?',
    ],
    [
      "a header that begins with a space",
      withHeader(" {}"),
      'the header begins with byte 0x20, expected "{". Is it a safetensors file?',
    ],
    [
      "a header that is a list",
      withHeader("[]"),
      'the header begins with byte 0x5b, expected "{". Is it a safetensors file?',
    ],
    [
      "a byte order mark",
      withHeader("\ufeff{}"),
      'the header begins with byte 0xef, expected "{". Is it a safetensors file?',
    ],
    [
      "a header that is not UTF-8",
      withHeader(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)),
      "the header is not UTF-8. Download it again.",
    ],
    [
      "a tensor named twice",
      withHeader(
        '{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        new Uint8Array(1),
      ),
      "the header names a key twice, expected each once. Write the file again.",
    ],
    [
      "a key of a tensor given twice",
      withHeader('{"t":{"dtype":"F32","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', new Uint8Array(1)),
      "the header names a key twice, expected each once. Write the file again.",
    ],
    [
      "metadata that is no object",
      withHeader('{"__metadata__":[]}'),
      "__metadata__: got a list of 0, expected an object of strings.",
    ],
    [
      "metadata that is no text",
      withHeader('{"__metadata__":{"a":1}}'),
      "__metadata__: got 1 for a, expected a string.",
    ],
    [
      "an entry that is no object",
      withHeader('{"t":null}'),
      "t: got null, expected an object of dtype, shape and data_offsets. The file is damaged.",
    ],
    [
      "a strange key",
      entry({ strides: [1] }),
      't: got a key "strides", expected dtype, shape and data_offsets. The file is damaged.',
    ],
    [
      "an unknown dtype",
      entry({ dtype: "F31" }),
      't: got dtype "F31", expected one of F4, F6_E2M3, F6_E3M2, BOOL, U8, I8, F8_E5M2, F8_E4M3, F8_E8M0, F8_E5M2FNUZ, ' +
        "F8_E4M3FNUZ, I16, U16, F16, BF16, I32, U32, F32, I64, U64, F64, C64. The file is damaged.",
    ],
    [
      "a missing dtype",
      entry({ dtype: undefined }),
      "t: got dtype nothing, expected one of F4, F6_E2M3, F6_E3M2, BOOL, U8, I8, F8_E5M2, F8_E4M3, F8_E8M0, F8_E5M2FNUZ, " +
        "F8_E4M3FNUZ, I16, U16, F16, BF16, I32, U32, F32, I64, U64, F64, C64. The file is damaged.",
    ],
    [
      "a shape that is no list",
      entry({ shape: 2 }),
      "t: got shape 2, expected a list of integers, none below 0. The file is damaged.",
    ],
    [
      "a negative size",
      entry({ shape: [-2] }),
      "t: got shape [-2], expected a list of integers, none below 0. The file is damaged.",
    ],
    [
      "a fractional size",
      entry({ shape: [0.5, 4] }),
      "t: got shape [0.5, 4], expected a list of integers, none below 0. The file is damaged.",
    ],
    [
      "a size beyond the integers",
      entry({ shape: [2 ** 53] }),
      "t: got shape [9007199254740992], expected a list of integers, none below 0. The file is damaged.",
    ],
    [
      "a product beyond the integers",
      entry({ shape: [2 ** 30, 2 ** 30, 0] }),
      "t: got shape [1073741824, 1073741824, 0], expected a size that can be counted in bits. The file is damaged.",
    ],
    [
      "three offsets",
      entry({ data_offsets: [0, 4, 8] }),
      "t: got data_offsets [0, 4, 8], expected [begin, end], two integers, 0 ≤ begin ≤ end. The file is damaged.",
    ],
    [
      "offsets that are no integers",
      entry({ data_offsets: ["0", 8] }),
      't: got data_offsets ["0", 8], expected [begin, end], two integers, 0 ≤ begin ≤ end. The file is damaged.',
    ],
    [
      "a negative offset",
      entry({ data_offsets: [-8, 0] }),
      "t: got data_offsets [-8, 0], expected [begin, end], two integers, 0 ≤ begin ≤ end. The file is damaged.",
    ],
    [
      "an end before its beginning",
      entry({ data_offsets: [8, 0] }),
      "t: got data_offsets [8, 0], expected [begin, end], two integers, 0 ≤ begin ≤ end. The file is damaged.",
    ],
    [
      "bytes that the shape does not account for",
      entry({ shape: [3] }),
      "t: got 8 bytes, expected 12 for F32 [3]. The file is damaged.",
    ],
    [
      "half a byte",
      withHeader('{"t":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}', new Uint8Array(2)),
      "t: got 2 bytes, expected 1.5 for F4 [3]. The file is damaged.",
    ],
    [
      "a hole before the first tensor",
      withHeader('{"t":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', new Uint8Array(2)),
      "t: got a beginning at byte 1, expected 0, where the header ends: a hole. The file is damaged.",
    ],
    [
      "a hole between two",
      pair({ shape: [1], data_offsets: [0, 1] }, { shape: [1], data_offsets: [2, 3] }, 3),
      "b: got a beginning at byte 2, expected 1, where a ends: a hole. The file is damaged.",
    ],
    [
      "an overlap",
      pair({ shape: [2], data_offsets: [0, 2] }, { shape: [2], data_offsets: [1, 3] }, 3),
      "b: got a beginning at byte 1, expected 2, where a ends: an overlap. The file is damaged.",
    ],
    [
      "an overlap within one byte range",
      pair({ shape: [2], data_offsets: [0, 2] }, { shape: [2], data_offsets: [0, 2] }, 2),
      "b: got a beginning at byte 0, expected 2, where a ends: an overlap. The file is damaged.",
    ],
    [
      "data that end too early",
      example.slice(0, -4),
      "got 24 bytes of data, expected 28, where none ends. It is cut off: download it again.",
    ],
    [
      "data that go on",
      concat([example, new Uint8Array(1)]),
      "got 29 bytes of data, expected 28, where none ends. Something was appended to it.",
    ],
  ])("%s", async (_rule, file, message) => {
    await expect(header(file)).rejects.toThrow(message);
    await expect(header(file)).rejects.toThrow(CheckpointError);
    await expect(header(file)).rejects.toThrow(/^f\.safetensors: /);
    // A stream does not know its size: what the header alone does not tell is seen while reading.
    await expect(
      readAll(
        cutAt(
          file,
          [3, 9].filter((place) => place < file.length),
        ),
      ),
    ).rejects.toThrow(CheckpointError);
  });

  test("a header that is not JSON", async () => {
    await expect(header(withHeader("{,}"))).rejects.toThrow(
      /^f\.safetensors: header: not valid JSON \(.*\)\. Download it again\.$/s,
    );
  });
});

describe("a stream that does not know its size", () => {
  const stream = (bytes: Uint8Array) => readAll(cutAt(bytes, [10]));

  test("cut off in the header", async () => {
    await expect(stream(example.slice(0, 20))).rejects.toThrow(
      /^f\.safetensors: the file ends after 12 of the header's \d+ bytes\. Download it again\.$/,
    );
  });

  test("cut off in a tensor", async () => {
    const file = writeSafetensors([float32Tensor("a", [4], [1, 2, 3, 4]), float32Tensor("b", [2], [5, 6])]);
    await expect(stream(file.slice(0, -3))).rejects.toThrow(
      new CheckpointError(
        "f.safetensors: b: the file ends after 5 of the tensor's 8 bytes, 3 too few. Download it again.",
      ),
    );
  });

  test("with something appended", async () => {
    const more = concat([example, new Uint8Array(5)]);
    await expect(stream(more)).rejects.toThrow(
      `f.safetensors: got more bytes after byte ${example.length}, where the last tensor ends. Something was appended to it.`,
    );
  });
});

describe("a row longer than one read", () => {
  const bits = Array.from({ length: 150_000 }, (_, i) => i % 0x7c00);
  const file = writeSafetensors([bits16Tensor("t", "F16", [1, 150_000], bits)]);
  const readParts = async (source: Source) => {
    const reader = await openSource(source, "f.safetensors");
    const [entry] = (await readHeader(reader)).tensors;
    const parts = [new Float32Array(75_000), new Float32Array(75_000)];
    await tensorReader(reader, loadBuffers(jsKernels, tinyConfig)).read(entry!, vectors(parts));
    return parts;
  };

  test("is split all the same", async () => {
    const [first, second] = await readParts(file);
    const whole = (await readAll(file)).get("t")!;
    expect(first).toEqual(whole.slice(0, 75_000));
    expect(second).toEqual(whole.slice(75_000));
  });

  test("and a file that ends within it says where", async () => {
    await expect(readParts(cutAt(file.slice(0, -10), []))).rejects.toThrow(
      "f.safetensors: t: the file ends after 299990 of the tensor's 300000 bytes, 10 too few. Download it again.",
    );
  });
});

describe("16-bit floats", () => {
  const all = Array.from({ length: 65_536 }, (_, bits) => bits);
  const finite = (exponentBits: number, mantissaBits: number) =>
    all.filter((bits) => ((bits >> mantissaBits) & (2 ** exponentBits - 1)) !== 2 ** exponentBits - 1);

  /** (−1)^s 2^(e − bias) 1.m, or 0.m at the lowest exponent: IEEE 754's formula in float64. */
  function formula(bits: number, exponentBits: number, mantissaBits: number): number {
    const sign = bits >> 15 === 1 ? -1 : 1;
    const exponent = (bits >> mantissaBits) & (2 ** exponentBits - 1);
    const fraction = (bits & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
    const bias = 2 ** (exponentBits - 1) - 1;
    return exponent === 0
      ? sign * 2 ** (1 - bias) * fraction
      : sign * 2 ** (exponent - bias) * (1 + fraction);
  }

  test.each([
    ["F16", 5, 10],
    ["BF16", 8, 7],
  ])("every finite %s is read exactly", async (dtype, exponentBits, mantissaBits) => {
    const bits = finite(exponentBits, mantissaBits);
    const read = (await readAll(writeSafetensors([bits16Tensor("t", dtype, [bits.length], bits)]))).get("t")!;
    const wrong = bits.filter((half, i) => !Object.is(read[i], formula(half, exponentBits, mantissaBits)));
    expect(wrong).toEqual([]);
  });
});

test("random damage to a file gives a load or a CheckpointError, and nothing else", async () => {
  const length = new DataView(example.buffer).getUint32(0, true) + 8;
  const flip = fc.record({
    at: fc.integer({ min: 0, max: length - 1 }),
    byte: fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(...new TextEncoder().encode('{}[]":,\\0123456789eE-. ')),
    ),
  });
  const damage = fc.record({
    flips: fc.array(flip, { maxLength: 6 }),
    keep: fc.oneof(
      { weight: 3, arbitrary: fc.constant(example.length) },
      fc.integer({ min: 0, max: example.length }),
    ),
    streamed: fc.boolean(),
  });
  let loads = 0;
  let refusals = 0;
  await fc.assert(
    fc.asyncProperty(damage, async ({ flips, keep, streamed }) => {
      const file = example.slice();
      for (const { at, byte } of flips) file[at] = byte;
      const cut = file.slice(0, keep);
      try {
        await readAll(streamed ? cutAt(cut, []) : cut);
        loads++;
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
        refusals++;
      }
    }),
    { numRuns: 4000 },
  );
  expect(Math.min(loads, refusals)).toBeGreaterThan(100); // both ends are reached
});
