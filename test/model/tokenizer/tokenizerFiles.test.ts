import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CheckpointError, TokenizerError, ValueError } from "../../../src/errors.ts";
import { byteSymbols } from "../../../src/model/tokenizer/bpe.ts";
import { createTokenizer, type TokenizerFiles } from "../../../src/model/tokenizer/tokenizer.ts";

const bytes = Object.fromEntries(byteSymbols().map((symbol, byte) => [symbol, byte]));
const vocab = { ...bytes, he: 256, ll: 257, hell: 258, Ġa: 259, "<|endoftext|>": 260 };
const merges = ["h e", "l l", "he ll", "Ġ a"];
const files = { vocab: JSON.stringify(vocab), merges: merges.join("\n") };
const hello = [258, 111, 259];

const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const model = { type: "BPE", dropout: null, unk_token: null, vocab, merges };

/** tokenizer.json, with some of it replaced. */
function json(changes: object = {}, modelChanges: object = {}): TokenizerFiles {
  const whole = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: { ...model, ...modelChanges },
    ...changes,
  };
  return { tokenizer: JSON.stringify(whole) };
}

function expectRefusal(given: TokenizerFiles, message: string): void {
  expect(() => createTokenizer(given)).toThrow(new CheckpointError(message));
}

/** A tokenizer of another kind: its message, and the kind. */
function expectForeign(given: TokenizerFiles, where: string, got: string, expected: string): void {
  const message = `tokenizer.json: ${where}: got ${got}, expected ${expected}. Use the files of a GPT-2 tokenizer.`;
  expect(() => createTokenizer(given)).toThrow(
    new TokenizerError(`tokenizer.json: ${where} ${got}`, message),
  );
}

describe("vocab.json and merges.txt", () => {
  test.each([
    ["plain", files.merges],
    ["a version, an end of line", `#version: 0.2\n${files.merges}\n`],
    ["CRLF and blank lines", `#version: 0.2\r\n${merges.join("\r\n\r\n")}\r\n\r\n`],
    ["a pair listed twice", `l l\n${files.merges}`], // the last counts
  ])("%s", (_name, text) => {
    expect(createTokenizer({ vocab: files.vocab, merges: text }).encode("hello a")).toEqual(hello);
  });

  test("only #version is a comment", () => {
    const hashes = { vocab: JSON.stringify({ "#": 0, "##": 1 }), merges: "#version: 0.2\n# #" };
    expect(createTokenizer(hashes).encode("##")).toEqual([1]);
  });

  test("a vocabulary of awkward names, sparse ids and tokens that are not byte symbols", () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "字", "1"];
    const text = `{${names.map((name, at) => `${JSON.stringify(name)}:${at * 1000}`).join(",")}}`;
    const tokenizer = createTokenizer({ vocab: text, merges: "" });
    expect(tokenizer.vocabSize).toBe(names.length);
    for (const [at, name] of names.entries()) expect(tokenizer.decode([at * 1000])).toBe(name);
    expect(tokenizer.encode("1")).toEqual([5000]);
    expect(() => tokenizer.encode("a")).toThrow(ValueError);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe("tokenizer.json", () => {
  test.each([
    ["merges as strings", json()],
    ["merges as pairs", json({}, { merges: merges.map((merge) => merge.split(" ")) })],
    ["no type, as GPT-2's own", json({}, { type: undefined })],
    [
      "what is off",
      json(
        {},
        {
          dropout: 0,
          continuing_subword_prefix: "",
          end_of_word_suffix: "",
          ignore_merges: false,
          byte_fallback: false,
        },
      ),
    ],
    [
      "an unknown token where no byte is unknown",
      json({}, { unk_token: "<|endoftext|>", fuse_unk: true, byte_fallback: true }),
    ],
    [
      "a Sequence of one",
      json({
        pre_tokenizer: { type: "Sequence", pretokenizers: [byteLevel] },
        decoder: { type: "Sequence", decoders: [byteLevel] },
      }),
    ],
    ["an empty Sequence of normalizers", json({ normalizer: { type: "Sequence", normalizers: [] } })],
    ["no decoder", json({ decoder: undefined })],
    ["nothing about use_regex", json({ pre_tokenizer: { type: "ByteLevel", add_prefix_space: false } })],
    ["a post-processor", json({ post_processor: { type: "TemplateProcessing" } })],
    ["truncation and padding", json({ truncation: { max_length: 1 }, padding: { length: 9 } })],
    ["vocab.json and merges.txt beside it", { ...json(), vocab: "{}", merges: "" }],
  ])("%s", (_name, given) => {
    expect(createTokenizer(given).encode("hello a")).toEqual(hello);
  });

  test("merges as pairs may hold a space", () => {
    const spaced = { vocab: { ...bytes, " ": 256, "a ": 257 }, merges: [["a", " "]] };
    expect(createTokenizer(json({}, spaced)).encode("a ")).toEqual([97, 32]); // a text's space is Ġ
  });

  test("use_regex: false merges across words", () => {
    const across = { vocab: { ...vocab, oĠ: 300 }, merges: ["o Ġ"] };
    expect(createTokenizer(json({}, across)).encode("o a")).toEqual([111, 32, 97]);
    const whole = json({ pre_tokenizer: { ...byteLevel, use_regex: false } }, across);
    expect(createTokenizer(whole).encode("o a")).toEqual([300, 97]);
  });

  test("add_prefix_space: a space before each text that has none, also behind an added token; the config decides", () => {
    const spaced = json({ pre_tokenizer: { ...byteLevel, add_prefix_space: true } });
    const tokenizer = createTokenizer(spaced);
    expect(tokenizer.encode("a")).toEqual([259]);
    expect(tokenizer.encode(" a")).toEqual([259]);
    expect(tokenizer.encode("")).toEqual([]);
    const plain = { vocab: bytes, merges: [] }; // no added token either
    const config = '{"add_prefix_space":true}';
    expect(createTokenizer({ ...json({}, plain), config }).encode("")).toEqual([]);
    expect(tokenizer.encode("\na")).toEqual([32, 10, 97]);
    expect(tokenizer.encode("a<|endoftext|>a")).toEqual([259, 260, 259]);
    expect(createTokenizer({ ...spaced, config: '{"add_prefix_space":false}' }).encode("a")).toEqual([97]);
    expect(createTokenizer({ ...files, config: '{"add_prefix_space":true}' }).encode("a")).toEqual([259]);
    expect(createTokenizer(json({ pre_tokenizer: { type: "ByteLevel" } })).encode("a")).toEqual([259]); // its default
  });
});

describe("added tokens", () => {
  const added = { id: 300, content: "<x>", special: true };

  test.each<[string, TokenizerFiles]>([
    ["tokenizer.json", json({ added_tokens: [added] })],
    [
      "tokenizer_config.json",
      { ...files, config: JSON.stringify({ added_tokens_decoder: { 300: { content: "<x>" } } }) },
    ],
    ["added_tokens.json", { ...files, addedTokens: '{"<x>":300}' }],
  ])("from %s", (_name, given) => {
    const tokenizer = createTokenizer(given);
    expect(tokenizer.encode("a<x> a")).toEqual([97, 300, 259]);
    expect(tokenizer.decode([97, 300, 259])).toBe("a<x> a");
    expect(tokenizer.vocabSize).toBe(262);
  });

  test("the config's word on a token counts", () => {
    const config = JSON.stringify({ added_tokens_decoder: { 300: { content: "<x>", lstrip: true } } });
    expect(createTokenizer({ ...json({ added_tokens: [added] }), config }).encode("a <x>")).toEqual([
      97, 300,
    ]);
  });

  test("a token that the vocabulary has is found in the text once it has a role", () => {
    for (const role of [
      "bos_token",
      "eos_token",
      "unk_token",
      "sep_token",
      "pad_token",
      "cls_token",
      "mask_token",
    ]) {
      for (const token of ["hell", { content: "hell", lstrip: false }]) {
        const config = JSON.stringify({ [role]: token });
        expect(createTokenizer({ ...files, config }).encode("hehell"), role).toEqual([256, 258]);
        expect(createTokenizer({ vocab: files.vocab, merges: "", config }).encode("hell"), role).toEqual([
          258,
        ]);
        expect(
          createTokenizer({ vocab: files.vocab, merges: "", specialTokensMap: config }).encode("hell"),
        ).toEqual([258]);
      }
    }
    for (const extra of [["hell"], { name: "hell" }, [{ content: "hell" }]]) {
      for (const key of ["additional_special_tokens", "extra_special_tokens"]) {
        const config = JSON.stringify({ [key]: extra });
        expect(createTokenizer({ vocab: files.vocab, merges: "", config }).encode("hell")).toEqual([258]);
      }
    }
  });

  test("special ones are looked for first, unless the file says otherwise", () => {
    const both = { "<a": 300, "a>": 301 };
    const normal = { id: 300, content: "<a", special: false };
    const special = { id: 301, content: "a>", special: true };
    expect(createTokenizer({ ...files, addedTokens: JSON.stringify(both) }).encode("<a>")).toEqual([300, 62]);
    const specialTokensMap = '{"pad_token":"a>"}';
    const named = createTokenizer({ ...files, addedTokens: JSON.stringify(both), specialTokensMap });
    expect(named.encode("<a>")).toEqual([60, 301]);
    expect(createTokenizer(json({ added_tokens: [normal, special] })).encode("<a>")).toEqual([60, 301]);
    const normalized = { ...special, normalized: true };
    expect(createTokenizer(json({ added_tokens: [normal, normalized] })).encode("<a>")).toEqual([300, 62]);
  });

  test("a role leaves what the file says of a token as it is", () => {
    const stripped = { id: 260, content: "<|endoftext|>", lstrip: true, special: true };
    expect(createTokenizer(json({ added_tokens: [stripped] })).encode("a <|endoftext|>")).toEqual([97, 260]);
  });

  test("a role gives a token without an id the next one, and an empty token is none", () => {
    const config = '{"pad_token":"<pad>","bos_token":null,"eos_token":""}';
    const tokenizer = createTokenizer({ ...files, config });
    expect(tokenizer.vocabSize).toBe(262);
    expect(tokenizer.encode("<pad>")).toEqual([261]);
    expect(tokenizer.decode([261])).toBe("<pad>");
    expect(createTokenizer(json({ added_tokens: [{ ...added, content: "" }] })).vocabSize).toBe(261);
  });

  test("bosToken: the config's, the map's, else <|endoftext|>, else none", () => {
    const bos = (given: Partial<TokenizerFiles>) => createTokenizer({ ...files, ...given }).bosToken;
    expect(bos({})).toBe(260);
    expect(bos({ config: '{"bos_token":"hell"}' })).toBe(258);
    expect(bos({ config: '{"bos_token":{"content":"hell","__type":"AddedToken"}}' })).toBe(258);
    expect(bos({ specialTokensMap: '{"bos_token":"hell"}' })).toBe(258);
    expect(bos({ config: '{"bos_token":"he"}', specialTokensMap: '{"bos_token":"hell"}' })).toBe(258); // as Hugging Face
    expect(bos({ config: '{"bos_token":null}' })).toBe(260);
    expect(bos({ config: '{"bos_token":"<s>"}', addedTokens: '{"<s>":261}' })).toBe(261);
    expect(bos({ config: '{"bos_token":"<s>"}' })).toBe(261);
    expect(bos({ vocab: JSON.stringify(bytes), merges: "" })).toBeUndefined();
    // the older map is not read beside a config that lists the added tokens
    const config = '{"added_tokens_decoder":{},"bos_token":"he"}';
    expect(bos({ config, specialTokensMap: '{"bos_token":"hell"}' })).toBe(256);
  });

  test("are text when decoded, also where their characters are byte symbols", () => {
    const tokenizer = createTokenizer(json({ added_tokens: [{ id: 300, content: "Ġé" }] }));
    expect(tokenizer.encode("aĠé")).toEqual([97, 300]);
    expect(tokenizer.decode([97, 300])).toBe("aĠé");
    expect(tokenizer.tokenString(300)).toBe("Ġé");
  });

  test("encode and decode give every text back, without lstrip and rstrip", () => {
    const contents = ["<x>", "<x>y", "é", "😀", "  ", "\n"];
    const tokens = contents.map((content, at) => ({
      id: bytes[content] ?? 300 + at,
      content,
      single_word: at === 1,
      normalized: at > 3,
    }));
    const tokenizer = createTokenizer(json({ added_tokens: tokens.filter((t) => t.id >= 300) }));
    const unit = fc.oneof(
      fc.constantFrom(...contents, " ", "hell", "<", "y"),
      fc.string({ unit: "binary", maxLength: 3 }),
    );
    fc.assert(
      fc.property(
        fc.array(unit, { maxLength: 20 }).map((parts) => parts.join("")),
        (text) => {
          expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
        },
      ),
    );
  });
});

const again = "Download it again.";
const together = "Use files that belong together.";
const ids = "an integer from 0 to 67108863";

describe("refuses files", () => {
  test.each<[TokenizerFiles, string]>([
    [{}, "no files"],
    [{ config: "{}" }, "no files"],
    [{ vocab: files.vocab }, "vocab.json alone"],
    [{ merges: files.merges }, "merges.txt alone"],
  ])("%#: that are not enough", (given, got) => {
    expectRefusal(
      given,
      `tokenizer: got ${got}, expected tokenizer.json, or vocab.json with merges.txt. Add what is missing.`,
    );
  });

  test.each(["tokenizer", "vocab", "config", "specialTokensMap", "addedTokens"] as const)(
    "%s that is no JSON object",
    (key) => {
      const name = {
        tokenizer: "tokenizer.json",
        vocab: "vocab.json",
        config: "tokenizer_config.json",
        specialTokensMap: "special_tokens_map.json",
        addedTokens: "added_tokens.json",
      }[key];
      const load = (text: string) => () => createTokenizer({ ...files, [key]: text });
      for (const text of [
        "[]",
        "1",
        "null",
        '"x"',
        "",
        '{"a":',
        "version https://git-lfs.github.com/spec/v1",
      ]) {
        expect(load(text), text).toThrow(CheckpointError);
        expect(load(text), text).toThrow(name);
      }
      expect(load("<!DOCTYPE html><html></html>")).toThrow(`${name}: got an HTML page`);
    },
  );

  test("merges.txt that is a web page", () => {
    for (const page of ["<!DOCTYPE html>\n<html>", "\n<html>\n", "<HTML lang=en>"]) {
      expectRefusal(
        { ...files, merges: page },
        "merges.txt: got an HTML page, expected a merge per line. Check the address it came from.",
      );
    }
    const angles = { vocab: '{"<":0,"<<":1}', merges: "< <" }; // a merge, not a page
    expect(createTokenizer(angles).encode("<<")).toEqual([1]);
  });

  test.each<[string, unknown, string]>([
    ["a", -1, "-1"],
    ["a", 0.5, "0.5"],
    ["a", "1", '"1"'],
    ["a", null, "null"],
    ["a", 2 ** 26, "67108864"],
    ["__proto__", -1, "-1"],
  ])("an id: %j: %j", (token, id, got) => {
    const text = `{${JSON.stringify(token)}:${JSON.stringify(id)}}`;
    expectRefusal(
      { vocab: text, merges: "" },
      `vocab.json: "${token}": got the id ${got}, expected ${ids}. ${again}`,
    );
  });

  test("an id given twice", () => {
    expectRefusal(
      { vocab: '{"a":0,"b":0}', merges: "" },
      `vocab.json: got the id 0 for "a" and "b", expected one token per id. ${again}`,
    );
    expectRefusal(
      json({}, { vocab: { a: 0, b: 0 } }),
      `tokenizer.json: model.vocab: got the id 0 for "a" and "b", expected one token per id. ${again}`,
    );
  });

  test.each<[unknown, string]>([
    ["h", '"h"'],
    ["h e l", '"h e l"'],
    ["h  e", '"h  e"'],
    [" h", '" h"'],
    [["h"], "a list of 1"],
    [["h", ""], "a list of 2"],
    [["h", 1], "a list of 2"],
    [7, "7"],
    [{ 0: "h", 1: "e", length: 2 }, "an object"],
  ])("a merge that is not two tokens: %j", (merge, got) => {
    expectRefusal(
      json({}, { merges: ["h e", merge] }),
      `tokenizer.json: model.merges: merge 2: got ${got}, expected two tokens. ${again}`,
    );
    if (typeof merge === "string") {
      expectRefusal(
        { ...files, merges: `h e\n${merge}` },
        `merges.txt: merge 2: got ${got}, expected two tokens. ${again}`,
      );
    }
  });

  test.each([
    ["hx e", '"hx" and "e"', "hx"],
    ["h ex", '"h" and "ex"', "ex"],
    ["e h", '"e" and "h"', "eh"],
    ["const ructor", '"const" and "ructor"', "const"],
  ])("a merge outside the vocabulary: %s", (merge, got, missing) => {
    expectRefusal(
      { ...files, merges: `#version: 0.2\n${merge}` },
      `merges.txt: merge 1: got ${got}, expected "${missing}" in the vocabulary. Use a vocabulary and merges that belong together.`,
    );
  });

  test.each<[string, unknown, string, string]>([
    ["type", "WordPiece", '"WordPiece"', '"BPE"'],
    ["type", 3, "3", '"BPE"'],
    ["dropout", 0.1, "0.1", "none"],
    ["continuing_subword_prefix", "##", '"##"', "none"],
    ["end_of_word_suffix", "</w>", '"</w>"', "none"],
    ["ignore_merges", true, "true", "none"],
  ])("tokenizer.json's model.%s: %j", (key, value, got, expected) => {
    expectForeign(json({}, { [key]: value }), `model.${key}`, got, expected);
  });

  test.each([
    ["unk_token", "<unk>", '"<unk>"'],
    ["byte_fallback", true, "true"],
  ])("%s, where some byte has no token", (key, value, got) => {
    expectForeign(json({}, { vocab: { a: 0 }, merges: [], [key]: value }), `model.${key}`, got, "none");
  });

  const step = (type: string) => ({ type });
  test.each<[string, unknown, string]>([
    ["normalizer", step("Lowercase"), 'normalizer: got "Lowercase", expected none'],
    [
      "normalizer",
      { type: "Sequence", normalizers: [step("NFC")] },
      'normalizer.normalizers[0]: got "NFC", expected none',
    ],
    ["pre_tokenizer", step("Whitespace"), 'pre_tokenizer: got "Whitespace", expected ByteLevel'],
    ["pre_tokenizer", null, "pre_tokenizer: got none, expected ByteLevel"],
    ["pre_tokenizer", { type: "Sequence", pretokenizers: [] }, "pre_tokenizer: got none, expected ByteLevel"],
    [
      "pre_tokenizer",
      { type: "Sequence", pretokenizers: [step("Digits"), byteLevel] },
      "pre_tokenizer.pretokenizers: got 2 steps, expected only ByteLevel",
    ],
    ["decoder", step("WordPiece"), 'decoder: got "WordPiece", expected ByteLevel'],
  ])("tokenizer.json's %s %j", (key, value, message) => {
    const [, where, got, expected] = /^(.*): got (.*), expected (.*)$/.exec(message)!;
    expectForeign(json({ [key]: value }), where, got, expected);
  });

  test.each<[TokenizerFiles, string]>([
    [json({ model: undefined }), "tokenizer.json: model: got nothing, expected an object"],
    [json({}, { vocab: [] }), "tokenizer.json: model.vocab: got a list of 0, expected an object"],
    [json({}, { merges: undefined }), "tokenizer.json: model.merges: got nothing, expected a list"],
    [
      json({ pre_tokenizer: "ByteLevel" }),
      'tokenizer.json: pre_tokenizer: got "ByteLevel", expected an object',
    ],
    [
      json({ pre_tokenizer: step("Sequence") }),
      "tokenizer.json: pre_tokenizer.pretokenizers: got nothing, expected a list",
    ],
    [
      json({ pre_tokenizer: { ...byteLevel, use_regex: 1 } }),
      "tokenizer.json: pre_tokenizer: use_regex: got 1, expected true or false",
    ],
    [
      json({ pre_tokenizer: { ...byteLevel, add_prefix_space: "" } }),
      'tokenizer.json: pre_tokenizer: add_prefix_space: got "", expected true or false',
    ],
    [json({ added_tokens: {} }), "tokenizer.json: added_tokens: got an object, expected a list"],
    [json({ added_tokens: ["<x>"] }), 'tokenizer.json: added_tokens[0]: got "<x>", expected an object'],
    [
      json({ added_tokens: [{ id: 1 }] }),
      "tokenizer.json: added_tokens[0]: got nothing as content, expected a string",
    ],
    [
      json({ added_tokens: [{ content: "<x>" }] }),
      `tokenizer.json: added_tokens[0]: "<x>": got the id nothing, expected ${ids}`,
    ],
    [
      json({ added_tokens: [{ id: 300, content: "<x>", lstrip: 1 }] }),
      "tokenizer.json: added_tokens[0]: lstrip: got 1, expected true or false",
    ],
    [{ ...files, addedTokens: '{"<x>":"1"}' }, `added_tokens.json: "<x>": got the id "1", expected ${ids}`],
    [
      { ...files, config: '{"add_prefix_space":1}' },
      "tokenizer_config.json: add_prefix_space: got 1, expected true or false",
    ],
    [
      { ...files, config: '{"added_tokens_decoder":[]}' },
      "tokenizer_config.json: added_tokens_decoder: got a list of 0, expected an object",
    ],
    [
      { ...files, config: '{"added_tokens_decoder":{"300":"<x>"}}' },
      'tokenizer_config.json: added_tokens_decoder: 300: got "<x>", expected an object',
    ],
    [
      { ...files, config: '{"added_tokens_decoder":{"x":{"content":"<x>"}}}' },
      `tokenizer_config.json: added_tokens_decoder: "<x>": got the id "x", expected ${ids}`,
    ],
    [{ ...files, config: '{"bos_token":1}' }, "special tokens: bos_token: got 1, expected an object"],
    [
      { ...files, config: '{"bos_token":{}}' },
      "special tokens: bos_token: got nothing as content, expected a string",
    ],
    [
      { ...files, config: '{"extra_special_tokens":"ab"}' },
      'extra_special_tokens: got "ab", expected an object',
    ],
    [
      { ...files, config: '{"additional_special_tokens":[null]}' },
      "special tokens: additional_special_tokens.0: got null, expected an object",
    ],
  ])("%#: of the wrong kind", (given, message) => {
    expectRefusal(given, `${message}. ${again}`);
  });

  test.each<[TokenizerFiles, string]>([
    [
      json({ added_tokens: [{ id: 300, content: "he" }] }),
      'tokenizer.json: added_tokens[0]: got the id 300 for "he", expected 256 as elsewhere',
    ],
    [
      json({ added_tokens: [{ id: 256, content: "<x>" }] }),
      `tokenizer: got the id 256 for "<x>", expected an id other than "he"'s`,
    ],
    [
      { ...files, addedTokens: '{"<x>":300,"<y>":300}' },
      `tokenizer: got the id 300 for "<y>", expected an id other than "<x>"'s`,
    ],
    [
      {
        ...json({ added_tokens: [{ id: 300, content: "<x>" }] }),
        config: '{"added_tokens_decoder":{"301":{"content":"<x>"}}}',
      },
      'tokenizer_config.json: added_tokens_decoder: got the id 301 for "<x>", expected 300 as elsewhere',
    ],
  ])("%#: that contradict each other", (given, message) => {
    expectRefusal(given, `${message}. ${together}`);
  });

  test("of any kind with a CheckpointError, never another", () => {
    const anyFile = fc.oneof(fc.json(), fc.string(), fc.constant(undefined));
    const names = fc.constantFrom(
      "model",
      "vocab",
      "merges",
      "added_tokens",
      "pre_tokenizer",
      "type",
      "bos_token",
      "added_tokens_decoder",
    );
    const nested = fc
      .dictionary(names, fc.oneof(fc.jsonValue(), fc.dictionary(names, fc.jsonValue())))
      .map((value) => JSON.stringify(value));
    const record = fc.record({
      vocab: anyFile,
      merges: anyFile,
      tokenizer: fc.oneof(nested, fc.constant(undefined)),
      config: fc.oneof(anyFile, nested),
      addedTokens: anyFile,
    });
    fc.assert(
      fc.property(record, (given) => {
        try {
          createTokenizer(given);
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
