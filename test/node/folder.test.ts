import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "folder-"));
  // As the hub's cache: a snapshot of links to blobs.
  mkdirSync(inRoot("blobs"));
  mkdirSync(inRoot("snapshot", "onnx"), { recursive: true });
  writeFileSync(inRoot("blobs", "0a"), JSON.stringify(tinyConfig));
  writeFileSync(inRoot("blobs", "0b"), writeSafetensors(tinyTensors().map(store)));
  writeFileSync(inRoot("secret.safetensors"), "");
  symlinkSync("../blobs/0a", inRoot("snapshot", "config.json"));
  symlinkSync("../blobs/0b", inRoot("snapshot", "model.safetensors"));
  symlinkSync("../blobs/gone", inRoot("snapshot", "vocab.json"));
  symlinkSync("../blobs", inRoot("snapshot", "merges.txt"));
  writeFileSync(inRoot("snapshot", "empty.txt"), "");
});
afterAll(() => rmSync(root, { recursive: true }));

describe("folderFiles", () => {
  test("loads a model through the hub's links", async () => {
    const files = await folderFiles(inRoot("snapshot"));
    const config = parseConfig(await readText(fileNamed(files, "config.json")!, "config.json"));
    const layers: number[] = [];
    const { W_E } = await readCheckpoint(config, files, (layer) => layers.push(layer));
    expect(layers).toEqual([0, 1]);
    expect([...W_E]).toEqual(tinyTensors()[0]!.values);
  });

  test("lists files and links, not folders", async () => {
    const names = [...(await folderFiles(inRoot("snapshot"))).keys()];
    expect(names.sort()).toEqual([
      "config.json",
      "empty.txt",
      "merges.txt",
      "model.safetensors",
      "vocab.json",
    ]);
  });

  test("reads an empty file, and knows every size", async () => {
    const files = await folderFiles(inRoot("snapshot"));
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
    const files = await folderFiles(inRoot("snapshot"));
    await expect(openSource(files.get("vocab.json")!, "vocab.json")).rejects.toThrow(
      /^vocab\.json: could not be opened: ENOENT/,
    );
    await expect(openSource(files.get("merges.txt")!, "merges.txt")).rejects.toThrow(
      `${inRoot("snapshot", "merges.txt")}: got a folder, expected a file.`,
    );
  });

  test.skipIf(process.platform === "win32")("does not wait for a pipe", async () => {
    execFileSync("mkfifo", [inRoot("pipe")]);
    expect((await folderFiles(root)).has("pipe")).toBe(false);
    symlinkSync("../pipe", inRoot("blobs", "model.safetensors"));
    const files = await folderFiles(inRoot("blobs"));
    await expect(openSource(files.get("model.safetensors")!, "model.safetensors")).rejects.toThrow(
      `${inRoot("blobs", "model.safetensors")}: got a device or pipe, expected a file.`,
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
  mkdirSync(inRoot("plain"));
  for (const [name, blob] of [
    ["config.json", "0a"],
    ["model.safetensors", "0b"],
  ]) {
    symlinkSync(`../blobs/${blob}`, inRoot("plain", name));
  }
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
