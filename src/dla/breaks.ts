import { describe, tagOf, throwIfAborted, ValueError } from "../errors.ts";

/** The time for which computing may hold the event loop, in milliseconds: about a frame of a screen of 60 Hz. */
const LONGEST_TURN = 16;

/**
 * Breaks in long work, in which the event loop serves everything else: input, painting, aborts. `await pause()` between two
 * steps goes on at once until 16 ms of work have passed, and then waits for the loop's next turn.
 *
 *   const pause = breaks(signal);
 *   for (const step of steps) {
 *     await pause();
 *     compute(step);
 *   }
 *
 * @throws the signal's reason, from `pause()`, once it is aborted
 */
export function breaks(signal?: AbortSignal | undefined): () => Promise<void> {
  const clock = globalThis.performance ?? Date; // no web global is needed
  let began = clock.now();
  return async () => {
    throwIfAborted(signal);
    if (clock.now() - began < LONGEST_TURN) return;
    await nextTurn();
    began = clock.now();
    throwIfAborted(signal);
  };
}

/** A turn of the loop later. Not by a timer where there is another way: pages wait 4 ms for one, and a second in a hidden tab. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof MessageChannel === "undefined") return void setTimeout(resolve);
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close(); // an open port keeps Node from ending
      resolve();
    };
    port2.postMessage(null);
  });
}

/** @throws ValueError unless each of those who follow long work is one, or left out */
export function expectFollowers(where: string, signal: unknown, onProgress: unknown): void {
  if (signal !== undefined && tagOf(signal) !== "AbortSignal") {
    throw new ValueError(
      `${where}: got signal ${describe(signal)}, expected an AbortSignal. Give that of an AbortController.`,
    );
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw new ValueError(
      `${where}: got onProgress ${describe(onProgress)}, expected a function. Give one, or leave it out.`,
    );
  }
}
