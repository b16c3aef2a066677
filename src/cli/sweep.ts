/// <reference types="node" />
import { createReadStream } from "node:fs";
import { type AttributeAllOptions, type AttributionRecord, attributeAll } from "../dla/index.ts";
import { editDistance, ValueError } from "../errors.ts";
import { describeValue, type Gpt2 } from "../model/index.ts";
import { csvHeader, toCsv, toNdjson } from "../report/index.ts";
import type { Arguments } from "./args.ts";
import { eachLine, type Io, write } from "./io.ts";
import { csvTo } from "./print.ts";
import { detailOf } from "./records.ts";

/** A line of the input: `{ "prompt" | "tokens", "answer", "wrong"?, "id"? }`. */
interface Line extends AttributionRecord {
  /** From 1. */
  readonly line: number;
  /** Its number among the lines that are not blank, from 0. */
  readonly index: number;
  /** Whatever the line says; the output's lines carry it. */
  readonly id: unknown;
}

/** Of "answer" and "wrong" those that records need not have. */
type Given = ReadonlySet<string>;

/**
 * Attributes the records of `--input`, in constant memory: a record's output is written before the next are read. One that
 * is at fault is told of and passed over.
 *
 * @returns the exit code: 0, 1 where no record was attributed, 3 where some were not
 */
export async function sweep(
  model: Gpt2,
  args: Arguments & { readonly input: string },
  io: Io,
  tell: (line: string) => Promise<void>,
): Promise<number> {
  const { input, format, unit, pos, bos, rawWeights, answers, wrongs } = args;
  const counts = { done: 0, failed: 0 };
  const fail = async (line: number, message: string) => {
    counts.failed++;
    await tell(`logitscope: line ${line}: ${message}`);
  };
  const options: AttributeAllOptions = {
    ...{ unit, pos, answer: answers[0], wrong: wrongs[0] },
    ...{ allowRawWeights: rawWeights, prependBos: bos ? undefined : false },
    ...{ ...detailOf(args), onError: "skip" },
  };
  const given = new Set([...(answers.length > 0 ? ["answer"] : []), ...(wrongs.length > 0 ? ["wrong"] : [])]);
  const records = readRecords(input, io, given, fail);
  if (format === "csv") await write(io.stdout, csvHeader);
  for await (const { record, result, error } of attributeAll(model, records, options)) {
    if (error) {
      await fail(record.line, error.message.replace(/^attributeAll: record \d+: /, ""));
      continue;
    }
    counts.done++;
    const { line, index, id } = record;
    const of = { header: false, record: index, id: id === undefined ? undefined : JSON.stringify(id) };
    const mark = { line, ...(id === undefined ? {} : { id }) };
    await write(io.stdout, format === "csv" ? csvTo(io.stdout, toCsv(result, of)) : toNdjson(result, mark));
  }
  if (counts.failed > 0) {
    await tell(`note: ${counts.done} of ${counts.done + counts.failed} records attributed`);
  }
  if (counts.done > 0) return counts.failed > 0 ? 3 : 0;
  if (counts.failed === 0) await tell(`logitscope: ${input}: got no record, expected one a line`);
  return 1;
}

async function* readRecords(
  input: string,
  io: Io,
  given: Given,
  fail: (line: number, message: string) => Promise<void>,
): AsyncGenerator<Line> {
  const name = input === "-" ? "stdin" : input;
  let line = 0;
  let index = 0;
  for await (const text of eachLine(name, input === "-" ? io.stdin : bytesOf(input))) {
    line++;
    if (text.trim() === "") continue;
    try {
      yield readRecord(text, line, index++, given);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      await fail(line, error.message);
    }
  }
}

/** @throws ValueError when the file cannot be read */
async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path);
  } catch (error) {
    throw new ValueError(`--input: ${path} could not be read: ${(error as Error).message}`, { cause: error });
  }
}

function readRecord(text: string, line: number, index: number, given: Given): Line {
  const record = parse(text);
  const { prompt, tokens, answer, wrong, id } = record;
  expectSpelt(record, given);
  if ((prompt === undefined) === (tokens === undefined)) {
    throw new ValueError('got a record with both or neither of "prompt" and "tokens", expected one of them');
  }
  if (prompt !== undefined && typeof prompt !== "string") {
    throw new ValueError(`prompt: got ${describeValue(prompt)}, expected a text. Ids are given as "tokens".`);
  }
  for (const [key, token] of Object.entries({ answer, wrong })) {
    const isForm = typeof token === "object" && token !== null && !Array.isArray(token);
    if (token === undefined || typeof token === "string" || typeof token === "number" || isForm) continue;
    throw new ValueError(
      `${key}: got ${describeValue(token)}, expected a token as text or id, {"text": "…"}, {"tokens": […]} or {"anyOf": […]}`,
    );
  }
  return {
    ...{ line, index, id, input: (prompt ?? tokens) as string },
    ...{ answer: answer as string | undefined, wrong: wrong as string | undefined },
  };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ValueError(`got no JSON (${(error as Error).message}), expected an object a line`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new ValueError(`got ${describeValue(value)}, expected an object: {"prompt": "…", "answer": " Mary"}`);
}

/**
 * What else a record has is its writer's own, but for a name a letter or two exchanged letters off one that is needed.
 *
 * @param given what the command line gives every record
 * @throws ValueError for such a name
 */
function expectSpelt(record: Readonly<Record<string, unknown>>, given: Given): void {
  const isAbsent = (name: string) => record[name] === undefined;
  const inputs = isAbsent("prompt") && isAbsent("tokens") ? ["prompt", "tokens"] : [];
  const absent = [...inputs, ...["answer", "wrong"].filter((name) => isAbsent(name) && !given.has(name))];
  const sorted = (name: string) => [...name].sort().join("");
  for (const name of Object.keys(record)) {
    const meant = absent.find((one) => editDistance(name, one) === 1 || sorted(name) === sorted(one));
    if (meant === undefined) continue;
    throw new ValueError(
      `got a record with ${describeValue(name)}, expected "${meant}", which it lacks. Rename one of them`,
    );
  }
}
