import { CheckpointError, throwIfAborted, ValueError } from "../../errors.ts";
import { attempt } from "./attempt.ts";
import { type ByteReader, byteReader, type ReadOptions } from "./byteReader.ts";
import { type ByteFile, blobBytes, chunkBytes, fileBytes, memoryBytes, streamBytes } from "./bytes.ts";
import { expectGood, fetchFile } from "./response.ts";

/**
 * Anything that a model file can be read from. A function is called when its file is needed, and only then, with the
 * load's signal: `(signal) => fetch(address, { headers, signal })`.
 */
export type Source =
  | URL
  | Response
  | Blob
  | ArrayBuffer
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | ByteFile
  | OpenFile;

/** Gives a source when it is asked for. */
export type OpenFile = (signal: AbortSignal | undefined) => Source | Promise<Source>;

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

/** How sources are to be opened. */
export interface OpenOptions extends ReadOptions {
  /** What fetches a URL; default: the network. */
  readonly fetchFile?: typeof fetchFile | undefined;
}

/**
 * Opens a source for reading. Nothing is read ahead: a stream's chunks are asked for one by one.
 *
 * @throws CheckpointError when the source cannot be opened, or a Response is not a good one
 * @throws ValueError      when it is not a source
 */
export async function openSource(
  source: Source,
  name: string,
  options: OpenOptions = {},
): Promise<ByteReader> {
  const { signal } = options;
  throwIfAborted(signal);
  if (typeof source === "function") return openSource(await call(source, name, signal), name, options);
  if (isA<URL>(source, "URL")) {
    const response = await (options.fetchFile ?? fetchFile)(source, name, signal);
    return streamReader(response.body, name, options, source.href);
  }
  if (isA<Response>(source, "Response")) {
    expectGood(source, name);
    return streamReader(source.body, name, options, source.url || undefined);
  }
  if (isA<ArrayBuffer>(source, "ArrayBuffer")) return openSource(new Uint8Array(source), name, options);
  if (ArrayBuffer.isView(source)) {
    const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    return byteReader(name, bytes.length, memoryBytes(bytes), options);
  }
  if (isA<Blob>(source, "Blob") || isA<Blob>(source, "File")) {
    return byteReader(name, source.size, blobBytes(source), options);
  }
  if (hasMethod<ReadableStream<Uint8Array>>(source, "getReader")) {
    return streamReader(source, name, options);
  }
  if (hasMethod<AsyncIterable<Uint8Array>>(source, Symbol.asyncIterator)) {
    const iterator = source[Symbol.asyncIterator]();
    const chunks = chunkBytes(
      () => iterator.next(),
      async () => iterator.return?.(),
    );
    return byteReader(name, undefined, chunks, options);
  }
  // Last, for a Node.js stream has a read() of another kind.
  if (hasMethod<ByteFile>(source, "read")) return byteReader(name, source.size, fileBytes(source), options);
  const got =
    typeof source === "object" ? "an object that holds no bytes" : `a value of type ${typeof source}`;
  throw new ValueError(
    `${name}: got ${got}, expected a URL, Response, Blob, ArrayBuffer, Uint8Array or stream, ` +
      "or a function that gives one. " +
      'Write an address as new URL("…"), a text as new Blob(["…"]).',
  );
}

async function call(open: OpenFile, name: string, signal: AbortSignal | undefined): Promise<Source> {
  const given = (async () => open(signal))();
  try {
    return await attempt({ name, signal, what: "could not be opened" }, () => given);
  } catch (error) {
    if (signal?.aborted) given.then(release, () => {}); // what it gives later on, nobody will read
    throw error;
  }
}

/** Ends the downloads that nobody has begun to read, where a load has failed. */
export function cancelUnread(files: ModelFiles): void {
  for (const name of fileNames(files)) cancel(fileNamed(files, name)!);
}

function cancel(source: Source): void {
  const stream = isA<Response>(source, "Response") ? source.body : source;
  if (hasMethod<ReadableStream>(stream, "getReader") && !stream.locked) stream.cancel().catch(() => {});
}

/** Lets go of a source that a function gave too late. */
function release(source: Source): void {
  cancel(source);
  if (hasMethod<ByteFile>(source, "close")) source.close().catch(() => {});
}

function streamReader(
  stream: ReadableStream<Uint8Array> | null,
  name: string,
  options: OpenOptions,
  address?: string,
): ByteReader {
  if (stream === null) return byteReader(name, 0, memoryBytes(new Uint8Array()), options, address);
  if (stream.locked)
    throw new CheckpointError(`${name}: the stream is being read elsewhere. Give an unread one.`);
  return byteReader(name, undefined, streamBytes(stream), options, address);
}

/** By its tag, so that an object of another realm counts too, and no global is needed that the runtime may lack. */
function isA<T>(value: unknown, tag: string): value is T {
  return Object.prototype.toString.call(value) === `[object ${tag}]`;
}

function hasMethod<T>(value: unknown, method: PropertyKey): value is T {
  return typeof (value as Record<PropertyKey, unknown> | null)?.[method] === "function";
}
