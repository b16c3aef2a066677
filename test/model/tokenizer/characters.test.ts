/** The sets of characters against tokenizers' word on each code point: scripts/fixtures/classes.py. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { tablesModule } from "../../../scripts/unicodeTables.mjs";
import { byteSymbols } from "../../../src/model/tokenizer/bpe.ts";
import { letterClass, numberClass, whiteSpace, wordClass } from "../../../src/model/tokenizer/characters.ts";
import { createTokenizer } from "../../../src/model/tokenizer/tokenizer.ts";

type Kind = "letter" | "number" | "space" | "word";

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), "utf8");
const ranges: Record<Kind, [number, number][]> = JSON.parse(read("test/fixtures/tokenizer/classes.json"));
const codePoints = (kind: Kind) =>
  ranges[kind].flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
const isSurrogate = (at: number) => at >= 0xd800 && at < 0xe000;

describe.each<[Kind, () => string]>([
  ["letter", letterClass],
  ["number", numberClass],
  ["space", () => whiteSpace],
  ["word", wordClass],
])("%s", (kind, classText) => {
  test("has each of the oracle's code points, and no other", () => {
    const set = new RegExp(`^[${classText()}]$`, "u");
    const found: number[] = [];
    for (let at = 0; at <= 0x10ffff; at++) {
      if (!isSurrogate(at) && set.test(String.fromCodePoint(at))) found.push(at);
    }
    expect(found).toEqual(codePoints(kind));
  });
});

test("the tables are what the script writes of the oracle's sets", () => {
  const [letter, number, word] = (["letter", "number", "word"] as const).map(codePoints);
  expect(read("src/model/tokenizer/unicodeTables.ts")).toBe(tablesModule({ letter, number, word }));
});

test("no other source of the model asks the engine what a letter is", () => {
  for (const file of ["codec", "addedTokens", "characters", "bpe", "vocabulary"]) {
    const code = read(`src/model/tokenizer/${file}.ts`).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    expect(code, file).not.toMatch(/\\[pP]\{/);
  }
});

test("letters of a later Unicode are other characters, on every engine", () => {
  const bytes = Object.fromEntries(byteSymbols().map((symbol, byte) => [symbol, byte]));
  // 's is one token, and is not made where ' follows a character that is no letter or number
  const files = { vocab: JSON.stringify({ ...bytes, "'s": 256 }), merges: "' s" };
  const tokenizer = createTokenizer(files);
  const ids = (text: string) => tokenizer.encode(text);
  const utf8 = (text: string) => [...new TextEncoder().encode(text)];
  expect(ids("a's")).toEqual([97, 256]);
  expect(ids("\u088f's")).toEqual([...utf8("\u088f'"), 115]); // Unicode 17
  expect(ids("\u{16ea0}'s")).toEqual([...utf8("\u{16ea0}'"), 115]); // Unicode 17
  expect(ids("\u1c8a's")).toEqual([...utf8("\u1c8a"), 256]); // Unicode 16
  expect(ids("\u{10d40}'s")).toEqual([...utf8("\u{10d40}"), 256]); // a digit since Unicode 16
  expect(ids("!'s")).toEqual([33, 39, 115]);
});
