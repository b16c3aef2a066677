import { whiteSpace, wordClass } from "./characters.ts";

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

/** In code units; real ones have some tens. So that a text is searched in steps proportional to its length. */
export const longestAddedToken = 1024;

const space = new RegExp(`[${whiteSpace}]`);

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
  const longestAt = longestMatch(tokens);
  const touchesWord = tokens.some(({ singleWord }) => singleWord) ? wordTouch() : undefined;

  return (text) => {
    const segments: Segment[] = [];
    let done = 0; // everything before it is in `segments`
    for (let at = 0; at < text.length; ) {
      const token = longestAt(text, at);
      let start = at;
      at += token?.content.length ?? charLength(text, at);
      let end = at;
      if (token === undefined || (token.singleWord && touchesWord?.(text, start, end))) continue;
      if (token.lstrip) {
        while (start > done && space.test(text[start - 1])) start--;
        start = Math.max(start, done);
        if (start >= end) continue; // white space that the token before took along
      }
      if (token.rstrip) {
        end = Math.max(end, done); // white space already taken need not be walked again
        while (end < text.length && space.test(text[end])) end++;
      }
      if (start > done) segments.push(text.slice(done, start));
      segments.push(token.id);
      done = end;
    }
    if (done < text.length) segments.push(text.slice(done));
    return segments;
  };
}

/**
 * Finds the longest token that begins at a place: of the sorted tokens, those that agree with the text are fewer with each
 * character. In no more steps than the token is long, about, however many tokens there are; and without a tree in memory.
 */
function longestMatch(tokens: readonly AddedToken[]): (text: string, at: number) => AddedToken | undefined {
  const sorted = [...new Map(tokens.map((token) => [token.content, token])).values()];
  sorted.sort((a, b) => (a.content < b.content ? -1 : 1));

  /** The first of sorted[from … to) whose unit at `depth` is `unit` or more. */
  const firstFrom = (from: number, to: number, depth: number, unit: number): number => {
    let [low, high] = [from, to];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle].content.charCodeAt(depth) < unit) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  return (text, start) => {
    let longest: AddedToken | undefined;
    let [low, high] = [0, sorted.length];
    for (let depth = 0; low < high; depth++) {
      if (sorted[low].content.length === depth) {
        if (!isInsidePair(text, start + depth)) longest = sorted[low];
        low++;
      }
      if (start + depth >= text.length) break;
      const unit = text.charCodeAt(start + depth);
      low = firstFrom(low, high, depth, unit);
      high = firstFrom(low, high, depth, unit + 1);
    }
    return longest;
  };
}

/** Whether a place lies between the halves of a surrogate pair. */
function isInsidePair(text: string, at: number): boolean {
  return at > 0 && charLength(text, at - 1) === 2;
}

/** How many code units a character takes. */
function charLength(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}

/** Tells whether a part of a word is beside a place. It looks at two code units on either side: a character outside the BMP takes both. */
function wordTouch(): (text: string, start: number, end: number) => boolean {
  const word = wordClass();
  const [before, behind] = [new RegExp(`[${word}]$`, "u"), new RegExp(`^[${word}]`, "u")];
  return (text, start, end) =>
    before.test(text.slice(Math.max(0, start - 2), start)) || behind.test(text.slice(end, end + 2));
}
