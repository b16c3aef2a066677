import { meantName, ValueError } from "../../errors.ts";
import { describeValue, type Integers, type NamesOf } from "../../model/index.ts";
import type { AnswerRef } from "../answers/answers.ts";
import { type AttributionOptions, attributionNames } from "../attributionOptions.ts";

/** The options that a record may have of its own. */
type OwnOptions = Omit<AttributionOptions, "answer" | "wrong" | "cache">;

/** A prompt of many, and what to attribute of it. What it leaves out is the options'; an option of its own goes over theirs. */
export interface AttributionRecord extends OwnOptions {
  readonly input: string | Integers;
  /** One for all positions, or one for each; "next" is the token that follows. It takes the place of the options' direction too. */
  readonly answer?: AnswerRef | Integers | readonly AnswerRef[] | undefined;
  /** The same. */
  readonly wrong?: AnswerRef | Integers | readonly AnswerRef[] | undefined;
  /** The caller's own, anything: the record comes back with it. */
  readonly id?: unknown;
  /** The same. */
  readonly meta?: unknown;
}

/** The options for records that have none of their own. */
export interface SharedOptions extends OwnOptions {
  readonly answer?: AnswerRef | undefined;
  readonly wrong?: AnswerRef | undefined;
}

const { cache: _, ...ofAttribution } = attributionNames;
const names: NamesOf<AttributionRecord> = { input: true, ...ofAttribution, id: true, meta: true };

/** Names that other tools give the prompt. */
const inputs: readonly string[] = ["prompt", "prompts", "text", "tokens", "ids"];

/** @throws ValueError unless it is a record, of known names: what another was to ask for would be left out in silence */
export function expectRecord(where: string, record: AttributionRecord): void {
  if (typeof record !== "object" || record === null || Array.isArray(record)) {
    throw new ValueError(
      `${where}: got ${describeValue(record)}, expected a record. Give { input: "…", answer: " Mary" }.`,
    );
  }
  expectNames(where, record);
  const { input } = record;
  if (typeof input === "string" || (typeof input === "object" && input !== null)) return;
  throw new ValueError(
    `${where}: got ${describeValue(input)} as the input, expected a text or ids. Give input: "…" or input: [1, 2].`,
  );
}

function expectNames(where: string, record: AttributionRecord): void {
  for (const [name, value] of Object.entries(record)) {
    if (value === undefined || Object.hasOwn(names, name)) continue;
    const known = Object.keys(names);
    const meant = inputs.includes(name) ? "input" : meantName(name, known);
    const hint = meant === undefined ? "" : `Did you mean ${meant}? `;
    throw new ValueError(
      `${where}: got a record with ${describeValue(name)}, expected ${known.join(", ")}. ` +
        `${hint}What is your own goes under id or meta.`,
    );
  }
}

/** Those that are asked alike together, but for their answers, which are each one's own. */
export function alike<T extends { readonly record: AttributionRecord }>(items: readonly T[]): T[][] {
  const objects = new Map<unknown, number>(); // told apart where they are not one
  const keyOf = (value: unknown): string => {
    if (Array.isArray(value)) return `[${value.map(keyOf).join()}]`;
    if (typeof value !== "object" || value === null) return `${typeof value} ${String(value)}`;
    if (!objects.has(value)) objects.set(value, objects.size);
    return `object ${objects.get(value)}`;
  };
  const kinds = new Map<string, T[]>();
  for (const item of items) {
    const { input, answer, wrong, id, meta, ...own } = item.record;
    const options = Object.entries(own).filter(([, value]) => value !== undefined);
    const texts = options.map(([name, value]) => `${name}: ${keyOf(value)}`).sort();
    const key = [answer !== undefined, wrong !== undefined, ...texts].join("; ");
    const kind = kinds.get(key);
    if (kind) kind.push(item);
    else kinds.set(key, [item]);
  }
  return [...kinds.values()];
}

/** The options of records that are asked alike: their own options over the shared ones. */
export function optionsOf(records: readonly AttributionRecord[], shared: SharedOptions): AttributionOptions {
  const { input, answer, wrong, id, meta, ...own } = records[0];
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  const each = (name: "answer" | "wrong") => records.map((record) => record[name]) as AnswerRef[];
  const isDirected = own.direction !== undefined;
  return {
    ...shared,
    ...(answer !== undefined && { direction: undefined }),
    ...given,
    answer: answer !== undefined ? each("answer") : isDirected ? undefined : shared.answer,
    wrong: wrong !== undefined ? each("wrong") : isDirected ? undefined : shared.wrong,
  };
}
