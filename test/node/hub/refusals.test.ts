import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { etagOf, type Recorded } from "./server.ts";
import { commitA, commitB, filesIn, freshFolder, get, modelFiles, testHub, weights } from "./support.ts";

/** What the file system refuses: tests run as root too, which no permission keeps from writing. */
const refused = vi.hoisted(() => ({
  code: "",
  actions: [] as readonly string[],
  path: undefined as unknown,
}));

vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof import("node:fs/promises")>();
  const refuse = (action: string, asked: unknown) => {
    if (!refused.actions.includes(action)) return;
    const { path = asked } = refused;
    const message = `${refused.code}: refused, ${action} '${path}'`;
    throw Object.assign(new Error(message), { code: refused.code, syscall: action, path });
  };
  const actions = ["mkdir", "writeFile", "rename", "unlink", "symlink", "link", "copyFile"] as const;
  const refusing = actions.map((action) => [
    action,
    async (...args: unknown[]) => {
      refuse(action, args[0]);
      return (actual[action] as (...args: unknown[]) => Promise<unknown>)(...args);
    },
  ]);
  const refuseWriting = (handle: FileHandle) => {
    const { writeFile } = handle;
    handle.writeFile = async (...args) => {
      refuse("write", undefined);
      return writeFile.apply(handle, args);
    };
  };
  const open: typeof actual.open = async (path, flags, mode) => {
    if (flags !== undefined && flags !== "r" && flags !== 0) refuse("open", path);
    const handle = await actual.open(path, flags, mode);
    if (flags === "wx") refuseWriting(handle);
    return handle;
  };
  return { ...actual, ...Object.fromEntries(refusing), open };
});

const hub = await testHub();
afterEach(() => Object.assign(refused, { code: "", actions: [], path: undefined }));

const writing = ["mkdir", "writeFile", "rename", "unlink", "symlink", "link", "copyFile", "open"];

describe.each(["EROFS", "EACCES", "EPERM", "ENOENT"])("a cache that cannot be written to, by %s,", (code) => {
  const readOnly = () => Object.assign(refused, { code, actions: writing });

  test("gives the model that is in it, also when the hub is asked", async () => {
    const cache = freshFolder();
    const folder = await get(hub, cache);
    const before = filesIn(cache);
    readOnly();
    expect(await get(hub, cache)).toBe(folder);
    expect(await get(hub, cache, { refresh: true })).toBe(folder);
    expect(filesIn(cache)).toEqual(before);
  });

  test("and knows neither the branch nor what does not exist", async () => {
    const cache = freshFolder();
    const folder = await get(hub, cache);
    rmSync(join(cache, "models--o--n/refs"), { recursive: true });
    rmSync(join(cache, "models--o--n/.no_exist"), { recursive: true });
    const before = filesIn(cache);
    readOnly();
    expect(await get(hub, cache)).toBe(folder);
    expect(filesIn(cache)).toEqual(before);
  });

  test("is an error where something is missing", async () => {
    const cache = freshFolder();
    await get(hub, cache);
    hub.repositories["o/n"] = { refs: { main: commitB }, commits: { [commitA]: {}, [commitB]: modelFiles } };
    readOnly();
    await expect(get(hub, cache, { refresh: true })).rejects.toThrow(
      `${cache}: the cache could not be read or written: `,
    );
  });
});

test("where no folder can be made, of which the system names the first, the error names the cache", async () => {
  const above = freshFolder();
  const cache = join(above, "a", "b");
  Object.assign(refused, { code: "ENOENT", actions: ["mkdir"], path: join(above, "a") });
  await expect(get(hub, cache)).rejects.toThrow(`${cache}: the cache could not be read or written: ENOENT`);
});

test("a lock that cannot be filled in is none", async () => {
  const cache = freshFolder();
  Object.assign(refused, { code: "ENOSPC", actions: ["write"] });
  await expect(get(hub, cache)).rejects.toThrow(`${cache}: the cache could not be read or written: ENOSPC`);
  expect(filesIn(cache).filter((name) => name.endsWith(".lock"))).toEqual([]);
});

describe("what an earlier try left, where it cannot be copied,", () => {
  const partial = `models--o--n/blobs/${etagOf(modelFiles["model.safetensors"])}.0a.logitscope.incomplete`;
  const isWeights = ({ host }: Recorded) => host === "cdn";
  const partials = (cache: string) => filesIn(cache).filter((name) => name.endsWith(".incomplete"));

  async function cacheWithPartial() {
    const cache = freshFolder();
    const folder = await get(hub, cache);
    rmSync(join(cache, partial.replace(".0a.logitscope.incomplete", "")));
    writeFileSync(join(cache, partial), weights.subarray(0, 5000));
    hub.reset();
    return { cache, folder };
  }

  test.each(["ENOSPC", "EDQUOT"])("for want of room (%s), is kept for when there is some", async (code) => {
    const { cache, folder } = await cacheWithPartial();
    Object.assign(refused, { code, actions: ["copyFile"] });
    await expect(get(hub, cache)).rejects.toThrow(/: refused, copyFile '.*'\. Make room/);
    expect(partials(cache)).toEqual([partial]);
    refused.actions = [];
    await get(hub, cache);
    expect(hub.requests.filter(isWeights).map(({ headers }) => headers.range)).toEqual(["bytes=5000-"]);
    expect(readFileSync(join(folder, "model.safetensors")).equals(weights)).toBe(true);
    expect(partials(cache)).toEqual([]);
  });

  test("as another user's, is done without, and left to the other", async () => {
    const { cache, folder } = await cacheWithPartial();
    Object.assign(refused, { code: "EACCES", actions: ["copyFile"] });
    await get(hub, cache);
    expect(hub.requests.filter(isWeights).map(({ headers }) => headers.range)).toEqual([undefined]);
    expect(readFileSync(join(folder, "model.safetensors")).equals(weights)).toBe(true);
    expect(partials(cache)).toEqual([partial]);
  });
});
