import { describe, ValueError } from "../errors.ts";
import type { Tensor } from "../tensor/index.ts";
import { asList, type Integers } from "./integers.ts";

/** One position of a prompt, several, or all; a negative one counts from the prompt's end. */
export type Positions = number | Integers | "all";

/**
 * The positions meant in a prompt of `length` tokens, as indices from 0, in the order given.
 *
 * @throws ValueError when one lies outside the prompt, or none is given
 */
export function resolvePositions(where: string, positions: Positions, length: number): number[] {
  if (positions === "all") return Array.from({ length }, (_, pos) => pos);
  const list = typeof positions === "number" ? [positions] : asList<unknown>(positions);
  if (!Array.isArray(list) || list.length === 0) {
    throw new ValueError(
      `${where}: got ${describe(positions)}, expected a number, a list of at least one, or "all". Say which positions.`,
    );
  }
  return Array.from(list, (pos: number) => {
    if (Number.isInteger(pos) && pos >= -length && pos < length) return pos < 0 ? pos + length : pos;
    throw new ValueError(
      `${where}: got position ${describe(pos)}, expected one from ${-length} to ${length - 1} in a prompt of ${length} tokens. ` +
        "Positions count the BOS token in front of a text.",
    );
  });
}

/** The rows of an activation at some positions of the given axis; the activation itself when they are all. */
export function takePositions(
  activation: Tensor,
  axis: number,
  positions: readonly number[],
  allocate: (length: number) => Float32Array = (length) => new Float32Array(length),
): Tensor {
  const { shape, data } = activation;
  const length = shape[axis];
  if (positions.length === length && positions.every((pos, i) => pos === i)) return activation;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const outer = data.length / (inner * length);
  const out = allocate(outer * positions.length * inner);
  for (let o = 0, at = 0; o < outer; o++) {
    for (const pos of positions) {
      const start = (o * length + pos) * inner;
      out.set(data.subarray(start, start + inner), at);
      at += inner;
    }
  }
  return { shape: shape.map((size, i) => (i === axis ? positions.length : size)), data: out };
}
