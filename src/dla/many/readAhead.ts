import { ValueError } from "../../errors.ts";
import { describeValue } from "../../model/index.ts";
import { nextTurn } from "../breaks.ts";

/** An iterable's items, one after another. */
export interface Ahead<T> {
  /**
   * @param canWait whether to wait for one that is not there yet; else "later" once the event loop has had a turn
   * @throws the signal's reason once it is aborted, also while it waits; and what the iterable throws
   */
  next(canWait: boolean): Promise<IteratorResult<T, unknown> | "later">;
  /** Ends the iterable, unless it has ended. Does not wait for one that still owes an item: it may never come. */
  close(): Promise<void>;
}

/** @throws ValueError unless it can be iterated */
export function readAhead<T>(
  where: string,
  items: Iterable<T> | AsyncIterable<T>,
  signal: AbortSignal | undefined,
): Ahead<T> {
  const iterator = iteratorOf(where, items);
  let asked: Promise<IteratorResult<T, unknown>> | undefined;
  let turn: Promise<"later"> | undefined;
  let isOver = false;
  const ask = async () => {
    const { done, value } = await iterator.next();
    return done ? { done, value } : { done: false as const, value: await value };
  };
  /** The next turn of the loop, one for all who wait for it. */
  const later = () => {
    turn ??= nextTurn().then(() => {
      turn = undefined;
      return "later";
    });
    return turn;
  };
  return {
    async next(canWait) {
      signal?.throwIfAborted();
      try {
        asked ??= ask();
        const come = await (canWait ? orAbort(asked, signal) : Promise.race([asked, later()]));
        if (come === "later") return come;
        asked = undefined;
        if (come.done) isOver = true;
        return come;
      } catch (error) {
        if (!signal?.aborted) isOver = true;
        throw error;
      }
    },
    async close() {
      if (isOver) return;
      isOver = true;
      if (asked === undefined) return void (await iterator.return?.());
      asked.catch(() => {});
      void (async () => iterator.return?.())().catch(() => {});
    },
  };
}

function iteratorOf<T>(where: string, items: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  const isText = typeof items === "string"; // which is iterable, by characters
  const both = isText ? undefined : (items as Partial<AsyncIterable<T> & Iterable<T>> | null | undefined);
  const iterator = both?.[Symbol.asyncIterator]?.() ?? both?.[Symbol.iterator]?.();
  if (iterator !== undefined) return iterator;
  throw new ValueError(
    `${where}: got ${describeValue(items)}, expected records, one after another. Give a list of them, or an iterable.`,
  );
}

function orAbort<T>(coming: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return coming;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    const settle = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop, { once: true });
    coming.then(resolve, reject).finally(settle);
  });
}
