import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointError } from "../../src/errors.ts";
import { readText } from "../../src/model/files/json.ts";
import { folderFiles } from "../../src/node/folder.ts";

const root = mkdtempSync(join(tmpdir(), "links-"));
const inRoot = (...names: string[]) => join(root, ...names);
afterAll(() => rmSync(root, { recursive: true }));

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

  // given by its path it may have come with its links; asked for by name it is the user's own
  test("to blobs that were moved elsewhere, in the hub's cache alone", async () => {
    const moved = inRoot("moved", "models--x");
    mkdirSync(join(moved, "snapshots", "c1"), { recursive: true });
    symlinkSync(join(cache, "blobs"), join(moved, "blobs"));
    for (const name of ["0c", "0d"]) symlinkSync(`../../blobs/${name}`, join(moved, "snapshots", "c1", name));
    const folder = join(moved, "snapshots", "c1");
    const files = await folderFiles(folder, { isCache: true });
    expect(await readText(files.get("0c")!, "0c")).toBe("{}");
    await expect(readText(files.get("0d")!, "0d")).rejects.toThrow("got a link to");
    await expect(content(folder, "0c")).rejects.toThrow("got a link to");
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
