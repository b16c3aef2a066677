import { CheckpointError } from "../../errors.ts";
import { describe, isJsonObject } from "../files/json.ts";

/** A tensor in a safetensors file: `begin` and `end` count bytes from the end of the header. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Bits per element of every dtype that the format knows. */
const dtypeBits: ReadonlyMap<string, number> = new Map([
  ...["F4"].map((dtype) => [dtype, 4] as const),
  ...["F6_E2M3", "F6_E3M2"].map((dtype) => [dtype, 6] as const),
  ...["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E5M2FNUZ", "F8_E4M3FNUZ"].map(
    (dtype) => [dtype, 8] as const,
  ),
  ...["I16", "U16", "F16", "BF16"].map((dtype) => [dtype, 16] as const),
  ...["I32", "U32", "F32"].map((dtype) => [dtype, 32] as const),
  ...["I64", "U64", "F64", "C64"].map((dtype) => [dtype, 64] as const),
]);

const entryKeys = ["dtype", "shape", "data_offsets"];

/**
 * Checks one tensor's entry in a header: a known dtype, a shape of counted size, and as many bytes as the two make.
 *
 * @throws CheckpointError naming the file and the tensor
 */
export function parseEntry(name: string, value: unknown, file: string): TensorEntry {
  const refuse = (got: string, expected: string) =>
    new CheckpointError(`${file}: ${name}: got ${got}, expected ${expected}. The file is damaged.`);

  if (!isJsonObject(value)) throw refuse(describe(value), "an object of dtype, shape and data_offsets");
  const strange = Object.keys(value).find((key) => !entryKeys.includes(key));
  if (strange !== undefined) throw refuse(`a key ${describe(strange)}`, "dtype, shape and data_offsets");

  const { dtype, shape, data_offsets: offsets } = value;
  const bits = typeof dtype === "string" ? dtypeBits.get(dtype) : undefined;
  if (bits === undefined)
    throw refuse(`dtype ${describe(dtype)}`, `one of ${[...dtypeBits.keys()].join(", ")}`);

  if (!Array.isArray(shape) || !shape.every(isSize)) {
    throw refuse(`shape ${listing(shape)}`, "a list of integers, none below 0");
  }
  const largest = Number.MAX_SAFE_INTEGER / bits;
  let elements = 1;
  for (const dim of shape) {
    elements *= dim;
    if (elements > largest) throw refuse(`shape ${listing(shape)}`, "a size that can be counted in bits");
  }

  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize) || offsets[0] > offsets[1]) {
    throw refuse(`data_offsets ${listing(offsets)}`, "[begin, end], two integers, 0 ≤ begin ≤ end");
  }
  const [begin, end] = offsets;
  if ((end - begin) * 8 !== elements * bits) {
    throw refuse(`${end - begin} bytes`, `${(elements * bits) / 8} for ${dtype} ${listing(shape)}`);
  }
  return { name, dtype: dtype as string, shape, begin, end };
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function listing(value: unknown): string {
  return Array.isArray(value) ? `[${value.slice(0, 8).map(describe).join(", ")}]` : describe(value);
}
