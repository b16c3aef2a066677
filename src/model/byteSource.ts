import { CheckpointError, ValueError } from "../errors.ts";

/** A file that can be read at any place. */
export interface ByteFile {
  readonly size: number;
  /** Fills `out`, or its beginning, with the bytes at `position`; resolves to how many, 0 only at the end. */
  read(out: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** Anything that a model file can be read from. A function is called when its file is needed, and only then. */
export type Source =
  | URL
  | Response
  | Blob
  | ArrayBuffer
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | ByteFile
  | (() => Source | Promise<Source>);

/** A model's files by name: "config.json", "model.safetensors", "vocab.json", … */
export type ModelFiles = Readonly<Record<string, Source>> | ReadonlyMap<string, Source>;

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

/** The names of the files given. */
export function fileNames(files: ModelFiles): string[] {
  return isMap(files) ? [...files.keys()] : Object.keys(files);
}

/** The file of that name, or undefined. */
export function fileNamed(files: ModelFiles, name: string): Source | undefined {
  if (isMap(files)) return files.get(name);
  return Object.hasOwn(files, name) ? files[name] : undefined;
}

function isMap(files: ModelFiles): files is ReadonlyMap<string, Source> {
  return files instanceof Map;
}

/**
 * Opens a source for reading. Nothing is read ahead: a stream's chunks are asked for one by one.
 *
 * @throws CheckpointError when the source cannot be opened, or a Response is not a good one
 * @throws ValueError      when it is not a source
 */
export async function openSource(source: Source, name: string, signal?: AbortSignal): Promise<ByteReader> {
  signal?.throwIfAborted();
  if (typeof source === "function") {
    return openSource(await attempt(name, "could not be opened", signal, source), name, signal);
  }
  if (isA(source, "URL", URL)) {
    const response = await attempt(name, `could not be fetched from ${source.href}`, signal, () =>
      fetch(source, signal ? { signal } : {}),
    );
    return openSource(response, name, signal);
  }
  if (isA(source, "Response", Response)) {
    const stream = bodyOf(source, name);
    return reader(name, undefined, stream ? streamChunks(stream) : chunksOf(new Uint8Array()), signal);
  }
  if (isA(source, "ArrayBuffer", ArrayBuffer)) return openSource(new Uint8Array(source), name, signal);
  if (ArrayBuffer.isView(source)) {
    const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    return reader(name, bytes.length, chunksOf(bytes), signal);
  }
  if (isA(source, "Blob", Blob) || isA(source, "File", Blob)) {
    return reader(name, source.size, streamChunks(source.stream()), signal);
  }
  if (hasMethod<ReadableStream<Uint8Array>>(source, "getReader")) {
    if (source.locked)
      throw new CheckpointError(`${name}: the stream is being read elsewhere. Give an unread one.`);
    return reader(name, undefined, streamChunks(source), signal);
  }
  if (hasMethod<ByteFile>(source, "read")) return reader(name, source.size, source, signal);
  if (hasMethod<AsyncIterable<Uint8Array>>(source, Symbol.asyncIterator)) {
    const iterator = source[Symbol.asyncIterator]();
    return reader(
      name,
      undefined,
      { next: () => iterator.next(), stop: async () => iterator.return?.() },
      signal,
    );
  }
  throw new ValueError(
    `${name}: got ${typeof source === "object" ? "an object that holds no bytes" : `a ${typeof source}`}, expected ` +
      "a URL, Response, Blob, ArrayBuffer, Uint8Array or stream, or a function that gives one. " +
      'Write an address as new URL("…"), a file\'s text as new Blob(["…"]).',
  );
}

/** @throws CheckpointError unless the response is a good one whose body is still unread */
function bodyOf(response: Response, name: string): ReadableStream<Uint8Array> | null {
  const from = response.url ? ` from ${response.url}` : "";
  if (!response.ok) {
    const status = `${response.status} ${response.statusText}`.trim();
    throw new CheckpointError(
      `${name}: got HTTP status ${status}${from}, expected the file. Check the address and the access to it.`,
    );
  }
  if (response.bodyUsed) {
    throw new CheckpointError(`${name}: the response${from} has been read already. Give a new one.`);
  }
  return response.body;
}

/** Chunks of any size, one at a time. */
interface Chunks {
  next(): Promise<{ done?: boolean | undefined; value?: Uint8Array | undefined }>;
  stop(): Promise<unknown>;
}

function chunksOf(bytes: Uint8Array): Chunks {
  let rest: Uint8Array | undefined = bytes;
  return {
    async next() {
      const value = rest;
      rest = undefined;
      return { done: value === undefined, value };
    },
    stop: async () => {},
  };
}

function streamChunks(stream: ReadableStream<Uint8Array>): Chunks {
  const chunks = stream.getReader(); // not async iteration, which Safari's streams lack
  return { next: () => chunks.read(), stop: () => chunks.cancel() };
}

function reader(
  name: string,
  size: number | undefined,
  from: Chunks | ByteFile,
  signal: AbortSignal | undefined,
): ByteReader {
  let position = 0;
  let chunk = new Uint8Array(); // what the last chunk still holds
  const nextBytes = async (out: Uint8Array): Promise<number> => {
    if ("read" in from) return from.read(out, position);
    while (chunk.length === 0) {
      const { done, value } = await from.next();
      if (done) return 0;
      if (!ArrayBuffer.isView(value)) {
        throw new TypeError(`the stream gave a ${typeof value}, expected a Uint8Array`);
      }
      chunk = new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
    }
    const bytes = chunk.subarray(0, out.length);
    out.set(bytes);
    chunk = chunk.subarray(bytes.length);
    return bytes.length;
  };
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
        const count = await attempt(name, `could not be read beyond byte ${position}`, signal, () =>
          nextBytes(out.subarray(filled)),
        );
        if (count === 0) break;
        filled += count;
        position += count;
      }
      return filled;
    },
    async close() {
      // A stream that failed fails here again: what was wrong has been said.
      await ("read" in from ? from.close() : from.stop()).catch(() => {});
    },
  };
}

/** Runs `action`; a failure becomes a CheckpointError that names the file, unless it is one, or the abort asked for. */
async function attempt<T>(
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

/** instanceof, also for an object of another realm: a frame, a vm context. */
function isA<T>(value: unknown, tag: string, type: abstract new (...args: never) => T): value is T {
  return value instanceof type || Object.prototype.toString.call(value) === `[object ${tag}]`;
}

function hasMethod<T>(value: unknown, method: PropertyKey): value is T {
  return typeof (value as Record<PropertyKey, unknown> | null)?.[method] === "function";
}
