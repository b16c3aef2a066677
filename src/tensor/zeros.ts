import { MemoryError } from "../errors.ts";

/**
 * Room for weights, zeros.
 *
 * @throws MemoryError where the engine refuses so much
 */
export function zeros(length: number): Float32Array {
  try {
    return new Float32Array(length);
  } catch (error) {
    throw new MemoryError(
      `weights: got no ${Math.ceil((4 * length) / 2 ** 20)} MiB of memory from the engine, expected room for one of them. ` +
        "Close what else needs memory, or take a smaller model.",
      { cause: error },
    );
  }
}
