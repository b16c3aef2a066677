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
  /** Passes over so many bytes; resolves to how many there were. */
  skip(bytes: number): Promise<number>;
  /** Reads at any place and at once, also after `close`; undefined where the source cannot. */
  readonly readNow: ((out: Uint8Array, position: number) => number) | undefined;
  /** Lets go of the source, read to its end or not. */
  close(): Promise<void>;
}

/** Where a reader's bytes come from; a ByteFile is one. */
export interface Bytes {
  /** Fills `out`, or its beginning, with the bytes at `position`; resolves to how many, 0 only at the end. */
  read(out: Uint8Array, position: number): Promise<number>;
  readSync?(out: Uint8Array, position: number): number;
  /** Whether `read` takes any position, so that bytes can be passed over. */
  readonly seekable: boolean;
  close(): Promise<unknown>;
}

/** Bytes read to be dropped, where they cannot be passed over. */
const DROPPED = 65_536;

export function byteReader(
  name: string,
  size: number | undefined,
  bytes: Bytes,
  signal: AbortSignal | undefined,
): ByteReader {
  let position = 0;

  async function read(out: Uint8Array): Promise<number> {
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
  }

  return {
    name,
    size,
    get position() {
      return position;
    },
    read,
    async skip(count) {
      if (bytes.seekable && size !== undefined) {
        const skipped = Math.min(count, size - position);
        position += skipped;
        return skipped;
      }
      let skipped = 0;
      const dropped = new Uint8Array(Math.min(count, DROPPED));
      while (skipped < count) {
        const got = await read(dropped.subarray(0, count - skipped));
        if (got === 0) break;
        skipped += got;
      }
      return skipped;
    },
    readNow: bytes.readSync && ((out, at) => readFully(name, bytes, out, at)),
    async close() {
      // A stream that failed fails here again: what was wrong has been said.
      await Promise.resolve(bytes.close()).catch(() => {});
    },
  };
}

/** Room made at first for bytes whose number nobody knows. */
const FIRST_ROOM = 65_536;

/**
 * Reads so many bytes, or all that there are. Room is made as they come where the source does not tell its size: a file may
 * claim more than it has.
 */
export async function readAtMost(reader: ByteReader, bytes: number): Promise<Uint8Array> {
  const left = reader.size === undefined ? FIRST_ROOM : reader.size - reader.position + 1; // one more, to see the end
  let out = new Uint8Array(Math.min(bytes, Math.max(1, left)));
  let filled = 0;
  for (;;) {
    filled += await reader.read(out.subarray(filled));
    if (filled < out.length || filled === bytes) return out.subarray(0, filled);
    const longer = new Uint8Array(Math.min(bytes, 2 * out.length));
    longer.set(out);
    out = longer;
  }
}

/** Fills `out` from a file that reads at once; returns how many bytes there were. */
function readFully(name: string, bytes: Bytes, out: Uint8Array, position: number): number {
  let filled = 0;
  while (filled < out.length) {
    const rest = out.subarray(filled);
    const count = attemptNow(name, `could not be read at byte ${position + filled}`, () =>
      bytes.readSync!(rest, position + filled),
    );
    if (!(count > 0 && count <= rest.length)) break;
    filled += count;
  }
  return filled;
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
    seekable: false,
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
    seekable: true,
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
    signal?.throwIfAborted();
    throw named(name, what, error);
  }
}

function attemptNow<T>(name: string, what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw named(name, what, error);
  }
}

function named(name: string, what: string, error: unknown): Error {
  if (error instanceof CheckpointError || error instanceof ValueError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new CheckpointError(`${name}: ${what}: ${reason}.`, { cause: error });
}
