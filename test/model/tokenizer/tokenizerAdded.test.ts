import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AddedToken, addedTokenSplitter } from "../../../src/model/tokenizer/addedTokens.ts";
import { createTokenizer } from "../../../src/model/tokenizer/tokenizer.ts";

const folder = new URL("../../fixtures/tokenizer/special/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), "utf8");

describe("tokenizer.json", () => {
  // [{ text, [file]: ids }], from the tokenizers package: scripts/fixtures/special_tokens.py
  const expected: ({ text: string } & Record<string, number[]>)[] = JSON.parse(read("expected.json"));
  const names = readdirSync(folder).filter((name) => name !== "expected.json");

  test("there are fixtures", () => {
    expect(names).toContain("tokenizer.json");
    expect(expected.length).toBeGreaterThan(20);
  });

  describe.each(names)("%s", (name) => {
    const tokenizer = createTokenizer({ tokenizer: read(name) });
    test.each(expected.map((row) => [row.text, row[name]] as const))(
      "Hugging Face's ids: %j",
      (text, ids) => {
        expect(tokenizer.encode(text)).toEqual(ids);
      },
    );
  });
});

function token(id: number, content: string, flags: Partial<AddedToken> = {}): AddedToken {
  return { id, content, lstrip: false, rstrip: false, singleWord: false, normalized: false, ...flags };
}

describe("addedTokenSplitter", () => {
  test("without tokens leaves the text whole", () => {
    expect(addedTokenSplitter([])("a <b>")).toEqual(["a <b>"]);
  });

  test("takes the longest at each place, from the left", () => {
    const split = addedTokenSplitter([token(0, "ab"), token(1, "abc"), token(2, "bcd")]);
    expect(split("abcd ab bcd")).toEqual([1, "d ", 0, " ", 2]);
  });

  test("reads no character of a token as a pattern", () => {
    const contents = ["[a]", "a|b", "(.*)", "\\d", "^$", "a{2}", "/+?", "-"];
    const split = addedTokenSplitter(contents.map((content, id) => token(id, content)));
    for (const [id, content] of contents.entries()) expect(split(`x${content}y`)).toEqual(["x", id, "y"]);
    expect(split("a 5 aa b")).toEqual(["a 5 aa b"]);
  });

  test("finds no token within a character", () => {
    expect(addedTokenSplitter([token(0, "\ude00")])("😀\ude00")).toEqual(["😀", 0]);
  });

  test("finds a normalized token only in what the others leave", () => {
    const split = addedTokenSplitter([
      token(0, "abc", { normalized: true }),
      token(1, "c"),
      token(2, "ab", { normalized: true }),
    ]);
    expect(split("abcab")).toEqual([2, 1, 2]);
  });

  test("lstrip and rstrip take Unicode's white space along, once", () => {
    const split = addedTokenSplitter([token(0, "<l>", { lstrip: true }), token(1, "<r>", { rstrip: true })]);
    expect(split("a \t<l> b")).toEqual(["a", 0, " b"]);
    expect(split("a <r>\u0085\u3000b")).toEqual(["a ", 1, "b"]);
    expect(split("<r>  <l>")).toEqual([1, 0]);
    expect(split("\ufeff<l>")).toEqual(["\ufeff", 0]); // U+FEFF is no white space
  });

  test("a token of white space that another one took along is gone", () => {
    const split = addedTokenSplitter([
      token(0, "<r>", { rstrip: true }),
      token(1, " ", { lstrip: true }),
      token(2, "\t"),
    ]);
    expect(split("<r> a")).toEqual([0, "a"]);
    expect(split("<r>\ta")).toEqual([0, 2, "a"]); // as in Hugging Face: without lstrip it counts
  });

  test("singleWord: no letter, mark, digit or underscore beside it, in the BMP or not", () => {
    const split = addedTokenSplitter([token(0, "ab", { singleWord: true })]);
    expect(split("ab ab-ab.")).toEqual([0, " ", 0, "-", 0, "."]);
    for (const beside of ["a", "é", "\u0301", "1", "_", "字", "\u200d", "𝟎", "𠀀"]) {
      expect(split(`${beside}ab`), `${beside} before`).toEqual([`${beside}ab`]);
      expect(split(`ab${beside}`), `${beside} behind`).toEqual([`ab${beside}`]);
    }
    for (const beside of [" ", "-", "½", "😀", "'"]) expect(split(`${beside}ab`)).toEqual([beside, 0]);
  });

  test("leaves nothing out and adds nothing, without lstrip and rstrip", () => {
    const contents = ["<s>", "<s>a", " ", "😀", "aa", "\n"];
    const tokens = contents.map((content, id) =>
      token(id, content, { singleWord: id % 2 === 1, normalized: id % 3 === 0 }),
    );
    const split = addedTokenSplitter(tokens);
    const text = fc
      .array(fc.constantFrom(...contents, "a", "s>", "\ud83d", "é"), { maxLength: 30 })
      .map((p) => p.join(""));
    fc.assert(
      fc.property(text, (value) => {
        const segments = split(value);
        expect(
          segments.map((segment) => (typeof segment === "number" ? contents[segment] : segment)).join(""),
        ).toBe(value);
      }),
    );
  });

  // Finishing is the test: each token's white space reaches to the end of the text.
  test.each([
    ["rstrip", token(0, " ", { rstrip: true })],
    ["lstrip", token(0, " ", { lstrip: true })],
  ])("does not walk a long run of white space again for each token: %s", (_name, only) => {
    expect(addedTokenSplitter([only])(" ".repeat(300_000)).length).toBeGreaterThan(0);
  });
});
