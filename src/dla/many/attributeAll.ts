import { CheckError, describe, expectObject, ValueError } from "../../errors.ts";
import { expectKnown, type Integers, type NamesOf } from "../../model/index.ts";
import type { AnswerRef } from "../answers/answers.ts";
import { type Attributable, expectModel } from "../attributable.ts";
import { attribute } from "../attribution.ts";
import { type AttributionOptions, attributionNames } from "../attributionOptions.ts";
import type { Attribution, AttributionResult } from "../result/result.ts";

/** A prompt of many, and what to attribute of it; what it leaves out is the options'. */
export interface AttributionRecord {
  readonly input: string | Integers;
  /** One for all positions, or one for each. */
  readonly answer?: AnswerRef | Integers | readonly AnswerRef[] | undefined;
  /** The same. */
  readonly wrong?: AnswerRef | Integers | readonly AnswerRef[] | undefined;
}

/** How records are attributed: as prompts are, one by one. */
export interface AttributeAllOptions extends Omit<AttributionOptions, "answer" | "wrong" | "cache"> {
  /** Of records that have none; "next" is the token that follows each position. */
  readonly answer?: AnswerRef | undefined;
  /** Of records that have none. */
  readonly wrong?: AnswerRef | undefined;
  /** Whether a record that cannot be attributed ends the iteration ("throw", the default) or is told of ("skip"). */
  readonly onError?: "throw" | "skip" | undefined;
}

const { cache: _, ...ofEach } = attributionNames;
const names: NamesOf<AttributeAllOptions> = { ...ofEach, onError: true };

/** What became of one record: its attributions, or why there are none. */
export type AttributedRecord<R extends AttributionRecord = AttributionRecord> = {
  /** Of the record, from 0. */
  readonly index: number;
  readonly record: R;
} & (
  | { readonly result: AttributionResult; readonly error?: never }
  | { readonly error: Error; readonly result?: never }
);

/** How many records are read before they run: among them some have one length, and run together. */
const AHEAD = 64;

/**
 * Attributes records of any number, in their order, a few at a time: those of one length run together, with the bits that each
 * has alone. Memory does not grow with their number.
 *
 *   for await (const { result } of attributeAll(model, records, { wrong: " John" })) summary.add(result);
 *
 * @throws ValueError, CheckError as `directLogitAttribution`, with the record's number, unless `onError` is "skip"
 */
export function attributeAll<R extends AttributionRecord>(
  model: Attributable,
  records: Iterable<R> | AsyncIterable<R>,
  options?: AttributeAllOptions & { readonly onError?: "throw" | undefined },
): AsyncGenerator<AttributedRecord<R> & { readonly result: AttributionResult }>;
export function attributeAll<R extends AttributionRecord>(
  model: Attributable,
  records: Iterable<R> | AsyncIterable<R>,
  options: AttributeAllOptions | undefined,
): AsyncGenerator<AttributedRecord<R>>;
export async function* attributeAll<R extends AttributionRecord>(
  model: Attributable,
  records: Iterable<R> | AsyncIterable<R>,
  options: AttributeAllOptions = {},
): AsyncGenerator<AttributedRecord<R>> {
  expectKnown("attributeAll", options, names);
  const { onError = "throw" } = options;
  if (onError !== "throw" && onError !== "skip") {
    throw new ValueError(`attributeAll: got onError ${describe(onError)}, expected "throw" or "skip".`);
  }
  expectModel("attributeAll", model);
  expectRecords(records);
  let index = 0;
  let ahead: { index: number; record: R }[] = [];
  for await (const record of records) {
    expectObject(`attributeAll: record ${index}`, record, "a record", 'Give { input: "…", answer: " …" }.');
    ahead.push({ index: index++, record });
    if (ahead.length < AHEAD) continue;
    yield* together(model, ahead, options);
    ahead = [];
  }
  yield* together(model, ahead, options);
}

function expectRecords(records: unknown): void {
  const { [Symbol.iterator]: now, [Symbol.asyncIterator]: later } = Object(records) as Record<
    symbol,
    unknown
  >;
  if (typeof records !== "string" && (typeof now === "function" || typeof later === "function")) return;
  throw new ValueError(
    `attributeAll: got ${describe(records)}, expected records. Give a list, or what is iterated: [{ input, answer }].`,
  );
}

type Ahead<R> = { readonly index: number; readonly record: R };

/** All that are asked for alike at once; where one of them is at fault, one by one. */
function* together<R extends AttributionRecord>(
  model: Attributable,
  records: readonly Ahead<R>[],
  options: AttributeAllOptions,
): Generator<AttributedRecord<R>> {
  const kindOf = ({ record }: Ahead<R>) => `${record.answer === undefined} ${record.wrong === undefined}`;
  const outcomes = new Map<number, AttributionResult | Error>();
  for (const kind of new Set(records.map(kindOf))) {
    const alike = records.filter((one) => kindOf(one) === kind);
    for (const [index, outcome] of outcomesOf(model, alike, options)) outcomes.set(index, outcome);
  }
  for (const { index, record } of records) {
    const outcome = outcomes.get(index)!;
    if (!(outcome instanceof Error)) yield { index, record, result: outcome };
    else if (options.onError === "skip") yield { index, record, error: outcome };
    else throw outcome;
  }
}

function outcomesOf(
  model: Attributable,
  records: readonly Ahead<AttributionRecord>[],
  options: AttributeAllOptions,
): [index: number, outcome: AttributionResult | Error][] {
  const { onError, answer, wrong, ...rest } = options;
  const own = (key: "answer" | "wrong") => records.map(({ record }) => record[key]) as AnswerRef[];
  const [{ index, record }] = records;
  const where = records.length === 1 ? `attributeAll: record ${index}` : "attributeAll";
  try {
    const inputs = records.map(({ record }) => record.input) as string[];
    const result = attribute(where, model, inputs, {
      ...rest,
      answer: record.answer === undefined ? answer : own("answer"),
      wrong: record.wrong === undefined ? wrong : own("wrong"),
    });
    return records.map(({ index }, prompt) => [index, ofPrompt(result, prompt)]);
  } catch (error) {
    if (!(error instanceof ValueError || error instanceof CheckError)) throw error;
    if (records.length === 1) return [[index, error]];
    return records.flatMap((one) => outcomesOf(model, [one], options));
  }
}

function ofPrompt(result: AttributionResult, prompt: number): AttributionResult {
  return {
    ...result,
    prompts: [result.prompts[prompt]],
    attributions: result.attributions.filter((attribution) => attribution.prompt === prompt).map(asFirst),
  };
}

function asFirst({ tokens, ...rest }: Attribution): Attribution {
  return { ...rest, prompt: 0, ...(tokens && { tokens: tokens.map(asFirst) }) };
}
