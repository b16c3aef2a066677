import { describe, expectFlags, expectObject, tagOf, ValueError } from "../../errors.ts";

/** How a model is to be had from the Hugging Face hub; a folder needs none of it. */
export interface HubOptions {
  /** A branch, tag or commit; default "main". */
  readonly revision?: string | undefined;
  /** Where downloads are kept, shared with Python's huggingface_hub; default as there: HF_HUB_CACHE, else $HF_HOME/hub. */
  readonly cacheDir?: string | undefined;
  /** For private and gated models; false: none. Default as in Python: HF_TOKEN, else the token of `hf auth login`. */
  readonly token?: string | false | undefined;
  /** The hub's address; default HF_ENDPOINT, else https://huggingface.co. */
  readonly endpoint?: string | undefined;
  /** Make no request; default HF_HUB_OFFLINE. */
  readonly offline?: boolean | undefined;
  /** Ask the hub what the revision is now, although the cache has it; default false. */
  readonly refresh?: boolean | undefined;
  /** Makes the requests; default the runtime's own. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Told as a file's bytes come in, from what an earlier try left on. */
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined;
  /** Gives up; what came so far is kept, and the next try goes on from there. */
  readonly signal?: AbortSignal | undefined;
}

/** How far a download is, in bytes. */
export interface DownloadProgress {
  readonly file: string;
  readonly received: number;
  /** Undefined where the server does not tell. */
  readonly size: number | undefined;
}

const texts = ["revision", "cacheDir", "endpoint"] as const;
const callbacks = ["fetch", "onDownload"] as const;

/** @throws ValueError for an option of another kind */
export function expectHubOptions(where: string, options: HubOptions): void {
  expectObject(where, options, "options", "Give an object of them.");
  const { offline, refresh, token, signal } = options;
  expectFlags(where, { offline, refresh });
  for (const name of texts)
    expectOne(where, name, options[name], typeof options[name] === "string", "a text");
  for (const name of callbacks) {
    expectOne(where, name, options[name], typeof options[name] === "function", "a function");
  }
  expectOne(where, "token", token, token === false || typeof token === "string", "a text, or false");
  expectOne(where, "signal", signal, tagOf(signal) === "AbortSignal", "an AbortSignal");
}

function expectOne(where: string, name: string, value: unknown, isOne: boolean, what: string): void {
  if (value === undefined || isOne) return;
  throw new ValueError(
    `${where}: got ${name} ${describe(value)}, expected ${what}. Leave it out for its default.`,
  );
}
