import { CheckpointError } from "../../errors.ts";
import { openSource, type Source } from "./byteSource.ts";

const lfsPointer = "version https://git-lfs";

/**
 * What a file's first bytes say it is, when they are known for something else than a model's file:
 * what comes back for a wrong address, or from a repository cloned without its large files.
 */
export function impostor(start: Uint8Array): string | undefined {
  const text = String.fromCharCode(...start.subarray(0, 64)).trimStart();
  if (/^<[a-z!?]/i.test(text)) return "an HTML page (its first byte is '<'). Check the address it came from.";
  if (text.length >= 8 && lfsPointer.startsWith(text.slice(0, lfsPointer.length)))
    return "a git-lfs pointer. Download the file itself: git lfs pull.";
  if (text.startsWith("PK\x03\x04")) return "a zip archive, as torch.save writes. Convert it to safetensors.";
  return undefined;
}

/**
 * Reads a whole text file.
 *
 * @throws CheckpointError when it is not UTF-8, or not the file it should be
 */
export async function readText(source: Source, name: string, signal?: AbortSignal): Promise<string> {
  const bytes = await readAll(source, name, signal);
  const other = impostor(bytes);
  if (other !== undefined) throw new CheckpointError(`${name}: got ${other}`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CheckpointError(`${name}: its bytes are not UTF-8 text. Download it again.`, { cause: error });
  }
}

async function readAll(source: Source, name: string, signal?: AbortSignal): Promise<Uint8Array> {
  const reader = await openSource(source, name, signal);
  try {
    let bytes = new Uint8Array((reader.size ?? 65_535) + 1); // one more, to see that the end is the end
    for (;;) {
      const wanted = bytes.length - reader.position;
      if ((await reader.read(bytes.subarray(reader.position))) < wanted) {
        return bytes.subarray(0, reader.position);
      }
      const longer = new Uint8Array(2 * bytes.length);
      longer.set(bytes);
      bytes = longer;
    }
  } finally {
    await reader.close();
  }
}

/** An object of a JSON file: own keys only, of any name. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws CheckpointError unless the text is one JSON object */
export function parseJsonObject(text: string, name: string): JsonObject {
  const trimmed = text.trim();
  if (trimmed.startsWith("<")) {
    throw new CheckpointError(
      `${name}: got an HTML page (its first byte is '<'). Check the address it came from.`,
    );
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

/** A JSON value for a message: short, and with its type plain to see. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
