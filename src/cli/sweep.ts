/// <reference types="node" />
import { createReadStream } from "node:fs";
import {
  type AttributeAllOptions,
  type AttributionResult,
  attributeAtPace,
  fastestPace,
} from "../dla/index.ts";
import { ValueError } from "../errors.ts";
import type { Gpt2 } from "../model/index.ts";
import { csvHeader, csvLines, ndjsonLines } from "../report/index.ts";
import type { Arguments } from "./args.ts";
import { ClosedOutput, eachLine, type Io, notUtf8 } from "./io.ts";
import { csvTo } from "./print.ts";
import { type Line, readRecord } from "./record.ts";
import { detailOf, namingSeveral } from "./records.ts";
import { wholeWriter } from "./wholeWrites.ts";

type Fail = (line: number, message: string) => Promise<void>;

/**
 * Attributes the records of `--input`, in constant memory: a record's output is written before the next are read. One that
 * is at fault is told of and passed over. A record's own options go over the command's.
 *
 * @returns the exit code: 0, also of no record; 1 where all are at fault, 3 where some are
 * @throws Error where the output cannot be written; it says which record is the last that is
 */
export async function sweep(
  model: Gpt2,
  args: Arguments & { readonly input: string },
  io: Io,
  tell: (line: string) => Promise<void>,
): Promise<number> {
  const { input, format, unit, pos, bos, rawWeights, answers, wrongs } = args;
  const counts = { done: 0, failed: 0 };
  const fail: Fail = async (line, message) => {
    counts.failed++;
    await tell(`logitscope: line ${line}: ${message}`);
  };
  const options: AttributeAllOptions = {
    ...{ unit, pos, answer: answers[0], wrong: wrongs[0] },
    ...{ allowRawWeights: rawWeights, prependBos: bos ? undefined : false },
    ...{ ...detailOf(args), onError: "skip" },
  };
  const put = lineWriter(io);
  const records = readRecords(input, io, fail);
  if (format === "csv") await put(csvHeader);
  for await (const { record, result, error } of attributeAtPace(model, records, options, fastestPace)) {
    const { line } = record.meta;
    if (error) {
      const told = error.message.replace(/^attributeAll: record \d+: /, "");
      await fail(line, withRemedy(told, record, options));
      continue;
    }
    const { id, index } = record.meta;
    await put(
      format === "csv"
        ? csvTo(io.stdout, csvLines(result, { header: false, record: index, id }))
        : marked(result, record.meta),
      line,
    );
    counts.done++;
  }
  if (counts.failed > 0) {
    await tell(`note: ${counts.done} of ${counts.done + counts.failed} records attributed`);
    return counts.done > 0 ? 3 : 1;
  }
  if (counts.done === 0)
    await tell(`note: ${input === "-" ? "stdin" : input} has no record: nothing to attribute`);
  return 0;
}

/** The message for an answer that is a text of several tokens, with the way to give them. */
function withRemedy(told: string, record: Line, shared: AttributeAllOptions): string {
  const key = told.startsWith("wrong") ? "wrong" : "answer";
  const text = record[key] ?? shared[key];
  return typeof text === "string" ? namingSeveral(told, `"${key}": ${JSON.stringify({ text })}`) : told;
}

/** The lines of a record's result; its own line's number and id come first. */
function marked(result: AttributionResult, { line, id }: Line["meta"]): string {
  const mark = id === undefined ? "" : `"id":${id},`;
  const lines = ndjsonLines(result, { line }).split("\n").slice(0, -1);
  const first = `{"line":${line},`;
  return lines.map((text) => `${first}${mark}${text.slice(first.length)}\n`).join("");
}

/** A writer of the output of one line after another. @throws Error where it cannot, with the last line that it could */
function lineWriter(io: Io): (text: string, line?: number) => Promise<void> {
  const write = wholeWriter(io.stdout);
  let last: number | undefined;
  return async (text, line) => {
    try {
      await write(text);
      last = line;
    } catch (error) {
      if (error instanceof ClosedOutput) throw error;
      const what = line === undefined ? "the header" : `line ${line}'s rows`;
      const rest =
        last === undefined
          ? "No record is written."
          : `Line ${last} is the last one written whole: go on after it.`;
      throw new Error(`stdout: got ${(error as Error).message}, expected to write ${what}. ${rest}`, {
        cause: error,
      });
    }
  };
}

async function* readRecords(input: string, io: Io, fail: Fail): AsyncGenerator<Line> {
  let line = 0;
  let count = 0;
  for await (const text of eachLine(input === "-" ? io.stdin : bytesOf(input))) {
    line++;
    if (text?.trim() === "") continue;
    const index = count++;
    try {
      if (text === null) throw new ValueError(notUtf8);
      yield readRecord(text, line, index);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      await fail(line, error.message);
    }
  }
}

/** @throws ValueError when the file cannot be read */
async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 2 ** 18 });
  } catch (error) {
    throw new ValueError(`--input: ${path} could not be read: ${(error as Error).message}`, { cause: error });
  }
}
