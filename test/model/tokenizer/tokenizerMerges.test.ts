import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byteSymbols, type MergeTable, mergePairs } from "../../../src/model/tokenizer/bpe.ts";

/** A table over one-letter and longer tokens, ids in the order of `tokens`; merges as "a b", lowest rank first. */
function tableOf(tokens: readonly string[], merges: readonly string[]) {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const table: MergeTable = {
    idBound: tokens.length,
    ranks: new Map(
      merges.map((merge, rank) => {
        const [left, right] = merge.split(" ");
        return [ids.get(left)! * tokens.length + ids.get(right)!, rank];
      }),
    ),
    made: merges.map((merge) => ids.get(merge.replace(" ", ""))!),
  };
  const merge = (text: string) =>
    mergePairs(
      Array.from(text, (c) => ids.get(c)!),
      table,
    ).map((id) => tokens[id]);
  return { table, merge, ids };
}

describe("byteSymbols", () => {
  test("are GPT-2's", () => {
    const symbols = byteSymbols();
    expect(new Set(symbols).size).toBe(256);
    expect(
      [0x00, 0x0a, 0x20, 0x21, 0x7e, 0x7f, 0xa0, 0xa1, 0xac, 0xad, 0xae, 0xff].map((b) => symbols[b]),
    ).toEqual(["Ā", "Ċ", "Ġ", "!", "~", "ġ", "ł", "¡", "¬", "Ń", "®", "ÿ"]);
  });
});

describe("mergePairs, by hand", () => {
  const { merge } = tableOf(
    ["a", "b", "c", "aa", "ab", "bc", "abc", "aaaa"],
    ["b c", "a a", "a b", "a bc", "aa aa"],
  );

  test.each([
    ["", []],
    ["a", ["a"]],
    ["ca", ["c", "a"]], // no such pair
    ["aa", ["aa"]],
    ["aaa", ["aa", "a"]], // overlapping pairs: the left one
    ["aaaa", ["aaaa"]],
    ["aaaaa", ["aaaa", "a"]],
    ["aaaaaaa", ["aaaa", "aa", "a"]],
    ["ab", ["ab"]],
    ["abc", ["abc"]], // "b c" before "a b", then "a bc"
    ["aab", ["aa", "b"]], // rank before place: "a a" is lower than "a b"
    ["bab", ["b", "ab"]],
    ["aabc", ["aa", "bc"]], // "a a" is lower than "a bc"
    ["abcabc", ["abc", "abc"]],
  ])("%s", (text, tokens) => {
    expect(merge(text)).toEqual(tokens);
  });

  test("the lowest rank merges first also where a merge has just made it, as in Hugging Face", () => {
    // openai/gpt-2's encoder.py joins every "a b" before it looks again: ["ab", "ab"]. No training gives such ranks.
    expect(tableOf(["a", "b", "ab", "aba"], ["ab a", "a b"]).merge("abab")).toEqual(["aba", "b"]);
  });

  test("the ids given stay as they were", () => {
    const { table } = tableOf(["a", "aa"], ["a a"]);
    const ids = [0, 0, 0];
    mergePairs(ids, table);
    expect(ids).toEqual([0, 0, 0]);
  });
});

/** The definition itself: look for the lowest pair from the left, merge it, begin again. */
function mergeBySearching(ids: readonly number[], { ranks, made, idBound }: MergeTable): number[] {
  const tokens = [...ids];
  for (;;) {
    const found = tokens.slice(1).map((right, at) => ranks.get(tokens[at] * idBound + right) ?? Infinity);
    const rank = Math.min(...found);
    if (rank === Infinity) return tokens;
    tokens.splice(found.indexOf(rank), 2, made[rank]);
  }
}

describe("mergePairs", () => {
  // Tables that training would not give too: any pair of tokens so far, in any order.
  const random = fc
    .tuple(
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 12 }),
      fc.array(fc.nat({ max: 2 }), { maxLength: 24 }),
    )
    .map(([steps, text]) => {
      const tokens = ["a", "b", "c"];
      const merges: string[] = [];
      for (const [left, right, place] of steps) {
        const pair = [tokens[left % tokens.length], tokens[right % tokens.length]];
        if (merges.includes(pair.join(" "))) continue;
        if (!tokens.includes(pair.join(""))) tokens.push(pair.join(""));
        merges.splice(place % (merges.length + 1), 0, pair.join(" "));
      }
      return { tokens, merges, text };
    });

  test("does what its definition says, on any table", () => {
    fc.assert(
      fc.property(random, ({ tokens, merges, text }) => {
        const { table } = tableOf(tokens, merges);
        expect(mergePairs(text, table)).toEqual(mergeBySearching(text, table));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([1000, 10_000, 100_000])("looks at a pair six times per letter at most: %d letters", (length) => {
    const { table } = tableOf(["a", "aa", "aaaa", "aaaaaaaa"], ["a a", "aa aa", "aaaa aaaa"]);
    let looks = 0;
    const ranks = new Map(table.ranks);
    const counted = Object.assign(ranks, {
      get: (key: number) => {
        looks++;
        return Map.prototype.get.call(ranks, key);
      },
    });
    expect(mergePairs(new Array(length).fill(0), { ...table, ranks: counted })).toHaveLength(length / 8);
    // one look at each pair of letters and at two pairs per merge, and one more when each surfaces; merges are fewer than letters
    expect(looks).toBeGreaterThan(length);
    expect(looks).toBeLessThanOrEqual(2 * (length + 2 * length));
  });
});
