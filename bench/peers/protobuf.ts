/** Just enough of Protocol Buffers to write a message: its fields' bytes, one after the other. */

export type Bytes = Uint8Array;

/** Wire types: how a field's value is stored. */
const VARINT = 0;
const LENGTH = 2;
const FIXED32 = 5;

export function integer(field: number, value: number): Bytes {
  return concatenate([tag(field, VARINT), varint(BigInt(value))]);
}

export function float(field: number, value: number): Bytes {
  return concatenate([tag(field, FIXED32), new Uint8Array(Float32Array.of(value).buffer)]);
}

export function bytes(field: number, value: Bytes): Bytes {
  return concatenate([tag(field, LENGTH), varint(BigInt(value.length)), value]);
}

export function text(field: number, value: string): Bytes {
  return bytes(field, new TextEncoder().encode(value));
}

export function message(field: number, ...fields: readonly Bytes[]): Bytes {
  return bytes(field, concatenate(fields));
}

export function concatenate(parts: readonly Bytes[]): Bytes {
  const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let end = 0;
  for (const part of parts) {
    out.set(part, end);
    end += part.length;
  }
  return out;
}

function tag(field: number, wireType: number): Bytes {
  return varint(BigInt(8 * field + wireType));
}

/** Seven bits a byte, the lowest first; the eighth says that more follow. Negative numbers as 64 bits. */
function varint(value: bigint): Bytes {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return Uint8Array.from(out);
}
