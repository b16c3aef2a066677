/// <reference types="node" />
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { CheckpointError, ValueError } from "../../errors.ts";
import type { HubOptions } from "./options.ts";

/** What the options and the environment come to. */
export interface HubSettings {
  readonly cacheDir: string;
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly offline: boolean;
  /** Whether snapshots may be links into blobs. */
  readonly symlinks: boolean;
  /** Milliseconds without a byte after which a request has failed. */
  readonly timeouts: { readonly metadata: number; readonly download: number };
  /**
   * Finds the token; not before it is needed.
   *
   * @throws ValueError      for one that cannot be one
   * @throws CheckpointError when its file cannot be read
   */
  readonly findToken: () => Promise<string | undefined>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The options, then the environment by huggingface_hub's rules, then its defaults. A variable that is empty counts as not
 * set, where Python would take the working folder for a cache or "" for the hub.
 *
 * @throws ValueError for an endpoint that is no web address
 * @see huggingface_hub, constants.py and utils/_auth.py
 */
export function hubSettings(
  options: HubOptions,
  env: Environment = process.env,
  home: string = homedir(),
): HubSettings {
  const path = (name: string, otherwise: string) => expandPath(env[name] || otherwise, env, home);
  const hfHome = path("HF_HOME", join(env.XDG_CACHE_HOME || join(home, ".cache"), "huggingface"));
  const cache = env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(hfHome, "hub");
  return {
    cacheDir: resolve(expandPath(options.cacheDir ?? cache, env, home)),
    endpoint: readEndpoint(options.endpoint ?? (env.HF_ENDPOINT || "https://huggingface.co")),
    offline: options.offline ?? isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE),
    symlinks: !isTrue(env.HF_HUB_DISABLE_SYMLINKS),
    timeouts: {
      metadata: readSeconds(env.HF_HUB_ETAG_TIMEOUT),
      download: readSeconds(env.HF_HUB_DOWNLOAD_TIMEOUT),
    },
    findToken: () => findToken(options.token, env, path("HF_TOKEN_PATH", join(hfHome, "token"))),
  };
}

function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes((value ?? "").toUpperCase());
}

function readSeconds(value: string | undefined): number {
  return 1000 * (/^\d{1,6}$/.test(value ?? "") && Number(value) > 0 ? Number(value) : 10);
}

/** As Python's expanduser and expandvars: `~` of this user, `$NAME` and `${NAME}` where they are set. */
function expandPath(path: string, env: Environment, home: string): string {
  return path
    .replace(/^~(?=$|[/\\])/, () => home)
    .replace(/\$(?:(\w+)|\{([^}]*)\})/g, (all, plain, braced) => env[plain ?? braced] ?? all);
}

function readEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username ||
    url.password ||
    url.search ||
    url.hash
  ) {
    const got = url?.username || url?.password ? "an address with a user or password in it" : `"${text}"`;
    throw new ValueError(
      `endpoint: got ${got}, expected an address like https://huggingface.co. Check it, or HF_ENDPOINT.`,
    );
  }
  return text.replace(/\/+$/, "");
}

async function findToken(
  option: string | false | undefined,
  env: Environment,
  path: string,
): Promise<string | undefined> {
  if (option === false) return undefined;
  if (option !== undefined) return readToken("token", option);
  if (isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const variable = env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN;
  return readToken("HF_TOKEN", variable) ?? readToken(path, await readTokenFile(path));
}

/** @throws ValueError for what no header can hold; the message of `fetch` itself would quote it */
function readToken(where: string, text = ""): string | undefined {
  const token = text.replace(/[\r\n]/g, "").trim();
  if (/^[\x21-\x7e]*$/.test(token)) return token || undefined;
  throw new ValueError(
    `${where}: got a token with spaces or characters beyond ASCII in it, expected one like hf_…. Copy it anew.`,
  );
}

async function readTokenFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CheckpointError(
      `${path}: the hub's token could not be read: ${message}. Give \`token: false\` to do without.`,
      { cause: error },
    );
  }
}
