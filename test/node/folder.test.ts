import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointError } from "../../src/errors.ts";
import { parseConfig } from "../../src/model/config.ts";
import { fileNamed, openSource } from "../../src/model/files/byteSource.ts";
import { readText } from "../../src/model/files/json.ts";
import { folderFiles } from "../../src/node/folder.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { modelFolder } from "../support/fixtures.ts";
import { store, tinyConfig, tinyTensors } from "../support/gpt2Checkpoint.ts";
import { readCheckpoint } from "../support/readPlain.ts";
import { writeSafetensors } from "../support/writeSafetensors.ts";

let root: string;
const inRoot = (...names: string[]) => join(root, ...names);
const inSnapshot = (...names: string[]) => inRoot("models--a--b", "snapshots", "c0", ...names);

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "folder-")));
  // As the hub's cache: a snapshot of links to blobs.
  mkdirSync(inRoot("models--a--b", "blobs"), { recursive: true });
  mkdirSync(inSnapshot("onnx"), { recursive: true });
  writeFileSync(inRoot("models--a--b", "blobs", "0a"), JSON.stringify(tinyConfig));
  writeFileSync(inRoot("models--a--b", "blobs", "0b"), writeSafetensors(tinyTensors().map(store)));
  writeFileSync(inRoot("secret.safetensors"), "");
  symlinkSync("../../blobs/0a", inSnapshot("config.json"));
  symlinkSync("../../blobs/0b", inSnapshot("model.safetensors"));
  symlinkSync("../../blobs/gone", inSnapshot("vocab.json"));
  symlinkSync("../../blobs", inSnapshot("merges.txt"));
  writeFileSync(inSnapshot("empty.txt"), "");
});
afterAll(() => rmSync(root, { recursive: true }));

describe("folderFiles", () => {
  test("loads a model through the hub's links", async () => {
    const files = await folderFiles(inSnapshot());
    const config = parseConfig(await readText(fileNamed(files, "config.json")!, "config.json"));
    const layers: number[] = [];
    const { W_E } = await readCheckpoint(config, files, (layer) => layers.push(layer));
    expect(layers).toEqual([0, 1]);
    expect([...W_E]).toEqual(tinyTensors()[0]!.values);
  });

  test("lists files and links, not folders", async () => {
    const names = [...(await folderFiles(inSnapshot())).keys()];
    expect(names.sort()).toEqual([
      "config.json",
      "empty.txt",
      "merges.txt",
      "model.safetensors",
      "vocab.json",
    ]);
  });

  test("reads an empty file, and knows every size", async () => {
    const files = await folderFiles(inSnapshot());
    expect(await readText(files.get("empty.txt")!, "empty.txt")).toBe("");
    const reader = await openSource(files.get("config.json")!, "config.json");
    expect(reader.size).toBe(JSON.stringify(tinyConfig).length);
    await reader.close();
  });

  test.each([
    [
      "gone",
      (path: string) =>
        `${path}: got nothing there, expected a folder with a model's files. Give its path; names on the Hugging Face hub are not looked up.`,
    ],
    [
      "secret.safetensors",
      (path: string) =>
        `${path}: got a file, expected a folder with a model's files. Give its path; names on the Hugging Face hub are not looked up.`,
    ],
  ])("refuses %s", async (name, message) => {
    await expect(folderFiles(inRoot(name))).rejects.toThrow(message(inRoot(name)));
    await expect(folderFiles(inRoot(name))).rejects.toThrow(CheckpointError);
  });

  test("says so when a link leads nowhere, or to a folder", async () => {
    const files = await folderFiles(inSnapshot());
    await expect(openSource(files.get("vocab.json")!, "vocab.json")).rejects.toThrow(
      /^vocab\.json: could not be opened: ENOENT/,
    );
    await expect(openSource(files.get("merges.txt")!, "merges.txt")).rejects.toThrow(
      `${inRoot("models--a--b", "blobs")}: got a folder, expected a file.`,
    );
  });

  test.skipIf(process.platform === "win32")("does not wait for a pipe", async () => {
    execFileSync("mkfifo", [inRoot("models--a--b", "blobs", "pipe")]);
    expect((await folderFiles(inRoot("models--a--b", "blobs"))).has("pipe")).toBe(false);
    symlinkSync("pipe", inRoot("models--a--b", "blobs", "model.safetensors"));
    const files = await folderFiles(inRoot("models--a--b", "blobs"));
    await expect(openSource(files.get("model.safetensors")!, "model.safetensors")).rejects.toThrow(
      `${inRoot("models--a--b", "blobs", "pipe")}: got a device or pipe, expected a file.`,
    );
  });

  test.each([
    "../secret.safetensors",
    "/etc/x.safetensors",
    "..\\secret.safetensors",
    "a\0.safetensors",
    "..",
  ])("an index cannot reach %j", async (file) => {
    const folder = mkdtempSync(inRoot("index-"));
    const weightMap = { "wte.weight": file.startsWith("/") ? inRoot("secret.safetensors") : file };
    writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
    const loading = readCheckpoint(parseConfig(tinyConfig), await folderFiles(folder), () => {});
    await expect(loading).rejects.toThrow("expected the name of a .safetensors file beside the index");
  });
});

describe.skipIf(process.platform === "win32")("a link is followed", () => {
  const content = async (folder: string, name: string) =>
    readText((await folderFiles(folder)).get(name)!, name);
  let cache: string;
  beforeAll(() => {
    // …/snapshots/<commit>/sub, as where a repository has folders of its own
    cache = inRoot("hub", "models--x");
    mkdirSync(join(cache, "blobs"), { recursive: true });
    mkdirSync(join(cache, "snapshots", "c1", "sub"), { recursive: true });
    writeFileSync(join(cache, "blobs", "0c"), "{}");
    writeFileSync(inRoot("secret"), "secret");
    symlinkSync("../../../blobs/0c", join(cache, "snapshots", "c1", "sub", "config.json"));
    symlinkSync("sub/config.json", join(cache, "snapshots", "c1", "inside.json"));
    symlinkSync(inRoot("secret"), join(cache, "snapshots", "c1", "out.json"));
    symlinkSync(inRoot("secret"), join(cache, "blobs", "0d"));
    symlinkSync("../../blobs/0d", join(cache, "snapshots", "c1", "through.json"));
    symlinkSync("../../../../secret", join(cache, "snapshots", "c1", "up.json"));
    symlinkSync("../../refs", join(cache, "snapshots", "c1", "refs.json"));
    writeFileSync(join(cache, "refs"), "");
    symlinkSync("/dev/zero", join(cache, "snapshots", "c1", "zero.json"));
    symlinkSync("/etc", join(cache, "snapshots", "c1", "etc"));
    symlinkSync("etc/passwd", join(cache, "snapshots", "c1", "passwd.json"));
    symlinkSync(inRoot("hub"), inRoot("elsewhere"));
    mkdirSync(inRoot("downloaded"));
    mkdirSync(inRoot("downloaded-too"));
    writeFileSync(inRoot("downloaded", "a.json"), "{}");
    writeFileSync(inRoot("downloaded", "..b.json"), "{}");
    writeFileSync(inRoot("downloaded-too", "c.json"), "{}");
    symlinkSync("a.json", inRoot("downloaded", "config.json"));
    symlinkSync("..b.json", inRoot("downloaded", "b.json"));
    symlinkSync("../downloaded-too/c.json", inRoot("downloaded", "beside.json"));
    symlinkSync("../hub/models--x/blobs/0c", inRoot("downloaded", "blob.json"));
    symlinkSync("loop.json", inRoot("downloaded", "loop.json"));
  });

  test("within its folder, and from a snapshot to its blobs, also where the cache is reached by a link", async () => {
    expect(await content(inRoot("downloaded"), "config.json")).toBe("{}");
    expect(await content(inRoot("downloaded"), "b.json")).toBe("{}");
    for (const hub of [cache, inRoot("elsewhere", "models--x")]) {
      expect(await content(join(hub, "snapshots", "c1", "sub"), "config.json")).toBe("{}");
      expect(await content(join(hub, "snapshots", "c1"), "inside.json")).toBe("{}");
    }
  });

  test.each(["out.json", "through.json", "up.json", "refs.json", "zero.json", "passwd.json"])(
    "but not out of a snapshot: %s",
    async (name) => {
      const reading = content(join(cache, "snapshots", "c1"), name);
      await expect(reading).rejects.toThrow(CheckpointError);
      await expect(reading).rejects.toThrow(
        /\.json: got a link to .*, expected one that stays in the folder: it may have come with the files, and is not followed\. Put the file itself there, or give the files to modelFromFiles: await openAsBlob\(path\) of node:fs\.$/,
      );
    },
  );

  test.each([
    ["beside.json", "got a link to"],
    ["blob.json", "got a link to"],
    ["loop.json", "loop.json: could not be opened: ELOOP"],
  ])("nor out of any other folder: %s", async (name, message) => {
    const reading = content(inRoot("downloaded"), name);
    await expect(reading).rejects.toThrow(CheckpointError);
    await expect(reading).rejects.toThrow(message);
  });
});

describe("fromPretrained", () => {
  test("names the model after its folder, unless it is named", async () => {
    const folder = modelFolder("tiny-head");
    expect((await fromPretrained(folder)).name).toBe("tiny-head");
    expect((await fromPretrained(`${folder}/`, { name: undefined })).name).toBe("tiny-head");
    expect((await fromPretrained(folder, { name: "mine" })).name).toBe("mine");
  });

  test("says which folder an error is of", async () => {
    const folder = mkdtempSync(inRoot("empty-"));
    const loading = fromPretrained(folder);
    await expect(loading).rejects.toThrow(CheckpointError);
    await expect(loading).rejects.toThrow(`${folder}: config.json: not among the 0 files given`);
  });
});

test("a model of a relative folder goes on when the process is elsewhere", async () => {
  const plain = inRoot("models--a--b", "snapshots", "plain");
  mkdirSync(plain);
  for (const [name, blob] of [
    ["config.json", "0a"],
    ["model.safetensors", "0b"],
  ]) {
    symlinkSync(`../../blobs/${blob}`, join(plain, name));
  }
  const before = process.cwd();
  process.chdir(root);
  try {
    const model = await fromPretrained("models--a--b/snapshots/plain");
    const want = [...model.run([[1, 0]]).data];
    process.chdir("/");
    expect([...model.run([[1, 0]]).data]).toEqual(want);
  } finally {
    process.chdir(before);
  }
});
