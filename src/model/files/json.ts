import { CheckpointError, describe } from "../../errors.ts";
import { type ByteReader, readAtMost } from "./byteReader.ts";
import { type OpenOptions, openSource, type Source } from "./byteSource.ts";
import { decodeUtf8 } from "./utf8.ts";

export { describe };

/** Of a text file, in bytes: far beyond any tokenizer's, and small enough that what it parses to fits into memory. */
const longestText = 2 ** 26;
const lfsPointer = "version https://git-lfs";

/**
 * What a file's first bytes say it is, when they are known for something else than a model's file:
 * what comes back for a wrong address, or from a repository cloned without its large files.
 */
export function impostor(start: Uint8Array, address?: string): string | undefined {
  const text = String.fromCharCode(...start.subarray(0, 64)).trimStart();
  if (/^<[a-z!?]/i.test(text)) return htmlPage(address);
  if (text.length >= 8 && lfsPointer.startsWith(text.slice(0, lfsPointer.length)))
    return "a git-lfs pointer. Download the file itself: git lfs pull.";
  if (text.startsWith("PK\x03\x04")) return "a zip archive, as torch.save writes. Convert it to safetensors.";
  return undefined;
}

function htmlPage(address: string | undefined): string {
  const page = "an HTML page (its first byte is '<')";
  if (address === undefined) return `${page}. Check the address it came from.`;
  return `${page} from ${address}. Check the address: some servers answer so where there is no such file.`;
}

/**
 * Reads a whole text file.
 *
 * @throws CheckpointError when it is too long or not UTF-8, or not the file it should be
 */
export async function readText(source: Source, name: string, options: OpenOptions = {}): Promise<string> {
  const reader = await openSource(source, name, options);
  const bytes = await readAll(reader).finally(() => reader.close());
  const other = impostor(bytes, reader.address);
  if (other !== undefined) throw new CheckpointError(`${name}: got ${other}`);
  const text = decodeUtf8(bytes);
  if (text === null) throw new CheckpointError(`${name}: its bytes are not UTF-8 text. Download it again.`);
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

async function readAll(reader: ByteReader): Promise<Uint8Array> {
  const size = reader.size ?? 0;
  const bytes = size > longestText ? undefined : await readAtMost(reader, longestText + 1);
  if (bytes !== undefined && bytes.length <= longestText) return bytes;
  throw new CheckpointError(
    `${reader.name}: got ${size || "more"} bytes, expected at most ${longestText}. Is it the right file?`,
  );
}

/** An object of a JSON file: own keys only, of any name. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws CheckpointError unless the text is one JSON object */
export function parseJsonObject(text: string, name: string): JsonObject {
  if (typeof text !== "string") {
    throw new CheckpointError(`${name}: got ${describe(text)}, expected the file's text. Read it as UTF-8.`);
  }
  const trimmed = text.trim();
  if (trimmed.startsWith("<")) {
    throw new CheckpointError(`${name}: got ${htmlPage(undefined)}`);
  }
  if (trimmed === "") throw new CheckpointError(`${name}: the file is empty. Download it again.`);
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const cut = trimmed.startsWith("{") && !trimmed.endsWith("}") ? ": it ends too early, cut off" : "";
    throw new CheckpointError(`${name}: not valid JSON${cut} (${reason}). Download it again.`, {
      cause: error,
    });
  }
  if (!isJsonObject(value)) {
    throw new CheckpointError(`${name}: got ${describe(value)}, expected a JSON object.`);
  }
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
