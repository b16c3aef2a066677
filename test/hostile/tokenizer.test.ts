import { describe, expect, test } from "vitest";
import { createTokenizer, type TokenizerFiles, ValueError } from "../../src/index.ts";
import { byteSymbols } from "../../src/model/tokenizer/bpe.ts";
import { expectCleanPrototypes, expectRefusal, load } from "./support.ts";

const vocab = Object.fromEntries(byteSymbols().map((symbol, byte) => [symbol, byte]));
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const whole = { pre_tokenizer: byteLevel, decoder: byteLevel, model: { type: "BPE", vocab, merges: [] } };

/** tokenizer.json, with some of it replaced. */
const json = (changes: object): TokenizerFiles => ({ tokenizer: JSON.stringify({ ...whole, ...changes }) });
const withModel = (changes: object) => json({ model: { ...whole.model, ...changes } });
const added = (...tokens: object[]) =>
  json({ added_tokens: tokens.map((token, i) => ({ id: 300 + i, content: "<x>", ...token })) });
const pair = (vocabText: string, merges = ""): TokenizerFiles => ({ vocab: vocabText, merges });

/** `{"type":"Sequence","pretokenizers":[…]}`, so deep. */
const nested = (list: string, depth: number, inner: string) =>
  `${`{"type":"Sequence","${list}":[`.repeat(depth)}${inner}${"]}".repeat(depth)}`;
const nestedStage = (stage: string, list: string, inner: string) => {
  const text = JSON.stringify({ ...whole, [stage]: "HERE" });
  return { tokenizer: text.replace('"HERE"', nested(list, 1e5, inner)) };
};

const refused: readonly (readonly [string, TokenizerFiles, RegExp])[] = [
  ["an empty vocabulary file", pair(""), /vocab\.json: the file is empty/],
  ["a vocabulary that is a list", pair("[]"), /got a list of 0, expected a JSON object/],
  ["a huge id", pair('{"a":4294967296}'), /got the id 4294967296, expected an integer from 0 to 67108863/],
  ["an id of 1e308", pair('{"a":1e308}'), /got the id 1e\+308/],
  ["a negative id", pair('{"a":-1}'), /got the id -1/],
  ["half an id", pair('{"a":0.5}'), /got the id 0\.5/],
  ["an id as a text", pair('{"a":"0"}'), /got the id "0"/],
  ["an id twice", pair('{"a":0,"b":0}'), /got the id 0 for "a" and "b"/],
  ["an id that is an object", pair('{"__proto__":{"polluted":1}}'), /"__proto__": got the id an object/],
  ["a merge of one", pair('{"a":0}', "a"), /merge 1: got "a", expected two tokens/],
  ["a merge of three", pair('{"a":0}', "a a a"), /merge 1: got "a a a", expected two tokens/],
  ["a merge of millions", pair('{"a":0}', " ".repeat(1e7)), /merge 1: got ".*…, expected two tokens/],
  ["a merge of nothing", pair('{"a":0}', " a"), /merge 1: got " a", expected two tokens/],
  ["a merge of Object's", pair('{"a":0}', "a constructor"), /expected "constructor" in the vocabulary/],
  ["a merge that makes no token", pair('{"a":0,"b":1}', "a b"), /expected "ab" in the vocabulary/],
  ["merges that are a page", pair('{"a":0}', "<!DOCTYPE html>"), /merges\.txt: got an HTML page/],
  ["merges of numbers", withModel({ merges: [[0, 1]] }), /merge 1: got a list of 2, expected two tokens/],
  ["merges as an object", withModel({ merges: { "a b": 0 } }), /merges: got an object, expected a list/],
  ["a vocabulary to inherit", withModel({ vocab: null }), /model\.vocab: got null, expected an object/],
  ["a model of a text", json({ model: "BPE" }), /model: got "BPE", expected an object/],
  ["another model", withModel({ type: "Unigram" }), /model\.type: got "Unigram", expected "BPE"/],
  [
    "a type of Object's",
    json({ decoder: { type: "constructor" } }),
    /decoder: got "constructor", expected ByteL/,
  ],
  [
    "normalizers nested 100,000 deep",
    nestedStage("normalizer", "normalizers", '{"type":"NFC"}'),
    /normalizer(\.normalizers\[0\]){100000}: got "NFC", expected none/,
  ],
  [
    "pre-tokenizers nested 100,000 deep, of nothing",
    nestedStage("pre_tokenizer", "pretokenizers", "null"),
    /pre_tokenizer: got none, expected ByteLevel/,
  ],
  [
    "an added token that is a text",
    json({ added_tokens: ["<x>"] }),
    /added_tokens\[0\]: got "<x>", expected an object/,
  ],
  ["an added token without an end", added({ content: "x".repeat(1025) }), /1025 long, expected at most 1024/],
  ["an added token with a huge id", added({ id: 2 ** 32 }), /"<x>": got the id 4294967296/],
  ["two ids for an added token", added({}, {}), /got the id 301 for "<x>", expected 300 as elsewhere/],
  ["two added tokens with an id", added({}, { id: 300, content: "<y>" }), /an id other than "<x>"'s/],
  [
    "an added token in a byte's place",
    added({ id: 97 }),
    /got the id 97 for "<x>", expected an id other than "a"'s/,
  ],
  [
    "added_tokens.json of prototypes",
    { ...json({}), addedTokens: '{"__proto__":{"polluted":1}}' },
    /"__proto__": got the id an object/,
  ],
  [
    "a decoder of bad ids",
    { ...json({}), config: '{"added_tokens_decoder":{"1e3":{"content":"<x>"}}}' },
    /"<x>": got the id "1e3"/,
  ],
  [
    "a role that is a number",
    { ...json({}), config: '{"bos_token":1}' },
    /bos_token: got 1, expected an object/,
  ],
  [
    "a role without content",
    { ...json({}), specialTokensMap: '{"bos_token":{"__proto__":{"content":"a"}}}' },
    /bos_token: got nothing as content/,
  ],
  [
    "a list of special tokens, nested",
    { ...json({}), config: '{"extra_special_tokens":[[]]}' },
    /got a list of 0/,
  ],
];

describe("a tokenizer is refused", () => {
  test.each(refused)("%s", (_name, files, message) =>
    expectRefusal(
      Promise.resolve().then(() => createTokenizer(files)),
      message,
    ),
  );

  test.each([
    ["a page", "<html></html>", /tokenizer\.json: got an HTML page/],
    ["a pickle", Uint8Array.of(0x80, 4, 0x95), /tokenizer\.json: its bytes are not UTF-8 text/],
    ["UTF-16", Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0), /not UTF-8 text/],
    ["a lone surrogate in UTF-8", Uint8Array.of(0x7b, 0xed, 0xa0, 0x80, 0x7d), /not UTF-8 text/],
  ])("%s in its place", (_name, content, message) =>
    expectRefusal(load({ "tokenizer.json": content }), message),
  );
});

describe("a tokenizer is read as it is", () => {
  test("sparse ids take no room", () => {
    const { decode, vocabSize } = createTokenizer(pair('{"a":0,"b":67108863}'));
    expect([decode([67108863]), vocabSize]).toEqual(["b", 2]);
    for (const id of [1, -1, 0.5, Number.NaN, 2 ** 32, "0"])
      expect(() => decode([id as never])).toThrow(ValueError);
  });

  test("a BOM before the JSON", async () => {
    const text = new TextEncoder().encode(`\ufeff${JSON.stringify(whole)}`);
    await load({ "tokenizer.json": text });
  });

  test("an added token of no characters, which is ignored", () => {
    expect(createTokenizer(added({ content: "" })).encode("ab")).toEqual(
      [97, 98].map((byte) => vocab[String.fromCharCode(byte)]),
    );
  });

  test.each([
    "\\\\",
    "^$",
    ".*",
    "a|b",
    "[[",
    "(?:",
    "{1,9}",
    "a-z",
    "//",
    "(a+)+$",
    "\\u0061",
    "__proto__",
    "\ud800",
    "\udc00",
  ])("an added token %j, which means itself", (content) => {
    const tokenizer = createTokenizer(added({ content }));
    expect(tokenizer.encode(`${content}!`)).toEqual([300, vocab["!"]]);
    expect(tokenizer.encode("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")).not.toContain(300);
    expectCleanPrototypes();
  });

  test("half a surrogate pair is no token", () => {
    const { encode } = createTokenizer(
      added({ content: "\ud83d" }, { content: "\ude00" }, { content: "a\ud83d" }),
    );
    expect(encode("a😀").some((id) => id >= 300)).toBe(false);
    expect(encode("a\ud83d")).toEqual([302]);
    expect(encode("\ude00\ud83d")).toEqual([301, 300]);
  });

  test("added tokens that overlap: the longest, from the left", () => {
    const { encode } = createTokenizer(added({ content: "ab" }, { content: "abc" }, { content: "bcd" }));
    expect(encode("abcd")).toEqual([301, vocab.d]);
    expect(encode("abbcd")).toEqual([300, 302]);
  });

  test("merges that make each other's parts", () => {
    const cyclic = pair('{"a":0,"aa":1,"aaa":2,"aaaa":3}', "a aa\naa a\na a\naa aa\naaa a");
    const { encode, decode } = createTokenizer(cyclic);
    for (const n of [1, 2, 3, 5, 8, 1000]) expect(decode(encode("a".repeat(n)))).toBe("a".repeat(n));
  });
});

describe("a long text takes no long time", () => {
  const merges = ["a a", "aa aa", "aaaa aaaa"];
  const long = { ...vocab, aa: 256, aaaa: 257, aaaaaaaa: 258 };
  const million = 1e6;

  test("a megabyte of one letter, merged", () => {
    const { encode } = createTokenizer(withModel({ vocab: long, merges }));
    expect(encode("a".repeat(million))).toEqual(new Array(million / 8).fill(258));
  });

  test("a megabyte of white space beside tokens that take it along", () => {
    const greedy = { lstrip: true, rstrip: true };
    const { encode } = createTokenizer(added({ content: " ", ...greedy }, { content: "\t", ...greedy }));
    expect(encode(" ".repeat(million))).toEqual([300]);
    expect(encode(`a${"\t ".repeat(million / 2)}`)).toHaveLength(2);
  });

  test("tokens that all but match everywhere", () => {
    const run = "a".repeat(1023);
    const { encode } = createTokenizer(
      added({ content: `${run}b` }, { content: `${run}c`, single_word: true }),
    );
    expect(encode("a".repeat(million / 10))).toHaveLength(million / 10);
  });

  test("200,000 added tokens", () => {
    const many = Array.from({ length: 200_000 }, (_, i) => ({
      id: 300 + i,
      content: `<${"x".repeat(20)}${i}>`,
    }));
    const { encode } = createTokenizer(json({ added_tokens: many }));
    expect(encode(`a<${"x".repeat(20)}199999>`.repeat(1000))).toHaveLength(2000);
  });

  test("a run that the pattern's machine cannot hold: a ValueError, or its tokens", () => {
    const { encode } = createTokenizer(json({}));
    const run = "\u5b57".repeat(3e7);
    try {
      expect(encode(run)).toHaveLength(9e7);
    } catch (error) {
      expect(error).toBeInstanceOf(ValueError);
      expect((error as Error).message).toMatch(
        /^encode: got a text of 30000000 characters with a run too long/,
      );
    }
  });
});
