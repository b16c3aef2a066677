/**
 * Sets of characters of Unicode 16.0, whatever version the engine has: a text's ids must not depend on it. It is the version of the
 * regular expressions of Hugging Face's tokenizers 0.23 and of tiktoken 0.14; test/fixtures/tokenizer/classes.json has their word on
 * every code point. As parts of a regular expression's class, to stand between [ and ] with the flag u.
 *
 * @see https://www.unicode.org/Public/16.0.0/ucd/
 */
import { letters, numbers, wordsButLetters } from "./unicodeTables.ts";

/** \p{White_Space}. JavaScript's \s has U+FEFF in it and lacks U+0085. */
export const whiteSpace = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

/** \p{L} */
export function letterClass(): string {
  return classOf(boundsOf(letters));
}

/** \p{N} */
export function numberClass(): string {
  return classOf(boundsOf(numbers));
}

/** [\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}], which is \w where Unicode has its say. */
export function wordClass(): string {
  const bounds = [...boundsOf(letters), ...boundsOf(wordsButLetters)].sort((a, b) => a - b);
  // where both change there is no change
  return classOf(bounds.filter((at, i) => at !== bounds[i - 1] && at !== bounds[i + 1]));
}

/** The places at which a set begins and ends, in turn; scripts/unicodeTables.mjs writes the tables. */
function boundsOf(table: string): number[] {
  const bounds: number[] = [];
  let [at, high] = [0, 0];
  for (let i = 0; i < table.length; i++) {
    const code = table.charCodeAt(i);
    if (code > 0x5c) high = 34 * high + code - 0x5c;
    else {
      at += 57 * high + code - 0x23;
      bounds.push(at);
      high = 0;
    }
  }
  return bounds;
}

/** By the characters themselves: V8 leaves a pattern of more than 20 kB unoptimized. None of them has a meaning in a class. */
function classOf(bounds: readonly number[]): string {
  let text = "";
  for (let i = 0; i < bounds.length; i += 2) {
    text += `${String.fromCodePoint(bounds[i])}-${String.fromCodePoint(bounds[i + 1] - 1)}`;
  }
  return text;
}
