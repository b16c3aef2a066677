import { CheckpointError, ValueError } from "../../errors.ts";
import { attempt, type ByteReader, type Bytes, byteReader, chunkBytes, memoryBytes } from "./byteReader.ts";

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
  return isA<ReadonlyMap<string, Source>>(files, "Map");
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
  if (isA<URL>(source, "URL")) {
    const response = await attempt(name, `could not be fetched from ${source.href}`, signal, () =>
      fetch(source, signal ? { signal } : {}),
    );
    return openSource(response, name, signal);
  }
  if (isA<Response>(source, "Response")) {
    expectGood(source, name);
    return openSource(source.body ?? new Uint8Array(), name, signal);
  }
  if (isA<ArrayBuffer>(source, "ArrayBuffer")) return openSource(new Uint8Array(source), name, signal);
  if (ArrayBuffer.isView(source)) {
    const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    return byteReader(name, bytes.length, memoryBytes(bytes), signal);
  }
  if (isA<Blob>(source, "Blob") || isA<Blob>(source, "File")) {
    return byteReader(name, source.size, streamBytes(source.stream()), signal);
  }
  if (hasMethod<ReadableStream<Uint8Array>>(source, "getReader")) {
    if (source.locked)
      throw new CheckpointError(`${name}: the stream is being read elsewhere. Give an unread one.`);
    return byteReader(name, undefined, streamBytes(source), signal);
  }
  if (hasMethod<AsyncIterable<Uint8Array>>(source, Symbol.asyncIterator)) {
    const iterator = source[Symbol.asyncIterator]();
    const chunks = chunkBytes(
      () => iterator.next(),
      async () => iterator.return?.(),
    );
    return byteReader(name, undefined, chunks, signal);
  }
  // Last, for a Node.js stream has a read() of another kind.
  if (hasMethod<ByteFile>(source, "read")) return byteReader(name, source.size, fileBytes(source), signal);
  const got =
    typeof source === "object" ? "an object that holds no bytes" : `a value of type ${typeof source}`;
  throw new ValueError(
    `${name}: got ${got}, expected a URL, Response, Blob, ArrayBuffer, Uint8Array or stream, ` +
      "or a function that gives one. " +
      'Write an address as new URL("…"), a text as new Blob(["…"]).',
  );
}

/** @throws CheckpointError unless the response is a good one whose body is still unread */
function expectGood(response: Response, name: string): void {
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
}

function fileBytes(file: ByteFile): Bytes {
  return {
    read: (out, position) => file.read(out, position),
    ...(hasMethod<ByteFile>(file, "readSync") && {
      readSync: (out, position) => file.readSync!(out, position),
    }),
    seekable: true,
    close: () => file.close(),
  };
}

function streamBytes(stream: ReadableStream<Uint8Array>) {
  const chunks = stream.getReader(); // not async iteration, which Safari's streams lack
  return chunkBytes(
    () => chunks.read(),
    () => chunks.cancel(),
  );
}

/** By its tag, so that an object of another realm counts too, and no global is needed that the runtime may lack. */
function isA<T>(value: unknown, tag: string): value is T {
  return Object.prototype.toString.call(value) === `[object ${tag}]`;
}

function hasMethod<T>(value: unknown, method: PropertyKey): value is T {
  return typeof (value as Record<PropertyKey, unknown> | null)?.[method] === "function";
}
