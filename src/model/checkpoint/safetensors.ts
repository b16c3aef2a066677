import { CheckpointError } from "../../errors.ts";
import { type ByteReader, readAtMost } from "../files/byteReader.ts";
import { describe, impostor, isJsonObject, type JsonObject, parseJsonObject } from "../files/json.ts";
import { decodeUtf8 } from "../files/utf8.ts";
import { parseEntry, type TensorEntry } from "./tensorEntry.ts";

export interface SafetensorsHeader {
  /** In the order in which the file holds them. */
  readonly tensors: readonly TensorEntry[];
  readonly metadata: ReadonlyMap<string, string>;
  /** How many bytes of data follow the header. */
  readonly dataLength: number;
}

/** The limit of the format's own reader. */
const longestHeader = 100_000_000;

/**
 * Reads the header of a safetensors file and leaves the reader at the first byte of data. Everything that the
 * header claims is checked before any of it is used: the tensors tile the data exactly, without a hole, an
 * overlap or a byte left over, and each is as long as its shape and dtype say.
 *
 *   u64 length, little-endian | JSON of that length | data
 *
 * @throws CheckpointError naming the file, the tensor and the bytes
 * @see https://github.com/huggingface/safetensors#format
 */
export async function readHeader(reader: ByteReader): Promise<SafetensorsHeader> {
  const prefix = new Uint8Array(8);
  const prefixLength = await reader.read(prefix);
  const start = prefix.subarray(0, prefixLength);
  const length = headerLength(reader, start);

  const header = await readAtMost(reader, length);
  if (header.length < length) {
    throw refusal(
      reader,
      `the file ends after ${header.length} of the header's ${length} bytes`,
      "Download it again.",
    );
  }
  const dataLength = reader.size === undefined ? undefined : reader.size - 8 - length;
  const parsed = parseHeader(header, dataLength, reader.name);
  reader.size = 8 + length + parsed.dataLength;
  return parsed;
}

function headerLength(reader: ByteReader, start: Uint8Array): number {
  const other = impostor(start, reader.address);
  const wide = start.length === 8 ? new DataView(start.buffer).getBigUint64(0, true) : undefined;
  if (wide !== undefined && wide <= longestHeader) {
    const length = Number(wide);
    if (reader.size !== undefined && length > reader.size - 8) {
      throw refusal(
        reader,
        `got a header length of ${length} bytes in a file of ${reader.size}`,
        "It is cut off, or not a safetensors file.",
      );
    }
    return length;
  }
  if (other !== undefined) throw new CheckpointError(`${reader.name}: got ${other}`);
  if (wide === undefined) {
    throw refusal(
      reader,
      `the file ends after ${start.length} bytes, expected at least 8`,
      "Download it again.",
    );
  }
  throw refusal(
    reader,
    `got a header length of ${wide} bytes, expected at most ${longestHeader}`,
    "Is it a safetensors file?",
  );
}

/**
 * Checks a header's JSON, without the length before it.
 *
 * @param dataLength how many bytes follow it, where that is known
 * @throws CheckpointError as readHeader
 */
export function parseHeader(
  bytes: Uint8Array,
  dataLength: number | undefined,
  file: string,
): SafetensorsHeader {
  const json = headerObject(bytes, file);
  const tensors: TensorEntry[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  let members = 0;
  for (const [name, value] of Object.entries(json.value)) {
    if (name === "__metadata__") metadata = parseMetadata(value, file);
    else tensors.push(parseEntry(name, value, file));
    members += 1 + Object.keys(value as JsonObject).length;
  }
  if (countMembers(json.text) !== members) {
    throw new CheckpointError(
      `${file}: the header names a key twice, expected each once. Write the file again.`,
    );
  }
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  return { tensors, metadata, dataLength: expectTiling(tensors, dataLength, file) };
}

function headerObject(bytes: Uint8Array, file: string): { text: string; value: JsonObject } {
  if (bytes[0] !== 0x7b) {
    const first = bytes.length === 0 ? "nothing" : `byte 0x${bytes[0].toString(16).padStart(2, "0")}`;
    throw new CheckpointError(
      `${file}: the header begins with ${first}, expected "{". Is it a safetensors file?`,
    );
  }
  const text = decodeUtf8(bytes);
  if (text === null) throw new CheckpointError(`${file}: the header is not UTF-8. Download it again.`);
  return { text, value: parseJsonObject(text, `${file}: header`) };
}

function parseMetadata(value: unknown, file: string): ReadonlyMap<string, string> {
  if (!isJsonObject(value)) {
    throw new CheckpointError(
      `${file}: __metadata__: got ${describe(value)}, expected an object of strings.`,
    );
  }
  const metadata = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw new CheckpointError(
        `${file}: __metadata__: got ${describe(text)} for ${key}, expected a string.`,
      );
    }
    metadata.set(key, text);
  }
  return metadata;
}

/** @returns the end of the last tensor, which is the length of the data */
function expectTiling(tensors: readonly TensorEntry[], dataLength: number | undefined, file: string): number {
  let end = 0;
  let before = "the header";
  for (const tensor of tensors) {
    if (tensor.begin !== end) {
      const fault = tensor.begin > end ? "a hole" : "an overlap";
      throw new CheckpointError(
        `${file}: ${tensor.name}: got a beginning at byte ${tensor.begin}, expected ${end}, where ${before} ends: ` +
          `${fault}. The file is damaged.`,
      );
    }
    end = tensor.end;
    before = tensor.name;
  }
  if (dataLength !== undefined && dataLength !== end) {
    throw new CheckpointError(
      `${file}: got ${dataLength} bytes of data, expected ${end}, where ${before} ends. ` +
        (dataLength < end ? "It is cut off: download it again." : "Something was appended to it."),
    );
  }
  return end;
}

/** How many keys the objects of a JSON text have together: of equal ones JSON.parse keeps the last, and tells nobody. */
function countMembers(text: string): number {
  let members = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === 0x22) inString = !inString;
    else if (inString && char === 0x5c) i++;
    else if (!inString && char === 0x3a) members++;
  }
  return members;
}

function refusal(reader: ByteReader, got: string, remedy: string): CheckpointError {
  return new CheckpointError(`${reader.name}: ${got}. ${remedy}`);
}
