import { CheckpointError, TokenizerError } from "../../errors.ts";
import { describe, isJsonObject, type JsonObject, parseJsonObject } from "../files/json.ts";
import { byteSymbols, type MergeTable } from "./bpe.ts";

/** What tokenizer.json, or vocab.json with merges.txt, says. */
export interface Vocabulary {
  /** The model's own tokens, in byte symbols → id. */
  readonly vocab: ReadonlyMap<string, number>;
  readonly merges: MergeTable;
  /** Whether a space goes before each text that does not begin with one. */
  readonly addPrefixSpace: boolean;
  /** Whether GPT-2's pattern divides the text first. */
  readonly splitWords: boolean;
  /** tokenizer.json's `added_tokens`, not looked into. */
  readonly addedTokens: readonly unknown[];
}

/** Ids stay below it, so a pair's key in the merge table stays below 2^53. */
const idBound = 2 ** 26;

/** @throws CheckpointError  malformed files, or parts that do not belong together */
export function readVocabAndMerges(
  vocabText: string | undefined,
  mergesText: string | undefined,
): Vocabulary {
  if (vocabText === undefined || mergesText === undefined) {
    const given =
      vocabText !== undefined ? "vocab.json" : mergesText !== undefined ? "merges.txt" : undefined;
    const got = given === undefined ? "no files" : `${given} alone`;
    throw malformed(
      "tokenizer",
      got,
      "tokenizer.json, or vocab.json with merges.txt",
      "Add what is missing.",
    );
  }
  if (/^\s*<(!doctype|html|\?xml)/i.test(mergesText)) {
    throw malformed("merges.txt", "an HTML page", "a merge per line", "Check the address it came from.");
  }
  const lines = mergesText.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#version"));
  const vocab = readVocab("vocab.json", parseJsonObject(vocabText, "vocab.json"));
  const merges = readMerges("merges.txt", lines, vocab);
  return { vocab, merges, addPrefixSpace: false, splitWords: true, addedTokens: [] };
}

/**
 * @throws CheckpointError  a malformed file
 * @throws TokenizerError   one that asks for something that would not be reproduced exactly
 */
export function readTokenizerJson(text: string): Vocabulary {
  const file = parseJsonObject(text, "tokenizer.json");
  const where = "tokenizer.json: model";
  const model = expectObject(where, file.model);
  // files older than 2020-11 (GPT-2's own among them) name no type
  if ((model.type ?? "BPE") !== "BPE") throw foreign(`${where}.type`, describe(model.type), '"BPE"');
  const vocab = readVocab(`${where}.vocab`, model.vocab);

  // the unknown token and the fallback stand for bytes without a token: no matter where each byte has one
  const complete = byteSymbols().every((symbol) => vocab.has(symbol));
  const harmless: Readonly<Record<string, (value: unknown) => boolean>> = {
    dropout: (value) => value === 0,
    continuing_subword_prefix: (value) => value === "",
    end_of_word_suffix: (value) => value === "",
    ignore_merges: (value) => value === false,
    unk_token: () => complete,
    byte_fallback: (value) => complete || value === false,
  };
  for (const [key, test] of Object.entries(harmless)) {
    const value = model[key] ?? null;
    if (value !== null && !test(value)) throw foreign(`${where}.${key}`, describe(value), "none");
  }
  expectStep("tokenizer.json: normalizer", file.normalizer, "normalizers", "none");
  expectStep("tokenizer.json: decoder", file.decoder, "decoders", "ByteLevel");
  const preTokenizer = "tokenizer.json: pre_tokenizer";
  const byteLevel = expectStep(preTokenizer, file.pre_tokenizer, "pretokenizers", "ByteLevel");
  if (byteLevel === undefined) throw foreign(preTokenizer, "none", "ByteLevel");

  return {
    vocab,
    merges: readMerges(`${where}.merges`, expectList(`${where}.merges`, model.merges), vocab),
    addPrefixSpace: readFlag(preTokenizer, byteLevel, "add_prefix_space", true),
    splitWords: readFlag(preTokenizer, byteLevel, "use_regex", true),
    addedTokens: expectList("tokenizer.json: added_tokens", file.added_tokens ?? []),
  };
}

/** The one step that a stage of the pipeline may have, alone or in Sequences; undefined where it has none. */
function expectStep(stage: string, value: unknown, list: string, type: string): JsonObject | undefined {
  let where = stage;
  let given = value; // in a loop: a file may nest Sequences deeper than functions can be
  while (given !== undefined && given !== null) {
    const step = expectObject(where, given);
    if (step.type !== "Sequence") {
      if (step.type !== type) throw foreign(where, describe(step.type), type);
      return step;
    }
    const steps = expectList(`${where}.${list}`, step[list]);
    if (steps.length > 1) throw foreign(`${where}.${list}`, `${steps.length} steps`, `only ${type}`);
    where = `${where}.${list}[0]`;
    given = steps[0];
  }
  return undefined;
}

function readVocab(where: string, value: unknown): Map<string, number> {
  const vocab = new Map<string, number>();
  const byId = new Map<number, string>();
  for (const [token, id] of Object.entries(expectObject(where, value))) {
    expectId(`${where}: ${describe(token)}`, id);
    const other = byId.get(id);
    if (other !== undefined) {
      throw malformed(
        where,
        `the id ${id} for ${describe(other)} and ${describe(token)}`,
        "one token per id",
        downloadAgain,
      );
    }
    byId.set(id, token);
    vocab.set(token, id);
  }
  return vocab;
}

/** @param merges  "left right" or ["left", "right"] each, the first to merge first */
function readMerges(
  where: string,
  merges: readonly unknown[],
  vocab: ReadonlyMap<string, number>,
): MergeTable {
  const ranks = new Map<number, number>();
  const made: number[] = [];
  for (const [rank, merge] of merges.entries()) {
    const here = `${where}: merge ${rank + 1}`;
    const pair: unknown = typeof merge === "string" ? merge.split(" ", 3) : merge;
    if (!isPair(pair)) throw malformed(here, describe(merge), "two tokens", downloadAgain);
    const [left, right] = pair;
    const [leftId, rightId, wholeId] = [left, right, left + right].map((token) => {
      const id = vocab.get(token);
      if (id !== undefined) return id;
      const remedy = "Use a vocabulary and merges that belong together.";
      throw malformed(
        here,
        `${describe(left)} and ${describe(right)}`,
        `${describe(token)} in the vocabulary`,
        remedy,
      );
    });
    ranks.set(leftId * idBound + rightId, rank); // of a pair listed twice the last counts, as in Hugging Face
    made.push(wholeId);
  }
  return { ranks, made, idBound };
}

function isPair(value: unknown): value is [string, string] {
  return (
    Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string" && part)
  );
}

/** @throws CheckpointError  unless `id` can be a token's */
export function expectId(where: string, id: unknown): asserts id is number {
  if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < idBound) return;
  throw malformed(where, `the id ${describe(id)}`, `an integer from 0 to ${idBound - 1}`, downloadAgain);
}

/** @throws CheckpointError  unless the value is true, false, null or not there */
export function readFlag(where: string, from: JsonObject, key: string, absent: boolean): boolean {
  const value = from[key] ?? absent;
  if (typeof value === "boolean") return value;
  throw malformed(`${where}: ${key}`, describe(value), "true or false", downloadAgain);
}

/** @throws CheckpointError  unless `value` is an object */
export function expectObject(where: string, value: unknown): JsonObject {
  if (isJsonObject(value)) return value;
  throw malformed(where, describe(value), "an object", downloadAgain);
}

function expectList(where: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed(where, describe(value), "a list", downloadAgain);
}

const downloadAgain = "Download it again.";

function foreign(where: string, got: string, expected: string): TokenizerError {
  const message = `${where}: got ${got}, expected ${expected}. Use the files of a GPT-2 tokenizer.`;
  return new TokenizerError(`${where} ${got}`, message);
}

function malformed(where: string, got: string, expected: string, remedy: string): CheckpointError {
  return new CheckpointError(`${where}: got ${got}, expected ${expected}. ${remedy}`);
}
