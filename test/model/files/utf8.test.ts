import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { demoModel } from "../../../src/demo/index.ts";
import { createTokenizer, directLogitAttribution } from "../../../src/index.ts";
import { decodeUtf8, utf8Encoder } from "../../../src/model/files/utf8.ts";

afterEach(() => vi.unstubAllGlobals());

/** As in jsdom under Jest, which has neither. */
function withoutCodecs<T>(action: () => T): T {
  vi.stubGlobal("TextDecoder", undefined);
  vi.stubGlobal("TextEncoder", undefined);
  return action();
}

/** Bytes that are mostly parts of UTF-8, cut and mixed. */
const bytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 3 }),
      fc.string({ unit: "binary", maxLength: 3 }).map((text) => new TextEncoder().encode(text)),
      fc.constantFrom(
        ...[
          [0xe0, 0x80],
          [0xed, 0xa0, 0x80],
          [0xf0, 0x8f, 0xbf],
          [0xf4, 0x90, 0x80, 0x80],
          [0xf0, 0x9f, 0x98],
        ],
        ...[
          [0xef, 0xbb, 0xbf],
          [0xc0, 0xaf],
          [0xf8, 0x88],
          [0xe2, 0x82],
          [0xc2],
          [0xdf, 0xbf],
          [0xf4, 0x8f, 0xbf, 0xbf],
        ],
      ),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));

describe("UTF-8 without TextDecoder and TextEncoder is what these make of it", () => {
  test("strictly, and with U+FFFD for what is none", () => {
    fc.assert(
      fc.property(bytes, (input) => {
        const lossy = new TextDecoder("utf-8", { ignoreBOM: true }).decode(input);
        let strict: string | null;
        try {
          strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true }).decode(input);
        } catch {
          strict = null;
        }
        withoutCodecs(() => {
          expect(decodeUtf8(input)).toBe(strict);
          expect(decodeUtf8(input, { lossy: true })).toBe(lossy);
        });
        vi.unstubAllGlobals();
        expect(decodeUtf8(input)).toBe(strict);
        expect(decodeUtf8(input, { lossy: true })).toBe(lossy);
      }),
      { numRuns: 3000 },
    );
  });

  test("every pair of bytes", () => {
    const fatal = new TextDecoder("utf-8", { ignoreBOM: true });
    const pairs = Array.from({ length: 65_536 }, (_, pair) => Uint8Array.of(pair >> 8, pair & 255));
    const expected = pairs.map((pair) => fatal.decode(pair));
    withoutCodecs(() => {
      expect(pairs.map((pair) => decodeUtf8(pair, { lossy: true }))).toEqual(expected);
    });
  });

  test("texts longer than an engine takes arguments, and back", () => {
    const text = "a\u00e9\u20ac😀\ud800".repeat(100_000);
    const expected = new TextEncoder().encode(text);
    withoutCodecs(() => {
      const encoded = utf8Encoder()(text);
      expect(Buffer.compare(encoded, expected)).toBe(0);
      expect(decodeUtf8(encoded)).toBe(text.replaceAll("\ud800", "\ufffd"));
    });
  });
});

test("a model is loaded and attributed to the same bits without them", async () => {
  const ask = async () => {
    const model = await demoModel({ compatibilityMode: true });
    const result = directLogitAttribution(model, "Mary said caf\u00e9 😀 to", {
      answer: " Mary",
      unit: "head",
    });
    return { result, text: model.tokenizer?.decode(model.toTokens("caf\u00e9 😀")) };
  };
  const expected = await ask();
  expect(await withoutCodecs(ask)).toEqual(expected);
});

test("a file that is no UTF-8 is named as such without them", () => {
  withoutCodecs(() => {
    expect(() => createTokenizer({ vocab: "{", merges: "" })).toThrow(/^vocab.json: not valid JSON/);
  });
});
