/** A module's bytes as text, for one memory of two kinds: they differ in a few bytes. */
export interface ModuleText {
  /** For memory that is not shared. */
  readonly text: string;
  /** The bytes that take the place of `from` to `to` for memory that threads share. */
  readonly shared: { readonly from: number; readonly to: number; readonly text: string };
}

/**
 * Bytes as text that a script holds in one byte a character: 91 of them as one character, the others as two. Nothing is packed
 * across bytes, as base64 does, so that gzip finds what repeats: base64 takes half as much again.
 */
const FIRST = 35; // after the quotation mark
const COUNT = 91;
const pages = ["", "~", "!"];

export function textOf(bytes: Uint8Array): string {
  const show = (byte: number) =>
    pages[Math.floor(byte / COUNT)] + String.fromCharCode(FIRST + (byte % COUNT));
  return Array.from(bytes, show).join("");
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  let page = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 126) page = COUNT;
    else if (code === 33) page = 2 * COUNT;
    else {
      bytes[length++] = page + code - FIRST;
      page = 0;
    }
  }
  return bytes.slice(0, length);
}

/** The two forms of a module, as the build keeps them. */
export function moduleText(alone: Uint8Array, shared: Uint8Array): ModuleText {
  const from = alone.findIndex((byte, i) => byte !== shared[i]);
  let after = 0;
  while (alone[alone.length - 1 - after] === shared[shared.length - 1 - after]) after++;
  const text = textOf(shared.subarray(from, shared.length - after));
  return { text: textOf(alone), shared: { from, to: alone.length - after, text } };
}

export function moduleBytes({ text, shared }: ModuleText, isShared: boolean): Uint8Array<ArrayBuffer> {
  const bytes = bytesOf(text);
  if (!isShared) return bytes;
  const { from, to } = shared;
  return Uint8Array.from([...bytes.subarray(0, from), ...bytesOf(shared.text), ...bytes.subarray(to)]);
}
