/** A file that can be read at any place. */
export interface ByteFile {
  readonly size: number;
  /** Fills `out`, or its beginning, with the bytes at `position`; resolves to how many, 0 only at the end. */
  read(out: Uint8Array, position: number): Promise<number>;
  /**
   * The same at once, also after `close`. Where a file has it, the embedding stays in the file: rows are read when a prompt
   * needs them.
   */
  readSync?(out: Uint8Array, position: number): number;
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

/** Bytes asked for at a time of a stream that fills a given buffer. */
const FILLED = 262_144;

/**
 * The bytes of a stream: read into one buffer again and again, where it can fill one, as fetch's and a Blob's can. Chunks of
 * its own are garbage that an engine lets grow to a good part of a model.
 */
export function streamBytes(stream: ReadableStream<Uint8Array>): Bytes {
  const filled = fillingReader(stream);
  const chunks = filled ?? stream.getReader(); // not async iteration, which Safari's streams lack
  let buffer = new ArrayBuffer(filled ? FILLED : 0);
  const next = async () => {
    const read = await filled!.read(new Uint8Array(buffer)); // takes the buffer, and gives it back
    if (read.value) buffer = read.value.buffer as ArrayBuffer;
    return read;
  };
  return chunkBytes(
    filled ? next : () => (chunks as ReadableStreamDefaultReader<Uint8Array>).read(),
    async () => {
      chunks.cancel().catch(() => {}); // of a clone's body it settles only when the other one is cancelled too
    },
  );
}

function fillingReader(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return undefined; // a stream of chunks; or an engine without
  }
}

export function fileBytes(file: ByteFile): Bytes {
  return {
    read: (out, position) => file.read(out, position),
    ...(typeof file.readSync === "function" && {
      readSync: (out, position) => file.readSync!(out, position),
    }),
    seekable: true,
    close: () => file.close(),
  };
}

/** In workers alone, so that the library's types for pages leave it out. */
declare const FileReaderSync: new () => { readAsArrayBuffer(blob: Blob): ArrayBuffer };

/** As a stream, begun anew where bytes are passed over; in a worker also at once, so that the embedding stays in the file. */
export function blobBytes(blob: Blob): Bytes {
  let stream: Bytes | undefined;
  let at = 0;
  return {
    async read(out, position) {
      if (stream === undefined || position !== at) {
        await stream?.close();
        stream = streamBytes(blob.slice(position).stream());
        at = position;
      }
      const count = await stream.read(out, position);
      at += count;
      return count;
    },
    ...(typeof FileReaderSync === "function" && {
      readSync(out: Uint8Array, position: number) {
        const slice = blob.slice(position, position + out.length);
        const some = new Uint8Array(new FileReaderSync().readAsArrayBuffer(slice));
        out.set(some);
        return some.length;
      },
    }),
    seekable: true,
    close: async () => stream?.close(),
  };
}
