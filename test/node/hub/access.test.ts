import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CheckpointError, HubError, type HubReason, ValueError } from "../../../src/index.ts";
import { fromPretrained } from "../../../src/node/index.ts";
import { type Fault, refuse, serve, startHub } from "./server.ts";
import {
  commitA,
  commitB,
  filesIn,
  freshFolder,
  get,
  modelFiles,
  repository,
  testHub,
  text,
} from "./support.ts";

const hub = await testHub();
const token = "hf_secretSecretSecret";
hub.repositories["o/private"] = repository(modelFiles, { token });
hub.repositories["o/gated"] = repository(modelFiles, { token, gated: true });
hub.repositories["o/pickle"] = repository({ "config.json": text("{}"), "pytorch_model.bin": text("PK") });
hub.repositories["o/nothing"] = repository({ "README.md": text("# A data set?") });
hub.repositories["o/config"] = repository({ "config.json": text("{}") });

const always =
  (status: number, headers: Record<string, string> = {}): Fault =>
  (_, response) => {
    response.writeHead(status, headers).end();
    return true;
  };

interface Refusal {
  readonly what: string;
  readonly reason: HubReason;
  readonly message: string | RegExp;
  readonly options?: Parameters<typeof get>[2];
  readonly fault?: Fault;
}

const refusals: Refusal[] = [
  {
    what: "no such repository",
    reason: "not found",
    options: { repo: "o/typo" },
    message:
      /^o\/typo: got no such model at http:\S+ \(401\), nor a folder of that name\. Check the name; if it is private, give a token: `token`, HF_TOKEN or hf auth login\.$/,
  },
  {
    what: "no such repository, with a token",
    reason: "not found",
    options: { repo: "o/typo", token },
    message:
      /\(404\), nor a folder of that name\. Check the name; if it is private, the token may not read it: http:/,
  },
  {
    what: "no such revision",
    reason: "not found",
    options: { revision: "v9" },
    message: 'o/n: got no revision "v9", expected a branch, tag or commit.',
  },
  {
    what: "no such commit",
    reason: "not found",
    options: { revision: commitB },
    message: `o/n: got no revision "${commitB}"`,
  },
  {
    what: "a private repository",
    reason: "not found",
    options: { repo: "o/private" },
    message: "give a token",
  },
  {
    what: "a token that is none",
    reason: "no access",
    options: { repo: "o/private", token: "hf_wrongWrong" },
    message:
      /^o\/private: config\.json: got HTTP status 401 from \S+, expected access to it\. Check the token: http:/,
  },
  {
    what: "a gated repository",
    reason: "no access",
    options: { repo: "o/gated" },
    message: /^o\/gated: got a gated model, .* Ask for access at http:\S+\/o\/gated, then give a token/,
  },
  {
    what: "access that is disabled",
    reason: "no access",
    fault: always(403, { "x-error-message": "Access to this resource is disabled." }),
    message: "got HTTP status 403",
  },
  {
    what: "no config",
    reason: "not found",
    options: { repo: "o/nothing" },
    message: "o/nothing: got no config.json in it, expected a model's. Check the name.",
  },
  {
    what: "no weights",
    reason: "not found",
    options: { repo: "o/config" },
    message: "o/config: got no weights in it, expected model.safetensors. Check the name.",
  },
  {
    what: "a pickle alone",
    reason: "not found",
    options: { repo: "o/pickle" },
    message:
      'o/pickle: got pytorch_model.bin alone in it, expected model.safetensors. Convert it, in Python: GPT2LMHeadModel.from_pretrained("o/pickle").save_pretrained(folder); and give that folder.',
  },
  {
    what: "a server that is no hub: 404 of its own",
    reason: "not found",
    fault: always(404),
    message: "(404)",
  },
  {
    what: "a page in the place of every answer",
    reason: "unreachable",
    fault: (request, response) => {
      serve(request, response, Buffer.from("<html>"), { "content-type": "text/html" });
      return true;
    },
    message:
      /got an answer without a commit from \S+, expected the hub's X-Repo-Commit\. Check the endpoint, and any proxy/,
  },
  {
    what: "a commit that is none",
    reason: "unreachable",
    fault: always(200, { "x-repo-commit": "../../x", etag: '"ab"' }),
    message: "without a commit",
  },
  {
    what: "no ETag",
    reason: "unreachable",
    fault: always(200, { "x-repo-commit": commitA }),
    message: "o/n: config.json: got no ETag, expected the file's hash.",
  },
  {
    what: "another commit than was asked for",
    reason: "unreachable",
    fault: ({ path }, response) => {
      if (!path.includes("tokenizer_config")) return false;
      refuse(response, 404, "EntryNotFound", { "x-repo-commit": commitB });
      return true;
    },
    message: `got commit ${commitB}, expected ${commitA}, which was asked for`,
  },
  {
    what: "another commit than the revision",
    reason: "unreachable",
    options: { revision: commitB },
    fault: always(200, { "x-repo-commit": commitA, etag: '"ab"' }),
    message: `o/n: config.json: got commit ${commitA}, expected ${commitB}, which was asked for`,
  },
  { what: "another status", reason: "unreachable", fault: always(418), message: "got HTTP status 418 from" },
  {
    what: "redirects in a circle",
    reason: "unreachable",
    fault: (request, response) => {
      response.writeHead(302, { location: request.path }).end();
      return true;
    },
    message: "got more than 20 redirects",
  },
  {
    what: "a redirect out of the web",
    reason: "unreachable",
    fault: always(302, { location: "file:///etc/passwd" }),
    message: /got a redirect from \S+ to file:\/\/, expected one to http or https/,
  },
];

test.each(refusals)("$what is an error of its own", async ({ reason, message, options, fault }) => {
  hub.fault = fault;
  const cache = freshFolder();
  const getting = get(hub, cache, options);
  await expect(getting).rejects.toThrow(message);
  await expect(getting).rejects.toMatchObject({ name: "HubError", reason });
  await expect(getting).rejects.toBeInstanceOf(CheckpointError);
  expect(getting.waits).toEqual([]);
  expect(filesIn(cache).filter((name) => /refs|model\.safetensors$|\.lock$|incomplete/.test(name))).toEqual(
    expect.not.arrayContaining([expect.stringMatching(/refs\/|lock|incomplete/)]),
  );
});

describe.each([408, 429, 500, 502, 503, 504])("status %d", (status) => {
  test.each(["HEAD", "GET"])("to %s is asked again, at longer and longer intervals", async (method) => {
    let count = 0;
    hub.fault = (request, response) => {
      if (request.method !== method || count++ >= 4) return false;
      response.writeHead(status).end();
      return true;
    };
    const getting = get(hub, freshFolder());
    await getting;
    expect(getting.waits).toEqual([1, 2, 4, 8]);
  });

  test("is given up after 6 times", async () => {
    hub.fault = always(status);
    const getting = get(hub, freshFolder());
    await expect(getting).rejects.toThrow(
      new RegExp(
        `^o/n: config\\.json: got HTTP status ${status} from \\S+, 6 times in a row, expected the file\\.`,
      ),
    );
    await expect(getting).rejects.toMatchObject({ reason: "unreachable" });
    expect(getting.waits).toEqual([1, 2, 4, 8, 8]);
  });
});

describe("a server that says when to ask again", () => {
  const inAMinute = () => new Date(Date.now() + 60_000).toUTCString();
  test.each([
    [{ "retry-after": "17" }, 17],
    [{ "retry-after": " 0 " }, 0],
    [{ "retry-after": "soon" }, 1],
    [{ "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }, 0],
    [{ ratelimit: '"api";r=0;t=55' }, 55],
    [{ ratelimit: '"api";r=3;t=55' }, 1],
  ])("by %j is waited for", async (headers, seconds) => {
    let count = 0;
    hub.fault = (_, response) => {
      if (count++ > 0) return false;
      response.writeHead(429, headers as Record<string, string>).end();
      return true;
    };
    const getting = get(hub, freshFolder());
    await getting;
    expect(getting.waits).toEqual([seconds]);
  });

  test("at a date: it is waited till then", async () => {
    let count = 0;
    hub.fault = (_, response) => {
      if (count++ > 0) return false;
      response.writeHead(429, { "retry-after": inAMinute() }).end();
      return true;
    };
    const getting = get(hub, freshFolder());
    await getting;
    expect(getting.waits).toHaveLength(1);
    expect(Math.abs(getting.waits[0] - 60)).toBeLessThan(30); // the wait begins when the answer is read
  });

  test("but not for ten minutes", async () => {
    hub.fault = always(429, { "retry-after": "600" });
    const getting = get(hub, freshFolder());
    await expect(getting).rejects.toThrow(
      /got HTTP status 429 from \S+, expected the file\. Try again in 600 seconds\.$/,
    );
    expect(getting.waits).toEqual([]);
  });
});

test("a hub that is not there", async () => {
  const gone = await startHub({});
  await gone.close();
  const getting = get(gone, freshFolder());
  await expect(getting).rejects.toThrow(
    /^o\/n: config\.json: got no connection to 127\.0\.0\.1:\d+ \(ECONNREFUSED\), 6 times/,
  );
});

// codes of OpenSSL, as Node and Bun have them; Deno's message
test.each([
  { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
  { code: "SELF_SIGNED_CERT_IN_CHAIN" },
  { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" },
  { code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" },
  { code: "CERT_HAS_EXPIRED" },
  { code: "ERR_TLS_CERT_ALTNAME_INVALID" },
  { message: "client error (Connect): invalid peer certificate: UnknownIssuer" },
])("a certificate that is not trusted is an error at once: %j", async (cause) => {
  const fetch = async () => {
    throw new TypeError("fetch failed", { cause: Object.assign(new Error(cause.message), cause) });
  };
  const getting = get(hub, freshFolder(), { fetch });
  await expect(getting).rejects.toThrow(
    `o/n: config.json: got a certificate from ${new URL(hub.endpoint).host} that is not trusted ` +
      `(${cause.code ?? cause.message}), expected one that is. Check the endpoint and the clock; if a proxy or server of your ` +
      "own answers there, name its authority's certificate in NODE_EXTRA_CA_CERTS.",
  );
  await expect(getting).rejects.toMatchObject({ reason: "unreachable" });
  expect(getting.waits).toEqual([]);
});

test("an address that fetch quotes is quoted without its query: a signature gives access", async () => {
  const fetch = async () => {
    throw new TypeError("error sending request for url (https://cdn.example/ab?signature=secret): refused");
  };
  await expect(get(hub, freshFolder(), { fetch })).rejects.toThrow(
    "(error sending request for url (https://cdn.example/ab): refused), 6 times",
  );
});

describe("offline", () => {
  test("what is missing is an error that says what to do, and nothing is asked", async () => {
    const cache = freshFolder();
    const getting = get(hub, cache, { env: { HF_HUB_OFFLINE: "1" } });
    await expect(getting).rejects.toThrow(
      `o/n: got no whole model of that name in ${cache}, nor a folder, expected one: no request is made offline. ` +
        "Load it once with a connection (unset HF_HUB_OFFLINE), or set HF_HUB_CACHE to the cache that has it.",
    );
    await expect(getting).rejects.toMatchObject({ reason: "offline" });
    await expect(get(hub, cache, { offline: true, revision: "v1" })).rejects.toThrow("of that name at v1 in");
    expect(hub.asked()).toEqual([]);
    expect(filesIn(cache)).toEqual([]);
  });

  test("the option goes before the environment", async () => {
    await get(hub, freshFolder(), { offline: false, env: { HF_HUB_OFFLINE: "1" } });
    expect(hub.asked().length).toBeGreaterThan(0);
  });

  test("cannot be refreshed", async () => {
    await expect(get(hub, freshFolder(), { offline: true, refresh: true })).rejects.toThrow(
      "got refresh and offline",
    );
  });
});

describe("the token", () => {
  const sentTo = (host: string) =>
    new Set(
      hub.requests.filter((request) => request.host === host).map(({ headers }) => headers.authorization),
    );

  test("goes to the hub with each request, and to no other host", async () => {
    await get(hub, freshFolder(), { repo: "o/private", token });
    expect(sentTo("hub")).toEqual(new Set([`Bearer ${token}`]));
    expect(sentTo("cdn")).toEqual(new Set([undefined]));
    expect(hub.requests.some(({ host }) => host === "cdn")).toBe(true);
    for (const { host, headers, path } of hub.requests) {
      if (host === "cdn") expect(JSON.stringify({ headers, path })).not.toContain(token);
    }
  });

  test("does not come back by way of another host", async () => {
    // A hostile host sends the request on, to the endpoint's name on another port, and to the endpoint again.
    hub.fault = ({ host, path, method }, response) => {
      const isMeant = path.includes("config.json") && !path.includes("_");
      if (host === "hub" && isMeant && method === "HEAD")
        refuse(response, 302, undefined, { location: `${hub.cdn}/x` });
      else if (host === "cdn" && path === "/x")
        refuse(response, 302, undefined, { location: `${hub.cdn}/y` });
      else if (host === "cdn" && path === "/y") refuse(response, 404, "RepoNotFound");
      else return false;
      return true;
    };
    await expect(get(hub, freshFolder(), { token })).rejects.toThrow("no such model");
    expect(hub.asked()).toEqual(["HEAD /o/n/resolve/main/config.json", "HEAD /x", "HEAD /y"]);
    expect(sentTo("cdn")).toEqual(new Set([undefined]));
  });

  test.each([
    ["the environment's", {}, { HF_TOKEN: token }, token],
    ["the older variable's", {}, { HUGGING_FACE_HUB_TOKEN: token }, token],
    ["the newer before the older", {}, { HF_TOKEN: token, HUGGING_FACE_HUB_TOKEN: "hf_old" }, token],
    ["the option's before the environment's", { token }, { HF_TOKEN: "hf_other" }, token],
    ["one with an end of line", {}, { HF_TOKEN: ` ${token}\r\n` }, token],
    ["none where it is refused", { token: false as const }, { HF_TOKEN: token }, undefined],
    [
      "none where only an explicit one is",
      {},
      { HF_TOKEN: token, HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" },
      undefined,
    ],
    ["the explicit one even so", { token }, { HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }, token],
    ["none where it is empty", {}, { HF_TOKEN: "" }, undefined],
  ])("is %s", async (_, options, env, sent) => {
    await get(hub, freshFolder(), { ...options, env: env as Record<string, string> });
    expect(sentTo("hub")).toEqual(new Set([sent && `Bearer ${sent}`]));
  });

  test.each([
    ["home/.cache/huggingface/token", {}],
    ["hf/token", { HF_HOME: "<cache>/hf" }],
    ["xdg/huggingface/token", { XDG_CACHE_HOME: "<cache>/xdg" }],
    ["here", { HF_TOKEN_PATH: "<cache>/here", HF_HOME: "<cache>/hf" }],
  ])("is read from %s", async (path, env) => {
    const cache = freshFolder();
    mkdirSync(join(cache, path, ".."), { recursive: true });
    writeFileSync(join(cache, path), `${token}\n`);
    const set = Object.entries(env).map(([name, value]) => [name, value.replace("<cache>", cache)]);
    await get(hub, cache, { env: Object.fromEntries(set) });
    expect(sentTo("hub")).toEqual(new Set([`Bearer ${token}`]));
  });

  test("a file of it that cannot be read is an error that says so, where it is needed", async () => {
    const cache = freshFolder();
    await expect(get(hub, cache, { env: { HF_TOKEN_PATH: cache } })).rejects.toThrow(
      `${cache}: the hub's token could not be read: EISDIR`,
    );
    const folder = await get(hub, cache);
    for (const env of [{ HF_TOKEN_PATH: cache }, { HF_TOKEN: "none at all" }])
      expect(await get(hub, cache, { env })).toBe(folder);
  });

  test.each([
    ["a line break within", { token: `${token}\u2028x` }, {}],
    ["a space within", { token: `${token} x` }, {}],
    ["letters beyond ASCII", {}, { HF_TOKEN: `${token}é` }],
    ["an address with a password", { endpoint: `http://user:${token}@127.0.0.1:1` }, {}],
  ])("with %s is refused, and not quoted", async (_, options, env) => {
    const error = await get(hub, freshFolder(), { ...options, env: env as Record<string, string> }).catch(
      (e) => e,
    );
    expect(error).toBeInstanceOf(ValueError);
    expect(error.message).not.toContain(token);
    expect(hub.asked()).toEqual([]);
  });

  test.each(refusals)("is in no message: $what", async ({ options, fault }) => {
    hub.fault = fault;
    const error = await get(hub, freshFolder(), { ...options, token }).catch((e) => e);
    for (let cause = error; cause instanceof Error; cause = cause.cause as Error) {
      expect(`${cause.message} ${cause.stack} ${JSON.stringify(cause)}`).not.toContain(token);
    }
  });

  test("does not go over http where a redirect leads from https there: nothing does", async () => {
    const asked: string[] = [];
    const fetch = async (input: unknown, init?: RequestInit) => {
      asked.push(`${input} ${new Headers(init?.headers).get("authorization")}`);
      return new Response(null, { status: 302, headers: { location: "http://hub.example/elsewhere" } });
    };
    await expect(get(hub, freshFolder(), { endpoint: "https://hub.example", token, fetch })).rejects.toThrow(
      "o/n: config.json: got a redirect from hub.example to http://hub.example, expected one to https.",
    );
    expect(asked).toEqual([`https://hub.example/o/n/resolve/main/config.json Bearer ${token}`]);
  });
});

test("a redirect whose own page is cut off is followed", async () => {
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const { status, headers } = await globalThis.fetch(input, init);
    if (status !== 302 || init?.method === "HEAD") return globalThis.fetch(input, init);
    const page = new ReadableStream({ start: (controller) => controller.error(new TypeError("terminated")) });
    return new Response(page, { status, headers });
  };
  const getting = get(hub, freshFolder(), { fetch });
  await getting;
  expect(getting.waits).toEqual([]);
});

test("a mirror that sends requests on to the hub is followed, without the token", async () => {
  const cache = freshFolder();
  const fault: Fault = ({ host, path, method, headers }, response) => {
    if (host !== "cdn" || !path.startsWith("/o/n")) return false;
    expect([method, headers.authorization]).toEqual([expect.anything(), `Bearer ${token}`]);
    refuse(response, 307, undefined, { location: hub.endpoint + path, etag: '"of-the-mirror"' });
    return true;
  };
  hub.fault = fault;
  await get(hub, cache, { endpoint: `${hub.cdn}/`, token });
  for (const { host, headers } of hub.requests)
    if (host === "hub") expect(headers.authorization).toBeUndefined();
});

describe("fromPretrained", () => {
  test.each(["./o/n", "/nowhere/o/n", "a/b/c", "o/n/", "-n", "o--n", "n.git", ".."])(
    "does not take %s for a name on the hub",
    async (name) => {
      const loading = fromPretrained(name, { endpoint: hub.endpoint });
      await expect(loading).rejects.toThrow(CheckpointError);
      await expect(loading).rejects.not.toThrow(HubError);
      expect(hub.asked()).toEqual([]);
    },
  );

  test("takes a folder of that name for the folder", async () => {
    const before = process.cwd();
    process.chdir(freshFolder());
    try {
      mkdirSync("o/n", { recursive: true });
      await expect(fromPretrained("o/n", { endpoint: hub.endpoint })).rejects.toThrow(
        "There is a ./o/n here without a model in it, and so the name is not looked for on the hub: remove it, or rename it.",
      );
      expect(hub.asked()).toEqual([]);
    } finally {
      process.chdir(before);
    }
  });

  test.each(["", "../x", "a/../b", "/abs", "a\\b", "a\0b", ".hidden", "a..", "x".repeat(300)])(
    "refuses the revision %j",
    async (revision) => {
      await expect(get(hub, freshFolder(), { revision })).rejects.toThrow(ValueError);
      expect(hub.asked()).toEqual([]);
    },
  );

  test.each(["hub.example", "ftp://hub.example", "https://hub.example?x", "https://hub.example/#/hf"])(
    "refuses the endpoint %s",
    async (endpoint) => {
      await expect(get(hub, freshFolder(), { endpoint })).rejects.toThrow(
        `endpoint: got "${endpoint}", expected an address like https://huggingface.co.`,
      );
    },
  );
});
