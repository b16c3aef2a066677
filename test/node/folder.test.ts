import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { directLogitAttribution, logitLens } from "../../src/dla/index.ts";
import { CheckpointError } from "../../src/errors.ts";
import { parseConfig } from "../../src/model/config.ts";
import { fileNamed, openSource } from "../../src/model/files/byteSource.ts";
import { readText } from "../../src/model/files/json.ts";
import type { ByteFile, Gpt2 } from "../../src/model/index.ts";
import { folderFiles } from "../../src/node/folder.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { modelFolder } from "../support/fixtures.ts";
import { store, tinyConfig, tinyTensors } from "../support/gpt2Checkpoint.ts";
import { readCheckpoint } from "../support/readPlain.ts";
import { writeSafetensors } from "../support/writeSafetensors.ts";

let root: string;
const inRoot = (...names: string[]) => join(root, ...names);
const inRepo = (...names: string[]) => inRoot("models--o--n", ...names);
const inSnapshot = (...names: string[]) => inRepo("snapshots", "c0", ...names);

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "folder-"));
  // As the hub's cache: a snapshot of links to blobs.
  mkdirSync(inRepo("blobs"), { recursive: true });
  mkdirSync(inSnapshot("onnx"), { recursive: true });
  writeFileSync(inRepo("blobs", "0a"), JSON.stringify(tinyConfig));
  writeFileSync(inRepo("blobs", "0b"), writeSafetensors(tinyTensors().map(store)));
  writeFileSync(inRoot("secret.safetensors"), "");
  symlinkSync("../../blobs/0a", inSnapshot("config.json"));
  symlinkSync("../../blobs/0b", inSnapshot("model.safetensors"));
  symlinkSync("../../blobs/gone", inSnapshot("vocab.json"));
  symlinkSync("onnx", inSnapshot("merges.txt"));
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
        `${path}: got nothing there, expected a folder with a model's files. Give its path, or a name on the hub: openai-community/gpt2.`,
    ],
    [
      "secret.safetensors",
      (path: string) =>
        `${path}: got a file, expected a folder with a model's files. Give its path, or a name on the hub: openai-community/gpt2.`,
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
      `${inSnapshot("merges.txt")}: got a folder, expected a file.`,
    );
  });

  test.skipIf(process.platform === "win32")("does not wait for a pipe", async () => {
    execFileSync("mkfifo", [inRoot("pipe")]);
    expect((await folderFiles(root)).has("pipe")).toBe(false);
    symlinkSync("pipe", inRoot("model.safetensors"));
    const files = await folderFiles(root);
    await expect(openSource(files.get("model.safetensors")!, "model.safetensors")).rejects.toThrow(
      `${inRoot("model.safetensors")}: got a device or pipe, expected a file.`,
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

describe("a link", () => {
  test.each([
    ["out of a folder", () => inRoot("plain-links"), "../secret.safetensors"],
    ["to elsewhere on the disk", () => inRoot("plain-links-2"), tmpdir()],
    ["to the blobs of a cache, from a folder that is no snapshot", () => inRepo("other"), "../blobs/0b"],
    ["to the blobs of a cache, from where snapshots are not", () => inRepo("others", "c1"), "../../blobs/0b"],
    ["out of a snapshot, not to a blob", () => inRepo("snapshots", "c1"), "../../../secret.safetensors"],
    ["to another snapshot's own file", () => inRepo("snapshots", "c2"), "../c0/empty.txt"],
  ])("%s is not followed", async (_, folder, target) => {
    mkdirSync(folder(), { recursive: true });
    symlinkSync(target, join(folder(), "model.safetensors"));
    const files = await folderFiles(folder());
    await expect(openSource(files.get("model.safetensors")!, "model.safetensors")).rejects.toThrow(
      `${join(folder(), "model.safetensors")}: got a link to`,
    );
  });

  test("to a blob that is a link out of the cache is not followed, to one that the cache shares is", async () => {
    symlinkSync("../../secret.safetensors", inRepo("blobs", "0c"));
    mkdirSync(inRoot("blobs", "ab"), { recursive: true });
    writeFileSync(inRoot("blobs", "ab", "abcd"), "shared");
    symlinkSync("../../blobs/ab/abcd", inRepo("blobs", "0d"));
    mkdirSync(inRepo("snapshots", "c3"));
    symlinkSync("../../blobs/0c", inRepo("snapshots", "c3", "config.json"));
    symlinkSync("../../blobs/0d", inRepo("snapshots", "c3", "merges.txt"));
    const files = await folderFiles(inRepo("snapshots", "c3"));
    await expect(readText(files.get("config.json")!, "config.json")).rejects.toThrow("got a link to");
    expect(await readText(files.get("merges.txt")!, "merges.txt")).toBe("shared");
  });

  test("within a folder is followed, also of a folder that is a link itself", async () => {
    mkdirSync(inRoot("inner", "deep"), { recursive: true });
    writeFileSync(inRoot("inner", "deep", "a"), "A");
    symlinkSync("deep/a", inRoot("inner", "merges.txt"));
    symlinkSync("inner", inRoot("outer"));
    const files = await folderFiles(inRoot("outer"));
    expect(await readText(files.get("merges.txt")!, "merges.txt")).toBe("A");
  });
});

test("a blob that another download replaced by its like goes on being read; another file is noticed", async () => {
  const bytes = new Uint8Array(1);
  for (const [file, target, replaced] of [
    ["model.safetensors", inRepo("blobs", "0b"), true],
    ["empty.txt", inSnapshot("empty.txt"), false],
  ] as const) {
    const opened = await ((await folderFiles(inSnapshot())).get(file) as () => Promise<ByteFile>)();
    copyFileSync(target, `${target}.new`);
    renameSync(`${target}.new`, target);
    if (replaced) expect(opened.readSync!(bytes, 0)).toBe(1);
    else
      expect(() => opened.readSync!(bytes, 0)).toThrow(
        "got a file that has changed since the model was loaded",
      );
    await opened.close();
  }
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
    await expect(loading).rejects.toThrow(
      `${folder}: config.json: not among the files, which are no files. ` +
        "Give the files of a Hugging Face GPT-2: config.json, model.safetensors and, for texts, a tokenizer's.",
    );
    for (const name of ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"])
      writeFileSync(join(folder, name), "");
    await expect(fromPretrained(folder)).rejects.toThrow(
      /: config.json: not among the files, which are \d+(, \d+){7} and 2 more\. Give/,
    );
  });
});

describe("what lies in the way of a hub name", () => {
  const elsewhere = async (action: () => Promise<void>) => {
    const before = process.cwd();
    process.chdir(mkdtempSync(inRoot("way-")));
    await action().finally(() => process.chdir(before));
  };
  const said = (name: string, other: string) =>
    `There is a ./${name} here without a model in it, and so the name is not looked for on the hub: remove it, or ${other}.`;
  const owner = "give the name with its owner, as openai-community/gpt2";

  test("an empty folder is said to be there", () =>
    elsewhere(async () => {
      mkdirSync("gpt2");
      mkdirSync("openai-community/gpt2", { recursive: true });
      await expect(fromPretrained("gpt2")).rejects.toThrow(
        `gpt2: config.json: not among the files, which are no files. ` +
          `Give the files of a Hugging Face GPT-2: config.json, model.safetensors and, for texts, a tokenizer's. ${said("gpt2", owner)}`,
      );
      await expect(fromPretrained("openai-community/gpt2")).rejects.toThrow(
        said("openai-community/gpt2", "rename it"),
      );
    }));

  test("and so is a file", () =>
    elsewhere(async () => {
      writeFileSync("gpt2", "");
      const message =
        "gpt2: got a file, expected a folder with a model's files. Give its path, or a name on the hub: openai-community/gpt2.";
      await expect(fromPretrained("gpt2")).rejects.toThrow(
        new CheckpointError(`${message} ${said("gpt2", owner)}`),
      );
    }));

  test("a folder with a config, or one given by a path, is not", () =>
    elsewhere(async () => {
      mkdirSync("gpt2");
      await expect(fromPretrained("./gpt2")).rejects.not.toThrow("on the hub: remove it");
      writeFileSync("gpt2/config.json", JSON.stringify(tinyConfig));
      await expect(fromPretrained("gpt2")).rejects.not.toThrow("on the hub: remove it");
    }));
});

test.skipIf(process.platform === "win32")(
  "a pipe that takes a file's place later is not waited for",
  async () => {
    const folder = mkdtempSync(inRoot("replaced-"));
    const weights = join(folder, "model.safetensors");
    writeFileSync(join(folder, "config.json"), JSON.stringify(tinyConfig));
    writeFileSync(weights, writeSafetensors(tinyTensors().map(store)));
    const model = await fromPretrained(folder);
    rmSync(weights);
    execFileSync("mkfifo", [weights]);
    expect(() => model.run([1, 0])).toThrow("got a file that has changed since the model was loaded");
  },
);

describe("a folder deleted after the load", () => {
  test.each<[string, (model: Gpt2) => unknown]>([
    ["run", (model) => model.run([[1, 2]])],
    ["runWithCache", (model) => model.runWithCache([[1, 2]])],
    ["runWithHooks", (model) => model.runWithHooks([[1, 2]], [])],
    ["logits of some tokens", (model) => model.run([[1, 2]], { logits: { tokens: [3] } })],
    ["enableCompatibilityMode", (model) => model.enableCompatibilityMode().run([[1, 2]])],
    ["unembedding.token", (model) => model.unembedding.token(1)],
    ["unembedding.difference", (model) => model.unembedding.difference(1, 2)],
    [
      "directLogitAttribution",
      (model) => directLogitAttribution(model.enableCompatibilityMode(), [1, 2], { answer: 3 }),
    ],
    ["logitLens", (model) => logitLens(model.enableCompatibilityMode(), [[1, 2]], { answer: 3 })],
  ])("is said so by %s", async (_, call) => {
    const folder = mkdtempSync(inRoot("deleted-"));
    const weights = join(folder, "model.safetensors");
    for (const name of ["config.json", "model.safetensors"]) {
      copyFileSync(join(modelFolder("tiny-head"), name), join(folder, name));
    }
    const model = await fromPretrained(folder);
    rmSync(folder, { recursive: true });
    const message =
      `${weights}: got nothing there any more, expected the file that the model was loaded from: the embedding stays in it, and ` +
      "rows are read when they are needed. Put it back, or load the model again from where it is now.";
    expect(() => call(model)).toThrow(new CheckpointError(message));
    mkdirSync(folder);
    copyFileSync(join(modelFolder("tiny-head"), "model.safetensors"), weights);
    expect(() => call(model)).toThrow("got a file that has changed since the model was loaded");
  });
});

test("a model of a relative folder goes on when the process is elsewhere", async () => {
  mkdirSync(inRoot("plain"));
  copyFileSync(inRepo("blobs", "0a"), inRoot("plain", "config.json"));
  copyFileSync(inRepo("blobs", "0b"), inRoot("plain", "model.safetensors"));
  const before = process.cwd();
  process.chdir(root);
  try {
    const model = await fromPretrained("plain");
    const want = [...model.run([[1, 0]]).data];
    process.chdir("/");
    expect([...model.run([[1, 0]]).data]).toEqual(want);
  } finally {
    process.chdir(before);
  }
});
