/** A stream for two readers; see `teeInStep`. */
export interface Tee {
  /** Who reads it leads: what it cancels ends with an error for the second. */
  readonly first: ReadableStream<Uint8Array>;
  readonly second: ReadableStream<Uint8Array>;
  /** The second has what it wants: the first goes on alone. */
  leave(): void;
  /** Whether the source failed, or the first reader cancelled: then the second never sees an end. */
  stopped(): boolean;
}

/**
 * Two readers of one stream, in step: a chunk is asked for when both have taken the one before. `ReadableStream.tee` and
 * `Response.clone` hold whatever the slower one has not read yet, all of a model at worst.
 *
 * @param onFailure called when the source fails
 */
export function teeInStep(source: ReadableStream<Uint8Array>, onFailure: () => void): Tee {
  const chunks = source.getReader();
  const passage = new TransformStream<Uint8Array, Uint8Array>();
  const second = passage.writable.getWriter();
  second.closed.catch(() => {}); // told by write()
  let isAlone = false;
  let isStopped = false;

  function leave(failure?: unknown): void {
    isAlone = true;
    second.abort(failure).catch(() => {});
  }

  const first = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let next: ReadableStreamReadResult<Uint8Array>;
        try {
          next = await chunks.read();
        } catch (error) {
          isStopped = true;
          onFailure();
          leave(error);
          throw error;
        }
        if (next.done) {
          if (!isAlone) second.close().catch(() => {});
          controller.close();
          return;
        }
        if (!isAlone) await second.write(next.value).catch(() => leave());
        controller.enqueue(next.value);
      },
      async cancel(reason) {
        isStopped = true;
        leave(reason ?? new Error("the reading was stopped"));
        await chunks.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return { first, second: passage.readable, leave, stopped: () => isStopped };
}
