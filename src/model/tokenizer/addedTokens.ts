/** A token found in the text as it is written, before any byte-pair encoding: `<|endoftext|>` and the like. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Takes the white space before it along. */
  readonly lstrip: boolean;
  /** Takes the white space behind it along. */
  readonly rstrip: boolean;
  /** Is no token where a letter, mark, digit or underscore touches it. */
  readonly singleWord: boolean;
  /** Is looked for after all that are not. (There is no normalizer: only the order matters.) */
  readonly normalized: boolean;
}

/** A stretch of text, or the id of an added token that stood in its place. */
export type Segment = string | number;

const whiteSpace = /\p{White_Space}/u;
const wordBefore = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const wordBehind = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

/**
 * How to split a text at the added tokens, as Hugging Face does: those that are not `normalized` first, then the
 * others in what is left between; of several at one place the longest.
 *
 * @see https://github.com/huggingface/tokenizers tokenizers/src/tokenizer/added_vocabulary.rs, `find_matches`
 */
export function addedTokenSplitter(tokens: readonly AddedToken[]): (text: string) => Segment[] {
  const splitters = [false, true]
    .map((normalized) => tokens.filter((token) => token.normalized === normalized))
    .filter((group) => group.length > 0)
    .map((group) => splitter(group));
  return (text) =>
    splitters.reduce<Segment[]>(
      (segments, split) =>
        segments.flatMap((segment) => (typeof segment === "string" ? split(segment) : segment)),
      [text],
    );
}

function splitter(tokens: readonly AddedToken[]): (text: string) => Segment[] {
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  const longestFirst = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const source = longestFirst.map((content) => content.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|");
  const pattern = new RegExp(source, "gu");

  return (text) => {
    const segments: Segment[] = [];
    let done = 0; // everything before it is in `segments`
    for (const match of text.matchAll(pattern)) {
      const token = byContent.get(match[0])!;
      let start = match.index;
      let end = start + match[0].length;
      if (token.singleWord && touchesWord(text, start, end)) continue;
      if (token.lstrip) {
        while (start > done && whiteSpace.test(text[start - 1])) start--;
        start = Math.max(start, done);
        if (start >= end) continue; // white space that the token before took along
      }
      if (token.rstrip) {
        end = Math.max(end, done); // white space already taken need not be walked again
        while (end < text.length && whiteSpace.test(text[end])) end++;
      }
      if (start > done) segments.push(text.slice(done, start));
      segments.push(token.id);
      done = end;
    }
    if (done < text.length) segments.push(text.slice(done));
    return segments;
  };
}

/** Two code units on either side: a character outside the BMP takes both. */
function touchesWord(text: string, start: number, end: number): boolean {
  return (
    wordBefore.test(text.slice(Math.max(0, start - 2), start)) || wordBehind.test(text.slice(end, end + 2))
  );
}
