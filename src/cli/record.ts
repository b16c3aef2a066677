import type { AttributionRecord } from "../dla/index.ts";
import { meantName, ValueError } from "../errors.ts";
import { describeValue } from "../model/index.ts";
import { memberText } from "./memberText.ts";

/** A line of the input: a prompt, what is asked of it in its own way, and whose it is. */
export interface Line extends AttributionRecord {
  readonly meta: {
    /** From 1. */
    readonly line: number;
    /** Its number among the lines that are not blank, from 0. */
    readonly index: number;
    /** The JSON text of the line's "id", as it was written. The output's lines carry it. */
    readonly id: string | undefined;
  };
}

/** The switches that a record may set for itself, by the library's names. */
const flags = ["leaveOneOut", "probability", "allowRawWeights", "prependBos"] as const;
const names = ["prompt", "tokens", "answer", "wrong", "direction", "target", "unit", "pos", ...flags, "id"];

/** Names that other tools, or the command, have for what a record may say. */
const otherNames: Readonly<Record<string, string>> = {
  ...{ input: '"prompt"', inputs: '"prompt"', text: '"prompt"', ids: '"tokens"' },
  ...{ nobos: '"prependBos": false', bos: '"prependBos"', rawweights: '"allowRawWeights"' },
  ...{ logprobability: '"target": "logProbability"', logprob: '"target": "logProbability"' },
  ...{ answertext: '"answer": {"text": "…"}', wrongtext: '"wrong": {"text": "…"}' },
  ...{ anyof: '"answer": {"anyOf": […]}', wronganyof: '"wrong": {"anyOf": […]}' },
};

/** @throws ValueError for what is no record */
export function readRecord(text: string, line: number, index: number): Line {
  const record = parse(text);
  expectNames(record);
  const { prompt, tokens, answer, wrong, direction } = record;
  if ((prompt === undefined) === (tokens === undefined)) {
    throw new ValueError('got a record with both or neither of "prompt" and "tokens", expected one of them');
  }
  if (prompt !== undefined && typeof prompt !== "string") {
    throw new ValueError(`prompt: got ${describeValue(prompt)}, expected a text. Ids are given as "tokens".`);
  }
  if (tokens !== undefined && !Array.isArray(tokens)) {
    throw new ValueError(
      `tokens: got ${describeValue(tokens)}, expected a list of ids. A text is given as "prompt".`,
    );
  }
  for (const [key, token] of Object.entries({ answer, wrong })) expectAnswer(key, token);
  for (const key of flags) expectFlag(key, record[key]);
  const { unit, pos, target, leaveOneOut, probability, allowRawWeights, prependBos } = record;
  const asked = { answer, wrong, unit, pos, target, leaveOneOut, probability, allowRawWeights, prependBos };
  return {
    ...(asked as Partial<AttributionRecord>),
    input: (prompt ?? tokens) as string,
    direction: direction === undefined ? undefined : readDirection(direction),
    meta: { line, index, id: record.id === undefined ? undefined : idText(text) },
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

/** @throws ValueError for a name that there is not: what it was to ask for would be left out in silence */
function expectNames(record: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(record)) {
    if (names.includes(name)) continue;
    const plain = name.toLowerCase().replace(/[-_\s]/g, "");
    const near = meantName(name, names);
    const meant = Object.hasOwn(otherNames, plain) ? otherNames[plain] : near && `"${near}"`;
    throw new ValueError(
      `got a record with ${describeValue(name)}, expected ${names.join(", ")}. ` +
        `${meant ? `Did you mean ${meant}? ` : ""}What is your own goes under "id", as any JSON value.`,
    );
  }
}

function expectAnswer(key: string, token: unknown): void {
  const isForm = typeof token === "object" && token !== null && !Array.isArray(token);
  if (token === undefined || typeof token === "string" || typeof token === "number" || isForm) return;
  throw new ValueError(
    `${key}: got ${describeValue(token)}, expected a token as text or id, {"text": "…"}, {"tokens": […]} or {"anyOf": […]}`,
  );
}

function expectFlag(key: string, value: unknown): void {
  if (value === undefined || typeof value === "boolean") return;
  throw new ValueError(`${key}: got ${describeValue(value)}, expected true or false`);
}

function readDirection(value: unknown): Float64Array {
  if (Array.isArray(value) && value.every((one) => typeof one === "number")) return Float64Array.from(value);
  throw new ValueError(
    `direction: got ${describeValue(value)}, expected a list of numbers, one for each of dModel`,
  );
}

/** Some readers take a carriage return for the end of a line. In JSON that has been read, it can only stand between values. */
function idText(text: string): string {
  return memberText(text, "id")!.replaceAll("\r", " ");
}
