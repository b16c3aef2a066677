// What the package's types name of the runtime: the project's own types of it (the DOM library's, @types/node's, a platform's),
// or, where a project has none, what the package uses of each. The build copies this file, and imports the names from it.

/** A name that is not known is taken for `any`, which alone holds all that is unknown. */
type Known<Own, Used> = unknown extends Own ? Used : Own;

// @ts-ignore
export type AbortSignal = Known<globalThis.AbortSignal, UsedSignal>;
// @ts-ignore
export type URL = Known<globalThis.URL, UsedUrl>;
// @ts-ignore
export type Response = Known<globalThis.Response, UsedResponse>;
// @ts-ignore
export type Headers = Known<globalThis.Headers, UsedHeaders>;
// @ts-ignore
export type Blob = Known<globalThis.Blob, UsedBlob>;
// @ts-ignore
export type ReadableStream<R = unknown> = Known<globalThis.ReadableStream<R>, UsedStream<R>>;
// @ts-ignore
export declare const fetch: Known<typeof globalThis.fetch, UsedFetch>;
// @ts-ignore
export type Disposable = Known<globalThis.Disposable, Record<never, never>>;

export declare namespace WebAssembly {
  // @ts-ignore
  type Module = Known<globalThis.WebAssembly.Module, object>;
  // @ts-ignore
  type Memory = Known<globalThis.WebAssembly.Memory, { readonly buffer: ArrayBufferLike }>;
}

interface UsedSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

interface UsedUrl {
  readonly href: string;
  readonly protocol: string;
}

interface UsedHeaders {
  get(name: string): string | null;
}

interface UsedResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly type: string;
  readonly url: string;
  readonly headers: UsedHeaders;
  readonly body: UsedStream<Uint8Array> | null;
  readonly bodyUsed: boolean;
}

interface UsedBlob {
  readonly size: number;
  slice(start?: number, end?: number): UsedBlob;
  stream(): UsedStream<Uint8Array>;
}

interface UsedStream<R> {
  readonly locked: boolean;
  getReader(): {
    read(): Promise<{ done: boolean; value?: R | undefined }>;
    cancel(reason?: unknown): Promise<void>;
  };
  cancel(reason?: unknown): Promise<void>;
}

type UsedFetch = (address: UsedUrl, init?: object) => Promise<UsedResponse>;
