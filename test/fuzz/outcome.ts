import {
  CheckError,
  CheckpointError,
  MemoryError,
  NotImplementedError,
  ShapeError,
  ThreadError,
  TokenizerError,
  ValueError,
} from "../../src/errors.ts";
import { type Input, sizeOf, type Target } from "./input.ts";

/** What the package promises not to do. */
export class Crash extends Error {
  override name = "Crash";
}

const named = [
  CheckError,
  CheckpointError,
  MemoryError,
  NotImplementedError,
  ShapeError,
  ThreadError,
  TokenizerError,
  ValueError,
];

/**
 * Runs a target on an input.
 *
 * @returns the package's error that refused it; null where it was read
 * @throws Crash, or whatever else it threw
 */
export async function outcomeOf(target: Target, input: Input): Promise<Error | null> {
  allowance = 8e6 + 256 * sizeOf(input);
  let refusal: Error | null = null;
  try {
    await target.run(input);
  } catch (error) {
    if (!isNamed(error)) throw error;
    refusal = error;
  }
  for (const prototype of [Object, Array, Function, String, Number].map(({ prototype }) => prototype)) {
    const [key] = Object.keys(prototype);
    if (key !== undefined) throw new Crash(`a prototype has a ${key}`);
  }
  return refusal;
}

/** What `action` gives, or undefined where it is refused. */
export function tolerate<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!isNamed(error)) throw error;
    return undefined;
  }
}

export function expect(holds: boolean, what: string): void {
  if (!holds) throw new Crash(what);
}

function isNamed(error: unknown): error is Error {
  return named.some((kind) => error instanceof Object && error.constructor === kind);
}

/** Bytes that an array may have, for an input of that size. */
let allowance = Number.POSITIVE_INFINITY;

/** @throws Crash where room for so many bytes is beyond what the input's size allows */
export function expectAffordable(bytes: number): void {
  if (bytes > allowance) throw new Crash(`room made for ${bytes} bytes, expected at most ${allowance}`);
}

/** From now on every array made by its length must be affordable. */
export function watchAllocations(): void {
  const globals = globalThis as unknown as Record<string, unknown>;
  for (const kind of [Uint8Array, Uint16Array, Int32Array, Float32Array, Float64Array, ArrayBuffer]) {
    const unit = "BYTES_PER_ELEMENT" in kind ? kind.BYTES_PER_ELEMENT : 1;
    globals[kind.name] = new Proxy(kind, {
      construct(target, args, newTarget) {
        if (typeof args[0] === "number") expectAffordable(args[0] * unit);
        return Reflect.construct(target, args, newTarget);
      },
    });
  }
}
