/** What a target is given: the bytes of its files, in an order of its own. An empty one is a file that is not there. */
export type Input = readonly Uint8Array[];

/** How the bytes of a part are mutated: by what they are to be. */
export type Kind = "json" | "safetensors" | "lines" | "text";

/** A part of the package that reads what others wrote. */
export interface Target {
  readonly name: string;
  readonly kinds: readonly Kind[];
  /** Inputs to begin with. */
  readonly seeds: readonly Input[];
  /** Reads the input; throws one of the package's errors where it is refused. Anything else thrown is a crash. */
  run(input: Input): unknown;
}

const encoder = new TextEncoder();

export function bytesOf(value: string | object): Uint8Array {
  return encoder.encode(typeof value === "string" ? value : JSON.stringify(value));
}

/** The bytes as text, whatever they are. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export function sizeOf(input: Input): number {
  return input.reduce((sum, { length }) => sum + length, 0);
}

/** One array of all parts: how many, then each with its length in front. */
export function pack(input: Input): Uint8Array {
  const whole = new Uint8Array(4 + 4 * input.length + sizeOf(input));
  const view = new DataView(whole.buffer);
  view.setUint32(0, input.length, true);
  let at = 4;
  for (const part of input) {
    view.setUint32(at, part.length, true);
    whole.set(part, at + 4);
    at += 4 + part.length;
  }
  return whole;
}

export function unpack(whole: Uint8Array): Input {
  const view = new DataView(whole.buffer, whole.byteOffset);
  let at = 4;
  return Array.from({ length: view.getUint32(0, true) }, () => {
    const length = view.getUint32(at, true);
    const part = whole.slice(at + 4, at + 4 + length);
    at += 4 + length;
    return part;
  });
}
