import { ValueError } from "../errors.ts";

/** What the command talks to: the process's streams, or a test's. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A stream to write to. */
export interface Output {
  write(text: string, callback: (error?: Error | null) => void): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  /** The file descriptor, of a process's stream. */
  readonly fd?: number | undefined;
}

/** Whoever read our output has closed it. */
export class ClosedOutput extends Error {
  override name = "ClosedOutput";
}

/**
 * Writes, and waits until it is written.
 *
 * @throws ClosedOutput where the reader has gone (`logitscope | head -1`)
 */
export function write(output: Output, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(text, (error) => {
      if (!error) resolve();
      else reject((error as { code?: string }).code === "EPIPE" ? new ClosedOutput() : error);
    });
  });
}

/** Whether to colour what goes to `output`: `--color`, then FORCE_COLOR, then NO_COLOR, as in Node; else on a terminal. */
export function wantsColor(when: "auto" | "always" | "never", output: Output, env: Io["env"]): boolean {
  if (when !== "auto") return when === "always";
  if (env.FORCE_COLOR !== undefined) return !["0", "false"].includes(env.FORCE_COLOR);
  if (env.NO_COLOR) return false;
  return output.isTTY === true && env.TERM !== "dumb";
}

/** The columns to lay out for: the terminal's, as far as lines are easy to read; for a file or pipe COLUMNS, or 80. */
export function widthOf(output: Output, env: Io["env"]): number {
  if (output.isTTY && output.columns) return Math.min(output.columns, 120);
  const columns = env.COLUMNS ?? "";
  return /^[1-9]\d{0,3}$/.test(columns) ? Number(columns) : 80;
}

/** The message for bytes that are no text. */
export const notUtf8 = "got bytes that are not UTF-8, expected UTF-8 text. Convert it first: iconv -t utf-8";

/** The lines of stdin that are not empty. @throws ValueError unless it is UTF-8 */
export async function readLines(input: Io["stdin"]): Promise<string[]> {
  const lines: string[] = [];
  let count = 0;
  for await (const line of eachLine(input)) {
    count++;
    if (line === null) throw new ValueError(`stdin: line ${count}: ${notUtf8}`);
    if (line !== "") lines.push(line);
  }
  return lines;
}

/**
 * The lines of a UTF-8 stream, as they come; null for one that is not UTF-8. `\r\n` ends a line as `\n` does. A byte-order mark
 * is left out at the start of any line: files put together have theirs within.
 */
export async function* eachLine(input: Io["stdin"]): AsyncGenerator<string | null> {
  let begun: Uint8Array[] = []; // of the line that has not ended
  for await (const chunk of input) {
    const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
    let first = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, first)) {
      begun.push(bytes.subarray(first, end));
      yield decode(begun);
      begun = [];
      first = end + 1;
    }
    if (first < bytes.length) begun.push(bytes.slice(first)); // a copy: whoever gave the chunk may use it again
  }
  const last = decode(begun);
  if (last !== "") yield last;
}

const newline = 0x0a;

function decode(pieces: readonly Uint8Array[]): string | null {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r$/, "");
  } catch {
    return null;
  }
}

/** JSON leaves some characters that a terminal acts upon: they are escaped as the others are. */
export function escapeControls(json: string): string {
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) =>
    Array.from(
      { length: char.length },
      (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}
