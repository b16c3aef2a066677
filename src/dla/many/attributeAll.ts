import { CheckError, describe, ValueError } from "../../errors.ts";
import { expectKnown, type NamesOf } from "../../model/index.ts";
import { type Attributable, expectModel } from "../attributable.ts";
import { attributeInSteps } from "../attribution.ts";
import { attributionNames } from "../attributionOptions.ts";
import { breaks, expectFollowers } from "../breaks.ts";
import type { Attribution, AttributionResult } from "../result/result.ts";
import { evenPace, type Pace } from "./pace.ts";
import { type Ahead, readAhead } from "./readAhead.ts";
import { type AttributionRecord, alike, expectRecord, optionsOf, type SharedOptions } from "./record.ts";

/** The options of all records, each attributed as a prompt is. A record's own options go over these. */
export interface AttributeAllOptions extends SharedOptions {
  /** Whether a record that cannot be attributed ends the iteration ("throw", the default) or is told of ("skip"). */
  readonly onError?: "throw" | "skip" | undefined;
  /** Ends the iteration with its reason, also while a record is waited for. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each step of the work. */
  readonly onProgress?: ((progress: AttributeAllProgress) => void) | undefined;
}

/** The progress of `attributeAll`. */
export interface AttributeAllProgress {
  /** Records that have been attributed, or cannot be; they are given a little later. */
  readonly done: number;
  /** The number of records, where a list was given; other iterables do not tell. */
  readonly total: number | undefined;
}

const { cache: _, ...ofEach } = attributionNames;
const names: NamesOf<AttributeAllOptions> = { ...ofEach, onError: true, signal: true, onProgress: true };

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
 * Attributes records of any number, in their order, a few at a time: those of one length that are asked alike run together,
 * with the bits that each has alone. Memory does not grow with their number. Records that come slowly are attributed as they
 * come: none waits for the next. While it computes, the event loop has its turn every 200 ms or so, more often where a prompt
 * takes less.
 *
 *   for await (const { result } of attributeAll(model, records, { wrong: " John" })) summary.add(result);
 *
 * The iterable is closed (its `return` called) when the iteration ends before it does.
 *
 * @throws ValueError, CheckError as `directLogitAttribution`, and ValueError for a record with a name that there is not; with
 *   the record's number, unless `onError` is "skip"
 * @throws the signal's reason once it is aborted; what the iterable throws, after the records before
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
export function attributeAll<R extends AttributionRecord>(
  model: Attributable,
  records: Iterable<R> | AsyncIterable<R>,
  options: AttributeAllOptions = {},
): AsyncGenerator<AttributedRecord<R>> {
  return attributeAtPace(model, records, options, evenPace());
}

/** `attributeAll` in steps as long as `pace` has them. */
export async function* attributeAtPace<R extends AttributionRecord>(
  model: Attributable,
  records: Iterable<R> | AsyncIterable<R>,
  options: AttributeAllOptions,
  pace: Pace,
): AsyncGenerator<AttributedRecord<R>> {
  expectKnown("attributeAll", options, names);
  const { onError = "throw", signal, onProgress, ...shared } = options;
  if (onError !== "throw" && onError !== "skip") {
    throw new ValueError(`attributeAll: got onError ${describe(onError)}, expected "throw" or "skip".`);
  }
  expectFollowers("attributeAll", signal, onProgress);
  expectModel("attributeAll", model);
  const total = Array.isArray(records) ? records.length : undefined;
  const source = readAhead("attributeAll", records, signal);
  const work = { model, shared, pace, pause: breaks(signal) };
  try {
    for (let index = 0, isOver = false; !isOver; ) {
      const group = await nextGroup(source, index);
      const told = index; // records of earlier groups
      const outcomes = await outcomesOfGroup(work, group.records, (done) => {
        onProgress?.({ done: told + done, total });
      });
      for (const one of group.records) {
        const outcome = outcomes.get(one.index)!;
        if (!(outcome instanceof Error)) yield { ...one, result: outcome };
        else if (onError === "skip") yield { ...one, error: outcome };
        else throw outcome;
      }
      if (group.fault) throw group.fault.error;
      index += group.records.length;
      isOver = group.isLast;
    }
  } catch (error) {
    await source.close().catch(() => {}); // the first error is the one to tell
    throw error;
  } finally {
    await source.close();
  }
}

interface Numbered<R> {
  readonly index: number;
  readonly record: R;
}

interface Group<R> {
  readonly records: readonly Numbered<R>[];
  readonly isLast: boolean;
  /** An error that the iterable threw after these. */
  readonly fault: { readonly error: unknown } | undefined;
}

/** The records that are there, at most 64; where there is none, the first that comes. */
async function nextGroup<R>(source: Ahead<R>, first: number): Promise<Group<R>> {
  const records: Numbered<R>[] = [];
  const group = (isLast: boolean, fault?: { readonly error: unknown }) => ({ records, isLast, fault });
  while (records.length < AHEAD) {
    try {
      const come = await source.next(records.length === 0);
      if (come === "later") return group(false);
      if (come.done) return group(true);
      records.push({ index: first + records.length, record: come.value });
    } catch (error) {
      return group(true, { error });
    }
  }
  return group(false);
}

/** The means of attributing records. */
interface Work {
  readonly model: Attributable;
  readonly shared: SharedOptions;
  readonly pace: Pace;
  readonly pause: () => Promise<void>;
}

type Outcome = AttributionResult | Error;

/** Each record's outcome by its index: those that are asked alike together. @param tell is told how many are done */
async function outcomesOfGroup(
  work: Work,
  records: readonly Numbered<AttributionRecord>[],
  tell: (done: number) => void,
): Promise<Map<number, Outcome>> {
  const outcomes = new Map<number, Outcome>();
  const sound = records.filter(({ index, record }) => {
    const fault = faultOf(() => expectRecord(`attributeAll: record ${index}`, record));
    if (fault) outcomes.set(index, fault);
    return fault === undefined;
  });
  for (const kind of alike(sound)) {
    const settled = outcomes.size;
    const found = await outcomesOf(work, kind, (done) => tell(settled + done));
    for (const [index, outcome] of found) outcomes.set(index, outcome);
  }
  if (sound.length < records.length) tell(outcomes.size);
  return outcomes;
}

/** Those of records that are asked alike, at once; where one of them is at fault, one by one. */
async function outcomesOf(
  work: Work,
  records: readonly Numbered<AttributionRecord>[],
  tell: (done: number) => void,
): Promise<[index: number, outcome: Outcome][]> {
  const { model, shared, pace, pause } = work;
  const isOne = records.length === 1;
  const where = isOne ? `attributeAll: record ${records[0].index}` : "attributeAll";
  const asked = records.map(({ record }) => record);
  const inputs = asked.map(({ input }) => input) as string[];
  const steps = attributeInSteps(where, model, inputs, optionsOf(asked, shared), undefined, pace.mostTokens);
  for (let done = 0; ; ) {
    await pause();
    const began = performance.now();
    try {
      const step = steps.next();
      if (step.done) return records.map(({ index }, prompt) => [index, ofPrompt(step.value, prompt)]);
      if (step.value.tokens > 0) pace.took(step.value.tokens, performance.now() - began);
      done += step.value.finished;
    } catch (error) {
      if (!isFault(error)) throw error;
      if (isOne) return [[records[0].index, withoutPrompt(error, where)]];
      break;
    }
    tell(done);
  }
  const found: [number, Outcome][] = [];
  for (const one of records)
    found.push(...(await outcomesOf(work, [one], (done) => tell(found.length + done))));
  return found;
}

function faultOf(check: () => void): Error | undefined {
  try {
    check();
  } catch (error) {
    if (isFault(error)) return error;
    throw error;
  }
}

/** True where a record is at fault, and not what runs it. */
function isFault(error: unknown): error is ValueError | CheckError {
  return error instanceof ValueError || error instanceof CheckError;
}

/** A record has one prompt, so its number says nothing: "record 5: prompt 0, position 3" is "record 5: position 3". */
function withoutPrompt(error: Error, where: string): Error {
  if (!error.message.startsWith(where)) return error;
  const told = error.message
    .slice(where.length)
    .replace(/^((?:: (?:answer|wrong))?)(: |, )prompt 0(?:, |: )/, "$1$2");
  error.message = where + told;
  return error;
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
