import type { Dice } from "./dice.ts";
import { fragments, numbers, texts } from "./dictionary.ts";
import { bytesOf, type Input, type Kind, textOf } from "./input.ts";
import { mutateJson } from "./mutateJson.ts";

/** Of one part, in bytes. */
const longest = 1 << 19;

/** An input changed a little; or much, with parts of another one. */
export function mutate(input: Input, other: Input, kinds: readonly Kind[], dice: Dice): Input {
  const parts = [...input];
  for (let times = dice.pick([1, 1, 2]); times > 0; times--) {
    const at = dice.below(parts.length);
    if (dice.chance(0.05)) parts[at] = other[at];
    else if (dice.chance(0.02)) parts[at] = new Uint8Array();
    else parts[at] = mutatePart(parts[at], other[at], kinds[at], dice).subarray(0, longest);
  }
  return parts;
}

function mutatePart(bytes: Uint8Array, other: Uint8Array, kind: Kind, dice: Dice): Uint8Array {
  const isStructured = dice.chance(0.75);
  if (kind === "safetensors" && isStructured) return mutateSafetensors(bytes, other, dice);
  if (kind === "lines" && isStructured) return mutateLines(bytes, dice);
  if (kind === "json" && isStructured) {
    const changed = mutateJson(textOf(bytes), dice);
    if (changed !== null) return bytesOf(changed);
  }
  return mutateBytes(bytes, other, dice);
}

/** The header changed, mostly with the length in front that it has then. */
function mutateSafetensors(bytes: Uint8Array, other: Uint8Array, dice: Dice): Uint8Array {
  if (bytes.length < 8) return mutateBytes(bytes, other, dice);
  const length = Math.min(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true), bytes.length - 8);
  const header = bytes.subarray(8, 8 + length);
  const data = bytes.subarray(8 + length);
  const json = dice.chance(0.8) ? mutateJson(textOf(header), dice) : null;
  const changed = json === null ? mutateBytes(header, other, dice) : bytesOf(json);
  const whole = new Uint8Array(8 + changed.length + data.length);
  const claimed = dice.chance(0.9) ? changed.length : dice.pick(numbers);
  new DataView(whole.buffer).setBigUint64(0, BigInt(Math.trunc(Math.abs(claimed))), true);
  whole.set(changed, 8);
  whole.set(
    dice.chance(0.9) ? data : mutateBytes(data, other, dice).subarray(0, data.length),
    8 + changed.length,
  );
  return whole;
}

function mutateLines(bytes: Uint8Array, dice: Dice): Uint8Array {
  const lines = textOf(bytes).split("\n");
  const at = dice.below(lines.length);
  const words = lines.join(" ").split(" ");
  const line = () =>
    dice.pick([dice.pick(lines), `${dice.pick(words)} ${dice.pick(words)}`, dice.pick(texts)]);
  lines.splice(at, dice.below(2), ...Array.from({ length: dice.below(3) }, line));
  return bytesOf(lines.join(dice.chance(0.9) ? "\n" : "\r\n"));
}

function mutateBytes(bytes: Uint8Array, other: Uint8Array, dice: Dice): Uint8Array {
  const at = dice.below(bytes.length + 1);
  const count = Math.min(bytes.length - at, 1 + dice.below(dice.pick([1, 4, 64, 4096])));
  const replaced = (removed: number, inserted: Uint8Array) =>
    concat(bytes.subarray(0, at), inserted, bytes.subarray(at + removed));
  switch (dice.below(7)) {
    case 0:
      return bytes.length === 0 ? bytes : bytes.with(at % bytes.length, dice.below(256));
    case 1:
      return bytes.length === 0
        ? bytes
        : bytes.with(at % bytes.length, bytes[at % bytes.length] ^ (1 << dice.below(8)));
    case 2:
      return replaced(count, new Uint8Array());
    case 3:
      return replaced(0, bytes.subarray(at, at + count));
    case 4:
      return replaced(
        dice.chance(0.5) ? count : 0,
        bytesOf(dice.pick([dice.pick(texts), dice.pick(fragments), String(dice.pick(numbers))])),
      );
    case 5: {
      const from = dice.below(other.length + 1);
      return replaced(dice.below(2) * count, other.subarray(from, from + 1 + dice.below(256)));
    }
    default: {
      const number = new Uint8Array(8);
      new DataView(number.buffer).setBigInt64(0, BigInt(Math.trunc(dice.pick(numbers) % 2 ** 63)), true);
      const width = dice.pick([1, 2, 4, 8]);
      return replaced(Math.min(width, bytes.length - at), number.subarray(0, width));
    }
  }
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
