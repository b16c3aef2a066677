/**
 * The text of UTF-8 bytes, by TextDecoder where the runtime has one (jsdom does not). A byte-order mark stays.
 *
 * @returns null for bytes that are not UTF-8, unless `lossy`: then U+FFFD stands for each maximal part that is none
 */
export function decodeUtf8(bytes: Uint8Array, { lossy = false }: { lossy?: boolean } = {}): string | null {
  if (typeof TextDecoder === "undefined") return decode(bytes, lossy);
  try {
    return new TextDecoder("utf-8", { fatal: !lossy, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The bytes of a text; a lone surrogate counts as U+FFFD. By TextEncoder where there is one. */
export function utf8Encoder(): (text: string) => Uint8Array {
  if (typeof TextEncoder === "undefined") return encode;
  const encoder = new TextEncoder();
  return (text) => encoder.encode(text);
}

/** Characters made into a string at one time: fewer than an engine takes as arguments. */
const AT_ONCE = 8192;

/** @see https://encoding.spec.whatwg.org/#utf-8-decoder */
function decode(bytes: Uint8Array, lossy: boolean): string | null {
  const parts: string[] = [];
  let points: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { point, length } = pointAt(bytes, at);
    if (point === INVALID && !lossy) return null;
    points.push(point === INVALID ? 0xfffd : point);
    at += length;
    if (points.length < AT_ONCE) continue;
    parts.push(String.fromCodePoint(...points));
    points = [];
  }
  return parts.join("") + String.fromCodePoint(...points);
}

const INVALID = -1;

/** The code point that begins there, and of how many bytes it is; or how many are no part of one. */
function pointAt(bytes: Uint8Array, at: number): { point: number; length: number } {
  const first = bytes[at];
  if (first < 0x80) return { point: first, length: 1 };
  const count = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0;
  let point = first & (0x3f >> count);
  for (let i = 1; i <= count; i++) {
    const next = bytes[at + i];
    const isFirst = i === 1;
    const least = isFirst && first === 0xe0 ? 0xa0 : isFirst && first === 0xf0 ? 0x90 : 0x80; // or it is too long
    const most = isFirst && first === 0xed ? 0x9f : isFirst && first === 0xf4 ? 0x8f : 0xbf; // or no code point
    if (!(next >= least && next <= most)) return { point: INVALID, length: i };
    point = (point << 6) | (next & 0x3f);
  }
  return count === 0 ? { point: INVALID, length: 1 } : { point, length: count + 1 };
}

function encode(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const given = character.codePointAt(0)!;
    const point = given >= 0xd800 && given < 0xe000 ? 0xfffd : given;
    if (point < 0x80) bytes.push(point);
    else {
      const count = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
      bytes.push([0, 0xc0, 0xe0, 0xf0][count] | (point >> (6 * count)));
      for (let i = count - 1; i >= 0; i--) bytes.push(0x80 | ((point >> (6 * i)) & 0x3f));
    }
  }
  return Uint8Array.from(bytes);
}
