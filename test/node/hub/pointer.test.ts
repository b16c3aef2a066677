import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { repoCache } from "../../../src/node/hub/cache.ts";
import { pointToBlob } from "../../../src/node/hub/pointer.ts";
import { commitA, freshFolder } from "./support.ts";

/** What the platform refuses. */
const refused = vi.hoisted(() => new Map<string, string>());
vi.mock("node:fs/promises", async (load) => {
  const real = await load<typeof import("node:fs/promises")>();
  const refusing =
    <Args extends unknown[]>(name: string, action: (...args: Args) => Promise<void>) =>
    async (...args: Args) => {
      const code = refused.get(name);
      if (code !== undefined) throw Object.assign(new Error(code), { code });
      return action(...args);
    };
  return { ...real, symlink: refusing("symlink", real.symlink), link: refusing("link", real.link) };
});
beforeEach(() => refused.clear());

function prepared() {
  const cache = repoCache(freshFolder(), "o/n");
  const blob = join(cache.blobs, "0a");
  const folder = join(cache.folder, "snapshots", commitA);
  mkdirSync(cache.blobs, { recursive: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(blob, "bytes");
  const put = (symlinks = true) => pointToBlob(cache, commitA, "file", blob, symlinks);
  return { cache, blob, pointer: join(folder, "file"), put };
}

test("a blob is put into a snapshot as a relative link", async () => {
  const { cache, pointer, put } = prepared();
  await put();
  expect(readlinkSync(pointer)).toBe("../../blobs/0a");
  expect(readdirSync(cache.blobs)).toEqual(["0a"]);
});

test("a link whose blob was deleted is replaced", async () => {
  const { pointer, put } = prepared();
  symlinkSync("../../blobs/gone", pointer);
  await put();
  expect(readFileSync(pointer, "utf8")).toBe("bytes");
});

test("a file that is there stays", async () => {
  const { pointer, put } = prepared();
  writeFileSync(pointer, "another's");
  await put();
  expect(readFileSync(pointer, "utf8")).toBe("another's");
});

describe("where symbolic links are", () => {
  test.each(["refused", "not wanted"])("%s, it is a second name", async (which) => {
    const { cache, blob, pointer, put } = prepared();
    if (which === "refused") refused.set("symlink", "EPERM");
    await put(which === "refused");
    expect(lstatSync(pointer).isFile()).toBe(true);
    expect(statSync(pointer).ino).toBe(statSync(blob).ino);
    expect(readdirSync(cache.blobs)).toEqual(["0a"]);
  });

  test("refused, and a second name too, it is a copy", async () => {
    const { cache, blob, pointer, put } = prepared();
    refused.set("symlink", "EPERM").set("link", "ENOTSUP");
    await put();
    expect(lstatSync(pointer).isFile()).toBe(true);
    expect(statSync(pointer).ino).not.toBe(statSync(blob).ino);
    expect(readFileSync(pointer, "utf8")).toBe("bytes");
    expect(readdirSync(cache.blobs)).toEqual(["0a"]);
  });

  test("impossible for another reason, it is an error", async () => {
    const { put } = prepared();
    refused.set("symlink", "ENOSPC");
    await expect(put()).rejects.toThrow("ENOSPC");
  });
});
