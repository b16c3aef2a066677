import { createTokenizer, type Tokenizer } from "../../../src/index.ts";
import { readText } from "../../../src/model/files/json.ts";
import { byteSymbols } from "../../../src/model/tokenizer/bpe.ts";
import { bytesOf, type Input, type Target } from "../input.ts";
import { expect, tolerate } from "../outcome.ts";

const small = ["h", "a", "t", "Ġ", "Ġh", "Ġha", "Ġhat", "at", "!", "â", "Ĥ", "<|endoftext|>"];
const numbered = (tokens: readonly string[]) => Object.fromEntries(tokens.map((token, id) => [token, id]));
const vocab = numbered(small);
const merges = ["Ġ h", "Ġh a", "Ġha t", "a t"];
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const addedToken = {
  id: 11,
  content: "<|endoftext|>",
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
};
const whole = {
  version: "1.0",
  added_tokens: [addedToken],
  normalizer: null,
  pre_tokenizer: byteLevel,
  decoder: { type: "Sequence", decoders: [byteLevel] },
  model: { type: "BPE", dropout: null, unk_token: null, vocab, merges },
};
const complete = {
  ...whole.model,
  vocab: numbered([...byteSymbols(), "Ġa", "aa"]),
  merges: [
    ["Ġ", "a"],
    ["a", "a"],
  ],
};

export const vocabAndMerges: Input = [bytesOf(vocab), bytesOf(`#version: 0.2\n${merges.join("\n")}\n`)];

const samples: readonly string[] = [
  "",
  "hat",
  " a hat<|endoftext|>hat! ",
  "\u00e9\u5b57😀\ud800x\udc00",
  " \n\n\t  \u0085\ufeff x don't 12 3!!",
  "a".repeat(300),
  "<x><x>ab <xx>",
  "__proto__ constructor",
];

/** What a tokenizer promises, whatever its files say. */
function probe(tokenizer: Tokenizer, roundTrips: boolean): void {
  const { vocabSize, bosToken } = tokenizer;
  expect(Number.isInteger(vocabSize) && vocabSize >= 0, `vocabSize ${vocabSize}`);
  if (bosToken !== undefined) expect(typeof tokenizer.tokenString(bosToken) === "string", `bos ${bosToken}`);
  for (const text of samples) {
    const ids = tolerate(() => tokenizer.encode(text));
    if (ids === undefined) continue;
    const decoded = tokenizer.decode(ids);
    expect(
      ids.every((id) => typeof tokenizer.tokenString(id) === "string"),
      "a token without a text",
    );
    const wellFormed = new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text));
    if (roundTrips)
      expect(decoded === wellFormed, `${JSON.stringify(text)} came back as ${JSON.stringify(decoded)}`);
  }
}

const textsOf = (input: Input, names: readonly string[]) =>
  Promise.all(input.map((bytes, i) => (bytes.length === 0 ? undefined : readText(bytes, names[i]))));

export const tokenizerJson: Target = {
  name: "tokenizer.json",
  kinds: ["json"],
  seeds: [whole, { ...whole, model: complete, added_tokens: [] }].map((file) => [bytesOf(file)]),
  async run(input) {
    const [tokenizer] = await textsOf(input, ["tokenizer.json"]);
    probe(createTokenizer({ tokenizer }), false);
  },
};

export const vocabulary: Target = {
  name: "vocab.json, merges.txt",
  kinds: ["json", "lines"],
  seeds: [vocabAndMerges, [bytesOf(complete.vocab), bytesOf("a a\nĠ a")]],
  async run(input) {
    const [vocab, merges] = await textsOf(input, ["vocab.json", "merges.txt"]);
    probe(createTokenizer({ vocab, merges }), true);
  },
};

const addedFiles = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];
const token = (content: string, options: object = {}) => ({ ...addedToken, content, ...options });

export const addedTokens: Target = {
  name: addedFiles.join(", "),
  kinds: ["json", "json", "json"],
  seeds: [
    [
      {
        bos_token: "<|endoftext|>",
        add_prefix_space: false,
        added_tokens_decoder: { 11: addedToken, 12: token("<x>", { lstrip: true, rstrip: true }) },
      },
      { eos_token: token("<x>"), additional_special_tokens: ["<xx>"] },
      { "<x>": 12, "<xx>": 13 },
    ],
    [
      { pad_token: "ab" },
      { extra_special_tokens: { image: token(" ", { normalized: true, single_word: true }) } },
      { ab: 14, " ": 15, a: 1 },
    ],
  ].map((files) => files.map(bytesOf)),
  async run(input) {
    const [config, specialTokensMap, addedTokens] = await textsOf(input, addedFiles);
    const tokenizer = JSON.stringify({
      ...whole,
      added_tokens: [],
      model: { ...whole.model, vocab: { ...vocab, "<": 20, ">": 21, x: 22, b: 23 } },
    });
    probe(createTokenizer({ tokenizer, config, specialTokensMap, addedTokens }), false);
  },
};
