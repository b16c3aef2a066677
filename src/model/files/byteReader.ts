import { throwIfAborted } from "../../errors.ts";
import { attempt, attemptNow } from "./attempt.ts";
import type { Bytes } from "./bytes.ts";

/** Reads a source once, from its beginning to its end. */
export interface ByteReader {
  /** The file's name, for messages. */
  readonly name: string;
  /** Where it was fetched from, where that is known. */
  readonly address: string | undefined;
  /** In bytes, where the source tells before it is read; whoever learns it from the bytes may say so. */
  size: number | undefined;
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

/** What has been read of one file. */
export interface Progress {
  readonly file: string;
  /** In bytes; of an encoded response, decoded ones. */
  readonly read: number;
  /** Undefined until it is known: a safetensors file says it at its beginning, a text file from the network at its end. */
  readonly size: number | undefined;
}

/** How sources are to be read. */
export interface ReadOptions {
  /** Stops at once, whatever is waited for; fetches and streams are cancelled. The load fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told of the bytes of each file as they come; the last time with `read` equal to `size`. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** Bytes read to be dropped, where they cannot be passed over. */
const DROPPED = 65_536;

export function byteReader(
  name: string,
  size: number | undefined,
  bytes: Bytes,
  { signal, onProgress }: ReadOptions = {},
  address?: string,
): ByteReader {
  let position = 0;

  function advance(count: number): void {
    position += count;
    if (count > 0) onProgress?.({ file: name, read: position, size });
  }

  function end(): void {
    if (size !== undefined) return;
    size = position;
    onProgress?.({ file: name, read: position, size });
  }

  async function read(out: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < out.length) {
      throwIfAborted(signal);
      const rest = out.subarray(filled);
      const count = await attempt({ name, signal, what: `could not be read beyond byte ${position}` }, () =>
        bytes.read(rest, position),
      );
      if (!(count > 0 && count <= rest.length)) {
        end(); // also for a foreign read() that gives no number
        break;
      }
      filled += count;
      advance(count);
    }
    return filled;
  }

  return {
    name,
    address,
    get size() {
      return size;
    },
    set size(known) {
      size = known;
    },
    get position() {
      return position;
    },
    read,
    async skip(count) {
      if (bytes.seekable && size !== undefined) {
        const skipped = Math.min(count, size - position);
        advance(skipped);
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
      const closed = Promise.resolve(bytes.close()).catch(() => {});
      if (!signal?.aborted) await closed; // an iterator's return() waits for its next(), which may never come
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
    const what = `could not be read at byte ${position + filled}`;
    const remedy = "The embedding's rows are read from it when they are needed: give a file that stays.";
    const count = attemptNow({ name, what, remedy }, () => bytes.readSync!(rest, position + filled));
    if (!(count > 0 && count <= rest.length)) break;
    filled += count;
  }
  return filled;
}
