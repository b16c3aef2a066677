/** A writer of safetensors, from the format's description; shares no code with src. */

export interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface Written {
  readonly metadata?: Record<string, string>;
  /** Spaces after the header's JSON. */
  readonly padding?: number;
}

export function float32Tensor(
  name: string,
  shape: readonly number[],
  values: ArrayLike<number>,
): StoredTensor {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i]!, true);
  return { name, dtype: "F32", shape, bytes: new Uint8Array(view.buffer) };
}

/** Truncates: give it values that a bfloat16 holds. */
export function bfloat16Tensor(
  name: string,
  shape: readonly number[],
  values: ArrayLike<number>,
): StoredTensor {
  const whole = float32Tensor(name, shape, values).bytes;
  return { name, dtype: "BF16", shape, bytes: whole.filter((_, i) => i % 4 >= 2) };
}

/** By the bits of each element. */
export function bits16Tensor(
  name: string,
  dtype: string,
  shape: readonly number[],
  bits: ArrayLike<number>,
): StoredTensor {
  const view = new DataView(new ArrayBuffer(2 * bits.length));
  for (let i = 0; i < bits.length; i++) view.setUint16(2 * i, bits[i]!, true);
  return { name, dtype, shape, bytes: new Uint8Array(view.buffer) };
}

/** The tensors, in the order given. */
export function writeSafetensors(tensors: readonly StoredTensor[], written: Written = {}): Uint8Array {
  let end = 0;
  const members = tensors.map(({ name, dtype, shape, bytes }) => {
    const begin = end;
    end += bytes.length;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`;
  });
  if (written.metadata) members.unshift(`"__metadata__":${JSON.stringify(written.metadata)}`);
  const json = `{${members.join(",")}}${" ".repeat(written.padding ?? 0)}`;
  return withHeader(json, concat(tensors.map(({ bytes }) => bytes)));
}

/** A file of any header and data, right or wrong. */
export function withHeader(json: string | Uint8Array, data: Uint8Array = new Uint8Array()): Uint8Array {
  const header = typeof json === "string" ? new TextEncoder().encode(json) : json;
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return concat([length, header, data]);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Chunks that end at the given places. */
export async function* cutAt(bytes: Uint8Array, places: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const to of [...places].sort((a, b) => a - b)) {
    yield bytes.slice(from, to);
    from = to;
  }
  yield bytes.slice(from);
}
