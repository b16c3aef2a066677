import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { directLogitAttribution } from "../../src/index.ts";
import { hubSettings } from "../../src/node/hub/environment.ts";
import { isRepoId } from "../../src/node/hub/names.ts";
import { fromPretrained, type PretrainedOptions } from "../../src/node/index.ts";
import type { Commit, Recorded } from "../node/hub/server.ts";
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
  weights,
} from "../node/hub/support.ts";

const hub = await testHub();

/** What python.py can do, and what comes of it. */
interface Results {
  readonly snapshot: { readonly folder: string; readonly files: Readonly<Record<string, string>> };
  readonly files: Readonly<Record<string, string>>;
  readonly cached: Readonly<Record<string, string | null>>;
  readonly scan: {
    readonly warnings: readonly string[];
    readonly incomplete: readonly string[];
    readonly repos: Readonly<Record<string, Record<string, { refs: string[]; files: string[] }>>>;
  };
  readonly valid: readonly boolean[];
  readonly settings: { cacheDir: string; offline: boolean; endpoint: string; token: string | null };
  readonly version: string;
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const interpreter = here(process.platform === "win32" ? ".venv/Scripts/python.exe" : ".venv/bin/python");

/** What huggingface_hub makes of it, in a process of its own with this environment and no other of its variables. */
function python<Action extends keyof Results>(
  action: Action,
  env: Record<string, string>,
  args: unknown[] = [],
  options: object = {},
): Promise<Results[Action]> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(HF_|HUGGING|TRANSFORMERS_|XDG_|.*_PROXY$)/i.test(name),
  );
  const child = spawn(interpreter, [here("python.py"), action, JSON.stringify({ args, options })], {
    env: {
      ...Object.fromEntries(inherited),
      HF_HUB_DISABLE_PROGRESS_BARS: "1",
      HF_HUB_DISABLE_TELEMETRY: "1",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on("close", (code) => (code === 0 ? resolve(JSON.parse(stdout)) : reject(new Error(stderr))));
  });
}

const online = (cache: string) => ({
  HF_HUB_CACHE: cache,
  HF_HOME: join(cache, "home"),
  HF_ENDPOINT: hub.endpoint,
});
const offline = (cache: string) => ({ ...online(cache), HF_HUB_OFFLINE: "1" });
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const hashesOf = (files: Commit) =>
  Object.fromEntries(Object.entries(files).map(([name, { bytes }]) => [name, sha256(bytes)]));
const hashes = hashesOf(modelFiles);
const hashesIn = (folder: string) =>
  Object.fromEntries(filesIn(folder).map((name) => [name, sha256(readFileSync(join(folder, name)))]));

async function expectLoads(cacheDir: string, options: PretrainedOptions = {}): Promise<void> {
  const at = { endpoint: hub.endpoint, cacheDir, token: false, ...options } as const;
  const model = await fromPretrained("o/n", { ...at, compatibilityMode: true });
  const asked = { answer: " Paris", wrong: " Rome" };
  const { attributions } = directLogitAttribution(model, "The capital of France is", asked);
  expect(attributions[0].check.logit).toBeCloseTo(12.91, 2);
}

async function expectTidy(cache: string, refs = ["main"], files: Commit = modelFiles): Promise<void> {
  expect(await python("scan", offline(cache))).toEqual({
    warnings: [],
    incomplete: [],
    repos: { "o/n": { [commitA]: { refs, files: Object.keys(files).sort() } } },
  });
}

test("the version is the one that was asked for", async () => {
  expect(readFileSync(here("requirements.txt"), "utf8").split("\n")).toContain(
    `huggingface_hub==${await python("version", {})}`,
  );
});

describe("what Python wrote is read without a request:", () => {
  test("snapshot_download", async () => {
    const cache = freshFolder();
    expect(await python("snapshot", online(cache), ["o/n"])).toEqual({
      folder: join(realpathSync(cache), "models--o--n/snapshots", commitA),
      files: hashes,
    });
    hub.reset();
    await expectLoads(cache);
    await expectLoads(cache, { revision: commitA, offline: true });
    expect(hub.asked()).toEqual([]);
    expect(hashesIn(join(cache, "models--o--n/snapshots", commitA))).toEqual(hashes);
  });

  test("hf_hub_download, at a branch with slashes, and by commit", async () => {
    hub.repositories["o/n"] = repository(modelFiles, { refs: { "refs/pr/7": commitA } });
    for (const revision of ["refs/pr/7", commitA]) {
      const cache = freshFolder();
      expect(await python("files", online(cache), ["o/n", Object.keys(modelFiles)], { revision })).toEqual(
        hashes,
      );
      hub.reset();
      await expectLoads(cache, { revision });
      expect(hub.asked()).toEqual([]);
    }
  });

  test("shards", async () => {
    const { "model.safetensors": safetensors, ...rest } = modelFiles;
    const index = text(
      JSON.stringify({
        weight_map: { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" },
      }),
    );
    const files: Commit = {
      ...rest,
      "model.safetensors.index.json": index,
      "model-00001-of-00002.safetensors": safetensors,
      "model-00002-of-00002.safetensors": { ...text("two"), lfs: true },
    };
    hub.repositories["o/n"] = repository(files);
    const cache = freshFolder();
    await python("snapshot", online(cache), ["o/n"]);
    hub.reset();
    expect(hashesIn(await get(hub, cache))).toEqual(hashesOf(files));
    expect(hub.asked()).toEqual([]);
  });

  test("copies, where it makes no links", async () => {
    const cache = freshFolder();
    await python("snapshot", { ...online(cache), HF_HUB_DISABLE_SYMLINKS: "1" }, ["o/n"]);
    hub.reset();
    await expectLoads(cache);
    expect(hub.asked()).toEqual([]);
  });

  test("in part: what is missing is asked for, and no more", async () => {
    const cache = freshFolder();
    await python("files", online(cache), ["o/n", ["config.json", "model.safetensors"]]);
    hub.reset();
    await expectLoads(cache);
    expect(hub.asked().filter((line) => line.startsWith("GET"))).toEqual(
      ["vocab.json", "merges.txt"].map((file) => `GET /o/n/resolve/${commitA}/${file}`),
    );
    await expectTidy(cache);
  });
});

describe("what we wrote is read without a request:", () => {
  const variants = [
    ["links", {}],
    ["copies", { HF_HUB_DISABLE_SYMLINKS: "1" }],
  ] as const;

  test.each(variants)("by snapshot_download and hf_hub_download, offline; %s", async (_, env) => {
    const cache = freshFolder();
    await get(hub, cache, { env });
    hub.reset();
    const folder = join(realpathSync(cache), "models--o--n/snapshots", commitA);
    const names = Object.keys(modelFiles);
    for (const [environment, options] of [
      [offline(cache), {}],
      [online(cache), { local_files_only: true }],
    ] as const) {
      expect(await python("snapshot", environment, ["o/n"], options)).toEqual({ folder, files: hashes });
      expect(await python("files", environment, ["o/n", names], options)).toEqual(hashes);
      expect(await python("files", environment, ["o/n", names], { ...options, revision: commitA })).toEqual(
        hashes,
      );
    }
    expect(hub.asked()).toEqual([]);
    await expectTidy(cache);
  });

  test("with what does not exist", async () => {
    const cache = freshFolder();
    await get(hub, cache);
    const names = ["tokenizer.json", "added_tokens.json", "config.json", "pytorch_model.bin"];
    expect(await python("cached", offline(cache), ["o/n", names])).toEqual({
      "tokenizer.json": "no such file",
      "added_tokens.json": "no such file",
      "config.json": expect.stringMatching(/config\.json$/),
      "pytorch_model.bin": null,
    });
  });

  test("online, Python downloads nothing again", async () => {
    const cache = freshFolder();
    await get(hub, cache);
    hub.reset();
    expect((await python("snapshot", online(cache), ["o/n"])).files).toEqual(hashes);
    expect(hub.asked().filter((line) => line.startsWith("GET") && !line.includes("/api/"))).toEqual([]);
  });

  test("at a branch with slashes, beside another commit", async () => {
    const changed = { ...modelFiles, "config.json": text('{"model_type": "gpt2"}') };
    hub.repositories["o/n"] = {
      refs: { main: commitA, "refs/pr/7": commitB },
      commits: { [commitA]: modelFiles, [commitB]: changed },
    };
    const cache = freshFolder();
    await get(hub, cache);
    await get(hub, cache, { revision: "refs/pr/7" });
    hub.reset();
    const { files } = await python("snapshot", offline(cache), ["o/n"], { revision: "refs/pr/7" });
    expect(files).toEqual(hashesOf(changed));
    const { warnings, repos } = await python("scan", offline(cache));
    expect(warnings).toEqual([]);
    expect(repos["o/n"][commitB].refs).toEqual(["refs/pr/7"]);
  });

  test("while a download is not done: nothing is taken for whole, and it is known for what it is", async () => {
    const cache = freshFolder();
    const controller = new AbortController();
    const onDownload = ({ file, received }: { file: string; received: number }) => {
      if (file === "model.safetensors" && received > 100) controller.abort();
    };
    await expect(get(hub, cache, { onDownload, signal: controller.signal })).rejects.toThrow("abort");
    hub.reset();
    const { warnings, incomplete } = await python("scan", offline(cache));
    expect(warnings).toEqual([]);
    expect(incomplete).toEqual([expect.stringMatching(/\.logitscope\.incomplete$/)]);
    await expect(python("files", offline(cache), ["o/n", ["model.safetensors"]])).rejects.toThrow();
    expect(await python("files", online(cache), ["o/n", Object.keys(modelFiles)])).toEqual(hashes);
    await expectLoads(cache);
  });
});

test("both at once, in one cache", async () => {
  const isWeights = ({ host }: Recorded) => host === "cdn";
  hub.fault = (request, response) => {
    if (!isWeights(request)) return false;
    response.writeHead(200, { "content-length": weights.length });
    let position = 0;
    const timer = setInterval(() => {
      response.write(weights.subarray(position, position + 30_000));
      position += 30_000;
      if (position < weights.length && !response.destroyed) return;
      clearInterval(timer);
      response.end();
    }, 60);
    return true;
  };
  const cache = freshFolder();
  const [theirs, , again] = await Promise.all([
    python("snapshot", online(cache), ["o/n"]),
    expectLoads(cache),
    python("files", online(cache), ["o/n", Object.keys(modelFiles)]),
  ]);
  expect(theirs.files).toEqual(hashes);
  expect(again).toEqual(hashes);
  expect(hashesIn(join(cache, "models--o--n/snapshots", commitA))).toEqual(hashes);
  await expectTidy(cache);
});

describe("the rules are the same:", () => {
  test("names", async () => {
    const parts = [
      "a",
      "B_",
      "-",
      ".",
      "..",
      "--",
      "/",
      "é",
      " ",
      "x.git",
      ".git",
      "x".repeat(95),
      "x".repeat(96),
      "_",
      "9",
      "\n",
    ];
    const names = parts.flatMap((a) =>
      parts.flatMap((b) => [a + b, `${a}/${b}`, `${a}b${b}`, `o/${a}n${b}`]),
    );
    expect(names.map(isRepoId)).toEqual(await python("valid", {}, [names]));
  });

  const home = freshFolder();
  mkdirSync(join(home, ".cache/huggingface"), { recursive: true });
  mkdirSync(join(home, "hf"));
  writeFileSync(join(home, ".cache/huggingface/token"), " hf_of_the_cache\n");
  writeFileSync(join(home, "hf/token"), "hf_of_home\r\n");
  writeFileSync(join(home, "mine"), "hf_mine");

  test.each<Record<string, string>>([
    {},
    { XDG_CACHE_HOME: join(home, "xdg") },
    { HF_HOME: join(home, "hf") },
    { HF_HOME: "~/hf", HF_TOKEN: " hf_of_the_environment " },
    { HF_HOME: "$HOME/hf", HUGGING_FACE_HUB_TOKEN: "hf_older" },
    { HF_HUB_CACHE: "~/hub", HUGGINGFACE_HUB_CACHE: "/old", HF_TOKEN_PATH: "~/mine" },
    { HUGGINGFACE_HUB_CACHE: "/old", HF_TOKEN: "hf_newer", HUGGING_FACE_HUB_TOKEN: "hf_older" },
    { HF_HUB_CACHE: `/$DISK/${"$"}{DISK}s/$UNSET`, DISK: "disk", HF_ENDPOINT: "https://mirror.example/hf/" },
    { HF_HUB_OFFLINE: "yes" },
    { HF_HUB_OFFLINE: "y" },
    { TRANSFORMERS_OFFLINE: "ON" },
    { HF_HUB_OFFLINE: "0", TRANSFORMERS_OFFLINE: "1" },
    { HF_HUB_DISABLE_IMPLICIT_TOKEN: "true", HF_TOKEN: "hf_x" },
  ])("the environment %j", async (env) => {
    const surroundings = { HOME: home, ...env };
    const { cacheDir, offline, endpoint, findToken } = hubSettings({}, surroundings, home);
    const token = (await findToken()) ?? null;
    expect({ cacheDir, offline, endpoint, token }).toEqual(await python("settings", surroundings));
  });
});
