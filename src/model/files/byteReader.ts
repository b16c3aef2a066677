import { CheckpointError, ValueError } from "../../errors.ts";

/** Reads a source once, from its beginning to its end. */
export interface ByteReader {
  /** The file's name, for messages. */
  readonly name: string;
  /** In bytes, where the source tells before it is read. */
  readonly size: number | undefined;
  /** How many bytes have been read. */
  readonly position: number;
  /** Fills `out` with the next bytes; resolves to how many there were: fewer than asked only at the end. */
  read(out: Uint8Array): Promise<number>;
  /** Lets go of the source, read to its end or not. */
  close(): Promise<void>;
}

/** Where a reader's bytes come from; a ByteFile is one. */
export interface Bytes {
  /** Fills `out`, or its beginning, with the bytes at `position`; resolves to how many, 0 only at the end. */
  read(out: Uint8Array, position: number): Promise<number>;
  close(): Promise<unknown>;
}

export function byteReader(
  name: string,
  size: number | undefined,
  bytes: Bytes,
  signal: AbortSignal | undefined,
): ByteReader {
  let position = 0;
  return {
    name,
    size,
    get position() {
      return position;
    },
    async read(out) {
      let filled = 0;
      while (filled < out.length) {
        signal?.throwIfAborted();
        const rest = out.subarray(filled);
        const count = await attempt(name, `could not be read beyond byte ${position}`, signal, () =>
          bytes.read(rest, position),
        );
        if (!(count > 0 && count <= rest.length)) break; // also for a foreign read() that gives no number
        filled += count;
        position += count;
      }
      return filled;
    },
    async close() {
      // A stream that failed fails here again: what was wrong has been said.
      await Promise.resolve(bytes.close()).catch(() => {});
    },
  };
}

/** The bytes of a stream's chunks, which may have any size. Asks for no chunk before it is needed. */
export function chunkBytes(
  next: () => Promise<{ done?: boolean | undefined; value?: unknown }>,
  close: () => Promise<unknown>,
): Bytes {
  let chunk = new Uint8Array();
  return {
    async read(out) {
      while (chunk.length === 0) {
        const { done, value } = await next();
        if (done) return 0;
        if (!ArrayBuffer.isView(value))
          throw new TypeError(`got a chunk of type ${typeof value}, expected a Uint8Array`);
        chunk = new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
      }
      const some = chunk.subarray(0, out.length);
      out.set(some);
      chunk = chunk.subarray(some.length);
      return some.length;
    },
    close,
  };
}

/** The bytes of memory. */
export function memoryBytes(bytes: Uint8Array): Bytes {
  return {
    async read(out, position) {
      const some = bytes.subarray(position, position + out.length);
      out.set(some);
      return some.length;
    },
    close: async () => {},
  };
}

/** Runs `action`; a failure becomes a CheckpointError that names the file, unless it is one, or the abort asked for. */
export async function attempt<T>(
  name: string,
  what: string,
  signal: AbortSignal | undefined,
  action: () => T | Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof CheckpointError || error instanceof ValueError) throw error;
    signal?.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    throw new CheckpointError(`${name}: ${what}: ${reason}.`, { cause: error });
  }
}
