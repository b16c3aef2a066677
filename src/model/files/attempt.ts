import { CheckpointError, throwIfAborted, ValueError } from "../../errors.ts";

/** What is attempted, for the error's message and the signal that may stop it. */
export interface Attempt {
  readonly name: string;
  readonly what: string;
  /** What to do about it. */
  readonly remedy?: string;
  readonly signal: AbortSignal | undefined;
}

/** Runs `action`; a failure becomes a CheckpointError that names the file, unless it is one, or the abort asked for. */
export async function attempt<T>(attempted: Attempt, action: () => T | Promise<T>): Promise<T> {
  const { signal } = attempted;
  try {
    return await orAbort(Promise.resolve(action()), signal);
  } catch (error) {
    throwIfAborted(signal);
    throw named(attempted, error);
  }
}

/** The same for what is done at once. */
export function attemptNow<T>(attempted: Omit<Attempt, "signal">, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw named(attempted, error);
  }
}

function named({ name, what, remedy }: Omit<Attempt, "signal">, error: unknown): Error {
  if (error instanceof CheckpointError || error instanceof ValueError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const rest = remedy === undefined ? "" : ` ${remedy}`;
  return new CheckpointError(`${name}: ${what}: ${reason}.${rest}`, { cause: error });
}

/** The promise's outcome, or, as soon as the signal says so, its reason: whatever the promise waits for. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const stop = () => {
      try {
        throwIfAborted(signal);
      } catch (reason) {
        reject(reason);
      }
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    const settled = () => signal.removeEventListener("abort", stop);
    promise.then(resolve, reject).then(settled);
  });
}
