/// <reference types="node" />
import { parseArgs } from "node:util";
import type { AnswerRef } from "../dla/index.ts";
import { meantName, nearest } from "../errors.ts";
import { MOST_THREADS } from "../tensor/index.ts";
import { expectConsistent } from "./contradictions.ts";
import { UsageError } from "./usageError.ts";

/** The command line, checked. Tokens are texts or ids, as the library takes them. */
export interface Arguments {
  readonly help: boolean;
  readonly version: boolean;
  /** Texts, with "-" for stdin, or lists of ids. */
  readonly prompts: readonly (string | readonly number[])[];
  /** A file of records, or "-" for stdin. */
  readonly input: string | undefined;
  readonly model: string;
  readonly revision: string | undefined;
  readonly offline: boolean;
  readonly answers: readonly AnswerRef[];
  readonly wrongs: readonly AnswerRef[];
  readonly logProbability: boolean;
  readonly probability: boolean;
  readonly unit: (typeof units)[number] | undefined;
  readonly pos: number | "all";
  readonly bos: boolean;
  /** The prompt whose attribution is taken from the others'. */
  readonly compare: string | undefined;
  readonly lens: boolean;
  readonly erasures: boolean;
  /** The component whose tokens are asked for. */
  readonly promoted: string | undefined;
  readonly leaveOneOut: boolean;
  readonly ablate: (typeof ablations)[number] | undefined;
  readonly rawWeights: boolean;
  readonly keepValueBiases: boolean;
  readonly threads: number | undefined;
  readonly precision: (typeof precisions)[number] | undefined;
  readonly top: number | undefined;
  readonly format: (typeof formats)[number];
  readonly color: (typeof colors)[number];
}

const units = ["component", "layer", "head", "neuron", "full", "source", "path"] as const;
const ablations = ["zero", "mean"] as const;
const weights = ["mean", "softmax"] as const;
const precisions = ["reproducible", "fast"] as const;
const formats = ["table", "json", "ndjson", "csv"] as const;
const colors = ["auto", "always", "never"] as const;

const options = {
  input: { type: "string" },
  model: { type: "string" },
  revision: { type: "string" },
  offline: { type: "boolean" },
  answer: { type: "string", multiple: true },
  wrong: { type: "string", multiple: true },
  unit: { type: "string" },
  pos: { type: "string" },
  tokens: { type: "string", multiple: true },
  "answer-id": { type: "string", multiple: true },
  "wrong-id": { type: "string", multiple: true },
  "answer-text": { type: "string", multiple: true },
  "wrong-text": { type: "string", multiple: true },
  "any-of": { type: "string", multiple: true },
  "wrong-any-of": { type: "string", multiple: true },
  weights: { type: "string" },
  "log-probability": { type: "boolean" },
  probability: { type: "boolean" },
  "no-bos": { type: "boolean" },
  compare: { type: "string" },
  lens: { type: "boolean" },
  erasures: { type: "boolean" },
  promoted: { type: "string" },
  "leave-one-out": { type: "boolean" },
  ablate: { type: "string" },
  "raw-weights": { type: "boolean" },
  "keep-value-biases": { type: "boolean" },
  threads: { type: "string" },
  precision: { type: "string" },
  top: { type: "string" },
  format: { type: "string" },
  color: { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "V" },
} as const;

type Name = keyof typeof options;

/** @throws UsageError for what is unknown, incomplete, malformed or contradictory */
export function parseArguments(argv: readonly string[]): Arguments {
  const { given, positionals } = readOptions(argv);
  const all = (name: Name) => given.get(name) ?? [];
  const one = (name: Name): string | undefined => all(name)[0];
  const tokens = all("tokens").map(readIds);
  if (tokens.length > 0 && positionals.length > 0) {
    throw new UsageError("got a prompt and --tokens, expected one of them");
  }
  const parsed: Arguments = {
    help: given.has("help"),
    version: given.has("version"),
    prompts: tokens.length > 0 ? tokens : positionals,
    input: one("input"),
    model: one("model") ?? "demo",
    revision: one("revision"),
    offline: given.has("offline"),
    ...readAnswers(given),
    logProbability: given.has("log-probability"),
    probability: given.has("probability"),
    unit: readChoice("unit", one("unit"), units),
    pos: readPosition(one("pos")),
    bos: !given.has("no-bos"),
    compare: one("compare"),
    lens: given.has("lens"),
    erasures: given.has("erasures"),
    promoted: one("promoted"),
    leaveOneOut: given.has("leave-one-out"),
    ablate: readChoice("ablate", one("ablate"), ablations),
    rawWeights: given.has("raw-weights"),
    keepValueBiases: given.has("keep-value-biases"),
    threads: given.has("threads") ? readInteger("threads", one("threads")!, 1, MOST_THREADS) : undefined,
    precision: readChoice("precision", one("precision"), precisions),
    top: given.has("top") ? readInteger("top", one("top")!, 1) : undefined,
    format: readChoice("format", one("format"), formats) ?? (given.has("input") ? "ndjson" : "table"),
    color: readChoice("color", one("color"), colors) ?? "auto",
  };
  expectConsistent(parsed, new Set(given.keys()));
  return parsed;
}

/** The answers and the wrong ones: by text, by id, several tokens, or all of a kind as one set. */
function readAnswers(given: ReadonlyMap<Name, string[]>): Pick<Arguments, "answers" | "wrongs"> {
  const kind = readChoice("weights", given.get("weights")?.[0], weights) ?? "mean";
  if (given.has("weights") && !given.has("any-of") && !given.has("wrong-any-of"))
    throw new UsageError("got --weights without --any-of or --wrong-any-of, expected a set");
  const read = (names: readonly [text: Name, id: Name, several: Name, set: Name]): AnswerRef[] => {
    const [first, second] = names.filter((name) => given.has(name));
    if (second !== undefined) throw new UsageError(`got --${first} and --${second}, expected one of them`);
    const values = given.get(first) ?? [];
    const [, id, several, set] = names;
    if (first === id) return values.map((value) => readInteger(id, value, 0));
    if (first === set) return [{ anyOf: values, weights: kind }];
    if (first !== several) return values;
    if (values.includes("")) throw new UsageError(`--${several}: got "", expected a text`);
    return values.map((text) => ({ text }));
  };
  return {
    answers: read(["answer", "answer-id", "answer-text", "any-of"]),
    wrongs: read(["wrong", "wrong-id", "wrong-text", "wrong-any-of"]),
  };
}

/** The options by name, each with the values given. parseArgs only splits: its own errors are long, and refuse `--pos -1`. */
function readOptions(argv: readonly string[]): { given: Map<Name, string[]>; positionals: string[] } {
  const args = argv.map((arg) => (isNoOption(arg) ? "text" : arg)); // stands for itself, which parseArgs would split
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true });
  const given = new Map<Name, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(argv[token.index]);
    if (token.kind !== "option") continue;
    const { rawName, inlineValue } = token;
    if (!isName(token.name)) throw unknownOption(token.name, rawName, argv[token.index]);
    const value = token.value === undefined || inlineValue ? token.value : argv[token.index + 1];
    const name = token.name;
    const { type, multiple } = { multiple: false, ...options[name] };
    if (type === "boolean") {
      if (value !== undefined) throw new UsageError(`${rawName} takes no value, got "${value}"`);
    } else if (value === undefined || (!inlineValue && looksLikeOption(value))) {
      const hint =
        value === undefined ? "" : `; a value with a dash in front is given as ${rawName}=${value}`;
      throw new UsageError(`${rawName} needs a value${hint}`);
    }
    if (given.has(name) && type === "string" && !multiple)
      throw new UsageError(`${rawName} was given twice, expected it once`);
    given.set(name, [...(given.get(name) ?? []), value ?? ""]);
  }
  return { given, positionals };
}

function isName(name: string): name is Name {
  return Object.hasOwn(options, name);
}

/** No option has a sign or a space after its dash: "-5 + 3" and "- 5" are texts. */
function isNoOption(arg: string): boolean {
  return /^-[^-\p{L}]/u.test(arg);
}

function looksLikeOption(value: string): boolean {
  return /^-[^\d\s]/.test(value);
}

function unknownOption(name: string, rawName: string, arg: string): UsageError {
  const near = meantName(name, Object.keys(options));
  const hint = near === undefined ? "" : ` (did you mean --${near}?)`;
  const asText = /\s/.test(arg)
    ? `. A prompt that begins with a dash goes last, after --: -- ${JSON.stringify(arg)}`
    : "";
  return new UsageError(`unknown option ${rawName}${hint}${asText}`);
}

function readPosition(value: string | undefined): number | "all" {
  if (value === undefined) return -1;
  if (value === "all") return "all";
  if (/^[+-]?\d+$/.test(value) && Number.isSafeInteger(Number(value))) return Number(value);
  throw new UsageError(`--pos: got "${value}", expected an integer or "all"`);
}

function readInteger(name: string, value: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (/^\d+$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value);
  const to = max < Number.MAX_SAFE_INTEGER ? ` to ${max}` : "";
  throw new UsageError(`--${name}: got "${value}", expected an integer from ${min}${to}`);
}

function readIds(value: string): number[] {
  if (/^\s*\d+\s*(,\s*\d+\s*)*$/.test(value)) return value.split(",").map(Number);
  throw new UsageError(`--tokens: got "${value}", expected ids with commas between: 1,2,3`);
}

function readChoice<Choice extends string>(
  name: string,
  value: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (value === undefined || choices.includes(value as Choice)) return value as Choice | undefined;
  const near = nearest(value, choices);
  const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
  throw new UsageError(`--${name}: got "${value}", expected one of ${choices.join(", ")}${hint}`);
}
