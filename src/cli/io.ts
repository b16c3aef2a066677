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

/** The lines of stdin that are not empty. @throws ValueError unless it is UTF-8 */
export async function readLines(input: Io["stdin"]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of eachLine("stdin", input)) if (line !== "") lines.push(line);
  return lines;
}

/**
 * The lines of a UTF-8 stream, as they come; `\r\n` ends a line as `\n` does.
 *
 * @throws ValueError unless it is UTF-8
 */
export async function* eachLine(where: string, input: Io["stdin"]): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (chunk?: Uint8Array) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      throw new ValueError(
        `${where}: got bytes that are not UTF-8, expected UTF-8 text. Convert it first: iconv -t utf-8`,
      );
    }
  };
  let begun: string[] = []; // of the line that has not ended
  for await (const chunk of input) {
    const [first, ...rest] = (typeof chunk === "string" ? chunk : decode(chunk)).split("\n");
    begun.push(first);
    for (const next of rest) {
      yield begun.join("").replace(/\r$/, "");
      begun = [next];
    }
  }
  begun.push(decode());
  const last = begun.join("").replace(/\r$/, "");
  if (last !== "") yield last;
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
