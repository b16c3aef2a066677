import { expect } from "vitest";
import { CheckpointError, jsKernels, modelFromFiles, type Source } from "../../src/index.ts";
import { store, tinyConfig, tinyTensors } from "../support/gpt2Checkpoint.ts";
import { withHeader, writeSafetensors } from "../support/writeSafetensors.ts";

/** A file: its text, its bytes, or any source. */
export type Content = string | Source;

/** A model that loads; files may be put in the place of its own, or taken away. */
export const goodFiles: Readonly<Record<string, Content>> = {
  "config.json": JSON.stringify(tinyConfig),
  "model.safetensors": writeSafetensors(tinyTensors().map(store)),
};

/** Loads the good model with these files. */
export function load(files: Readonly<Record<string, Content | undefined>>): Promise<unknown> {
  const all = Object.entries({ ...goodFiles, ...files }).filter(([, content]) => content !== undefined);
  const sources = all.map(([name, content]) => [
    name,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  ]);
  return modelFromFiles(Object.fromEntries(sources), { kernels: jsKernels, onWarning: () => {} });
}

/** A safetensors file of such a header, with so many zero bytes after it. */
export function safetensors(header: string, dataLength = 0): Uint8Array {
  return withHeader(header, new Uint8Array(dataLength));
}

/** Eight bytes that claim a header of that length, and what follows them. */
export function claiming(length: bigint, rest = ""): Uint8Array {
  const bytes = new Uint8Array(8 + rest.length);
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  bytes.set(new TextEncoder().encode(rest), 8);
  return bytes;
}

/** That it is refused with a CheckpointError of that message, and left no trace in any prototype. */
export async function expectRefusal(loading: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await loading.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  expect((error as Error).message).toMatch(message);
  expectCleanPrototypes();
}

export function expectCleanPrototypes(): void {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(Object.keys(Array.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
}

/** Runs `action`, and tells the bytes of the largest array that it made room for. */
export async function largestAllocation(action: () => Promise<unknown>): Promise<number> {
  const kinds = ["Uint8Array", "Uint16Array", "Float32Array", "Float64Array"] as const;
  const before = kinds.map((kind) => globalThis[kind]);
  let largest = 0;
  const globals = globalThis as unknown as Record<string, unknown>;
  kinds.forEach((kind, i) => {
    globals[kind] = new Proxy(before[i], {
      construct(target, args, newTarget) {
        if (typeof args[0] === "number") largest = Math.max(largest, args[0] * target.BYTES_PER_ELEMENT);
        return Reflect.construct(target, args, newTarget);
      },
    });
  });
  try {
    await action();
  } finally {
    kinds.forEach((kind, i) => {
      globals[kind] = before[i];
    });
  }
  return largest;
}
