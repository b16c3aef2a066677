import type { AttributedToken } from "../dla/index.ts";

/** Characters that a terminal would act upon instead of showing: controls, escapes, invisible and bidirectional marks; and the layout's own. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufdd0\ufdd1]/gu;

/** Text in which every such character is shown: ↵ for a newline, ␛ for an escape, `\u{202e}` for the others. */
export function visible(text: string): string {
  return text.replace(unprintable, (char) => {
    const code = char.codePointAt(0)!;
    if (char === "\n") return "↵";
    if (char === "\t") return "⇥";
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? "␡" : `\\u{${code.toString(16)}}`;
  });
}

/** A token as a person refers to it: quoted, so that a leading space shows; by its id where it has no text. */
export function quoteToken(token: AttributedToken): string {
  return token.text === null ? `token ${token.id}` : `"${visible(token.text)}"`;
}

const wide =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff60]/u;

/** How many columns of a terminal visible text takes: two for East Asian characters and emoji, none for marks. */
export function columns(text: string): number {
  let total = 0;
  for (const char of text) total += /\p{M}/u.test(char) ? 0 : wide.test(char) ? 2 : 1;
  return total;
}

/** `text` with spaces behind it up to `width` columns. */
export function padColumns(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - columns(text)));
}

/** `text` as far as it fits `width` columns, with … where it was cut. */
export function cutColumns(text: string, width: number): string {
  if (columns(text) <= width) return text;
  let cut = "";
  for (const char of text) {
    if (columns(cut) + columns(char) > width - 1) break;
    cut += char;
  }
  return `${cut}…`;
}
