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

export function streamBytes(stream: ReadableStream<Uint8Array>): Bytes {
  const chunks = stream.getReader(); // not async iteration, which Safari's streams lack
  return chunkBytes(
    () => chunks.read(),
    async () => {
      chunks.cancel().catch(() => {}); // of a clone's body it settles only when the other one is cancelled too
    },
  );
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

/** By slices, so that bytes can be passed over; in a worker also at once, so that the embedding stays in the file. */
export function blobBytes(blob: Blob): Bytes {
  const slice = (out: Uint8Array, position: number) => blob.slice(position, position + out.length);
  return {
    async read(out, position) {
      const some = new Uint8Array(await slice(out, position).arrayBuffer());
      out.set(some);
      return some.length;
    },
    ...(typeof FileReaderSync === "function" && {
      readSync(out: Uint8Array, position: number) {
        const some = new Uint8Array(new FileReaderSync().readAsArrayBuffer(slice(out, position)));
        out.set(some);
        return some.length;
      },
    }),
    seekable: true,
    close: async () => {},
  };
}
