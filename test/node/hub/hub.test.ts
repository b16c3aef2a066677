import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { directLogitAttribution } from "../../../src/index.ts";
import { fromPretrained } from "../../../src/node/index.ts";
import { type Commit, etagOf } from "./server.ts";
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

const heads = (commit: string, ...files: string[]) =>
  files.map((file) => `HEAD /o/n/resolve/${commit}/${file}`);

test("a model comes from the hub, and attributes", async () => {
  const options = { endpoint: hub.endpoint, cacheDir: freshFolder(), token: false } as const;
  const model = await fromPretrained("o/n", { ...options, compatibilityMode: true });
  expect(model.name).toBe("o/n");
  const result = directLogitAttribution(model, "The capital of France is", {
    answer: " Paris",
    wrong: " Rome",
  });
  expect(result.attributions[0].check.logit).toBeCloseTo(12.91, 2);
  hub.reset();
  expect((await fromPretrained("o/n", { ...options, name: "mine" })).name).toBe("mine");
  expect(hub.asked()).toEqual([]);
});

test.skipIf(process.platform === "win32")("a cache whose blobs were moved elsewhere loads", async () => {
  const cacheDir = freshFolder();
  await get(hub, cacheDir);
  const blobs = join(cacheDir, "models--o--n", "blobs");
  const elsewhere = join(freshFolder(), "blobs");
  renameSync(blobs, elsewhere);
  symlinkSync(elsewhere, blobs);
  expect((await fromPretrained("o/n", { cacheDir, offline: true })).name).toBe("o/n");
});

describe("the cache", () => {
  test("is laid out as huggingface_hub's", async () => {
    const cache = freshFolder();
    const folder = await get(hub, cache);
    expect(folder).toBe(join(cache, "models--o--n", "snapshots", commitA));
    expect(filesIn(cache)).toEqual(
      [
        "CACHEDIR.TAG",
        ...Object.values(modelFiles).map((file) => `models--o--n/blobs/${etagOf(file)}`),
        ...Object.keys(modelFiles).map((file) => `models--o--n/snapshots/${commitA}/${file}`),
        "models--o--n/refs/main",
        ...["added_tokens.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"].map(
          (file) => `models--o--n/.no_exist/${commitA}/${file}`,
        ),
      ].sort(),
    );
    expect(readFileSync(join(cache, "models--o--n/refs/main"), "utf8")).toBe(commitA);
    for (const [name, file] of Object.entries(modelFiles)) {
      expect(readlinkSync(join(folder, name))).toBe(`../../blobs/${etagOf(file)}`);
      expect(readFileSync(join(folder, name)).equals(file.bytes)).toBe(true);
    }
  });

  test("has the files themselves where links are not wanted", async () => {
    const cache = freshFolder();
    const folder = await get(hub, cache, { env: { HF_HUB_DISABLE_SYMLINKS: "1" } });
    for (const [name, file] of Object.entries(modelFiles)) {
      expect(lstatSync(join(folder, name)).isFile()).toBe(true);
      expect(readFileSync(join(folder, name)).equals(file.bytes)).toBe(true);
    }
  });

  test("asks for what the loader reads, each file once and all of one commit, and no other", async () => {
    hub.repositories["o/n"] = repository({
      ...modelFiles,
      "pytorch_model.bin": text("PK"),
      "README.md": text("#"),
    });
    await get(hub, freshFolder());
    const extras = [
      "tokenizer_config.json",
      "special_tokens_map.json",
      "added_tokens.json",
      "tokenizer.json",
    ];
    expect(hub.asked()).toEqual([
      "HEAD /o/n/resolve/main/config.json",
      `GET /o/n/resolve/${commitA}/config.json`,
      ...heads(commitA, ...extras),
      ...["vocab.json", "merges.txt", "model.safetensors"].flatMap((file) => [
        ...heads(commitA, file),
        `GET /o/n/resolve/${commitA}/${file}`,
      ]),
      `GET /${etagOf(modelFiles["model.safetensors"])}`,
    ]);
  });

  test("that has it all answers without a request, by branch and by commit, and offline", async () => {
    const cache = freshFolder();
    const folder = await get(hub, cache);
    hub.reset();
    expect(await get(hub, cache)).toBe(folder);
    expect(await get(hub, cache, { revision: commitA })).toBe(folder);
    expect(await get(hub, cache, { offline: true })).toBe(folder);
    expect(await get(hub, cache, { env: { TRANSFORMERS_OFFLINE: "yes" } })).toBe(folder);
    expect(hub.asked()).toEqual([]);
  });

  describe("as Python left it, with", () => {
    const { "config.json": config, "model.safetensors": safetensors } = modelFiles;
    const index = text(JSON.stringify({ weight_map: { a: "a.safetensors", b: "b.safetensors" } }));

    function left(files: Commit) {
      const cache = freshFolder();
      const folder = join(cache, "models--o--n", "snapshots", commitA);
      mkdirSync(folder, { recursive: true });
      mkdirSync(join(cache, "models--o--n", "refs"));
      writeFileSync(join(cache, "models--o--n", "refs", "main"), commitA);
      for (const [name, { bytes }] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
      return { cache, folder };
    }

    test.each<[string, Commit]>([
      ["tokenizer.json alone", { "tokenizer.json": text("{}") }],
      ["vocab.json and merges.txt", { "vocab.json": text("{}"), "merges.txt": text("") }],
    ])("%s nothing is asked", async (_, tokenizer) => {
      const { cache, folder } = left({
        "config.json": config,
        "model.safetensors": safetensors,
        ...tokenizer,
      });
      expect(await get(hub, cache)).toBe(folder);
      expect(hub.asked()).toEqual([]);
    });

    test("no tokenizer, as of a model alone: offline it loads, for prompts as ids; otherwise the hub is asked, once", async () => {
      const { cache: cacheDir, folder } = left({ "config.json": config, "model.safetensors": safetensors });
      const model = await fromPretrained("o/n", { cacheDir, offline: true });
      expect(model.run([1, 2]).shape.slice(0, 2)).toEqual([1, 2]);
      expect(() => model.run("a")).toThrow("or give ids");
      await get(hub, cacheDir);
      expect(readFileSync(join(folder, "vocab.json")).equals(modelFiles["vocab.json"].bytes)).toBe(true);
      hub.reset();
      await get(hub, cacheDir);
      expect(hub.asked()).toEqual([]);
    });

    test.each<[string, Commit]>([
      ["config.json", { "model.safetensors": safetensors }],
      ["model.safetensors", { "config.json": config }],
      [
        "b.safetensors",
        { "config.json": config, "model.safetensors.index.json": index, "a.safetensors": safetensors },
      ],
      ["merges.txt", { "config.json": config, "model.safetensors": safetensors, "vocab.json": text("{}") }],
      ["vocab.json", { "config.json": config, "model.safetensors": safetensors, "merges.txt": text("") }],
    ])("no %s it is an error that names it offline", async (missing, files) => {
      const { cache } = left(files);
      await expect(get(hub, cache, { offline: true })).rejects.toThrow(
        `o/n: got no whole model of that name in ${cache} (it lacks ${missing}), nor a folder, expected one`,
      );
    });
  });

  test("knows that there is no tokenizer, once it has asked", async () => {
    const { "config.json": config, "model.safetensors": safetensors } = modelFiles;
    hub.repositories["o/n"] = repository({ "config.json": config, "model.safetensors": safetensors });
    const cache = freshFolder();
    await get(hub, cache);
    hub.reset();
    await get(hub, cache);
    expect(hub.asked()).toEqual([]);
  });

  test("is not believed where its commit is none", async () => {
    const cache = freshFolder();
    mkdirSync(join(cache, "models--o--n", "refs"), { recursive: true });
    writeFileSync(join(cache, "models--o--n", "refs", "main"), "../../elsewhere");
    expect(await get(hub, cache)).toContain(commitA);
  });

  test("a blob that was deleted comes again, and only that", async () => {
    const cache = freshFolder();
    const folder = await get(hub, cache);
    unlinkSync(join(cache, "models--o--n/blobs", etagOf(modelFiles["vocab.json"])));
    hub.reset();
    expect(await get(hub, cache)).toBe(folder);
    expect(hub.asked().filter((line) => line.startsWith("GET"))).toEqual([
      `GET /o/n/resolve/${commitA}/vocab.json`,
    ]);
    expect(readFileSync(join(folder, "vocab.json")).equals(modelFiles["vocab.json"].bytes)).toBe(true);
  });

  test("that cannot be written is an error that says so", async () => {
    const file = join(freshFolder(), "file");
    writeFileSync(file, "");
    await expect(get(hub, join(file, "cache"))).rejects.toThrow(
      `${join(file, "cache")}: the cache could not be read or written: ENOTDIR`,
    );
  });
});

describe("revisions", () => {
  const changed = { ...modelFiles, "config.json": text('{"model_type":"gpt2"}') };

  test("a branch with slashes, a tag and a commit", async () => {
    const refs = { main: commitA, "refs/pr/1": commitB, "v1.0": commitB };
    hub.repositories["o/n"] = { refs, commits: { [commitA]: modelFiles, [commitB]: changed } };
    const cache = freshFolder();
    for (const revision of ["refs/pr/1", "v1.0", commitB]) {
      hub.reset();
      const folder = await get(hub, cache, { revision });
      expect(folder.endsWith(commitB)).toBe(true);
      expect(readFileSync(join(folder, "config.json"), "utf8")).toBe('{"model_type":"gpt2"}');
    }
    expect(hub.asked()).toEqual([]); // the commit is there by then
    expect(readFileSync(join(cache, "models--o--n/refs/refs/pr/1"), "utf8")).toBe(commitB);
  });

  test("the cache's is kept until a refresh; then only what changed is downloaded", async () => {
    const cache = freshFolder();
    expect(await get(hub, cache)).toContain(commitA);
    hub.repositories["o/n"] = {
      refs: { main: commitB },
      commits: { [commitA]: modelFiles, [commitB]: changed },
    };
    hub.reset();
    expect(await get(hub, cache)).toContain(commitA);
    expect(hub.asked()).toEqual([]);
    expect(await get(hub, cache, { refresh: true })).toContain(commitB);
    expect(hub.asked().filter((line) => line.startsWith("GET"))).toEqual([
      `GET /o/n/resolve/${commitB}/config.json`,
    ]);
    expect(await get(hub, cache, { offline: true })).toContain(commitB);
    expect(await get(hub, cache, { offline: true, revision: commitA })).toContain(commitA);
  });

  test("one that moves while it loads changes nothing: all files are of one commit", async () => {
    hub.fault = ({ path }) => {
      if (path.includes("tokenizer_config")) hub.repositories["o/n"].refs = { main: commitB };
      return false;
    };
    hub.repositories["o/n"] = {
      refs: { main: commitA },
      commits: { [commitA]: modelFiles, [commitB]: { "config.json": text("{}") } },
    };
    const folder = await get(hub, freshFolder());
    expect(filesIn(folder)).toEqual(Object.keys(modelFiles).sort());
  });

  test("is remembered when all is there, not before", async () => {
    const cache = freshFolder();
    await get(hub, cache);
    const lacking = { "config.json": text("{}"), "vocab.json": text("{}") };
    hub.repositories["o/n"] = { refs: { main: commitB }, commits: { [commitB]: lacking } };
    await expect(get(hub, cache, { refresh: true })).rejects.toThrow("no weights");
    expect(await get(hub, cache, { offline: true })).toContain(commitA);
  });
});

test("a repository that was renamed is found under its old name", async () => {
  hub.repositories.old = { ...repository(), renamedTo: "o/n" };
  const folder = await get(hub, freshFolder(), { repo: "old" });
  expect(folder).toContain("models--old");
  expect(hub.asked().slice(0, 2)).toEqual([
    "HEAD /old/resolve/main/config.json",
    "HEAD /o/n/resolve/main/config.json",
  ]);
});

test("a redirect within the hub is followed, whatever it says of itself", async () => {
  hub.fault = ({ path }, response) => {
    if (!path.endsWith("/vocab.json") || path.startsWith("/o/n/resolve/cached")) return false;
    response
      .writeHead(307, {
        location: "/o/n/resolve/cached/vocab.json",
        etag: '"of-the-redirect"',
        "x-repo-commit": commitA,
      })
      .end();
    return true;
  };
  hub.repositories["o/n"] = repository(modelFiles, { refs: { main: commitA, cached: commitA } });
  const folder = await get(hub, freshFolder());
  expect(readlinkSync(join(folder, "vocab.json"))).toBe(`../../blobs/${etagOf(modelFiles["vocab.json"])}`);
});

describe("shards", () => {
  const index = (map: object) => text(JSON.stringify({ weight_map: map }));
  const { "model.safetensors": safetensors, ...rest } = modelFiles;

  test("are downloaded by their index, and then found in the cache", async () => {
    const cache = freshFolder();
    hub.repositories["o/n"] = repository({
      ...rest,
      "model.safetensors.index.json": index({ a: "model-1-of-2.safetensors", b: "model-2-of-2.safetensors" }),
      "model-1-of-2.safetensors": safetensors,
      "model-2-of-2.safetensors": { ...text("two"), lfs: true },
    });
    const folder = await get(hub, cache);
    expect(filesIn(folder)).toContain("model-1-of-2.safetensors");
    expect(readFileSync(join(folder, "model-2-of-2.safetensors"), "utf8")).toBe("two");
    hub.reset();
    await get(hub, cache);
    expect(hub.asked()).toEqual([]);
    rmSync(join(folder, "model-2-of-2.safetensors"));
    await expect(get(hub, cache, { offline: true })).rejects.toThrow("no whole model");
  });

  test.each([
    "../../blobs/x.safetensors",
    "/etc/x.safetensors",
    "a/b.safetensors",
    "a\\b.safetensors",
    "config.json",
  ])("an index cannot name %s", async (file) => {
    hub.repositories["o/n"] = repository({ ...rest, "model.safetensors.index.json": index({ a: file }) });
    await expect(get(hub, freshFolder())).rejects.toThrow(
      "expected the name of a .safetensors file beside the index",
    );
    expect(hub.asked().at(-1)).toBe(`GET /o/n/resolve/${commitA}/model.safetensors.index.json`);
  });

  test("one that is not there", async () => {
    hub.repositories["o/n"] = repository({
      ...rest,
      "model.safetensors.index.json": index({ a: "a.safetensors" }),
    });
    await expect(get(hub, freshFolder())).rejects.toThrow(
      "o/n: model.safetensors.index.json: got no file a.safetensors, which it names.",
    );
  });
});
