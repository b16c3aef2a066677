import * as root from "../../src/index.ts";

const named: readonly unknown[] = [
  root.CheckError,
  root.CheckpointError,
  root.HubError,
  root.MemoryError,
  root.NotImplementedError,
  root.ShapeError,
  root.ThreadError,
  root.ValueError,
];

/** Whether it is one of the package's errors, by its class alone. */
export function isNamed(error: unknown): error is Error {
  return error instanceof Error && named.includes(error.constructor);
}

/** Calls and reads what comes to its end: a promise, or an iterator of at most a hundred. @throws what is no named error */
export async function refusalOf(call: () => unknown): Promise<Error | null> {
  try {
    const result = await call();
    const iterator = (result as AsyncIterable<unknown> | undefined)?.[Symbol.asyncIterator]?.();
    for (let i = 0; iterator && i < 100 && !(await iterator.next()).done; i++);
    return null;
  } catch (error) {
    if (isNamed(error)) return error;
    throw error;
  }
}
