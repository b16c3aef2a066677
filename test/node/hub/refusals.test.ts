import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { commitA, commitB, filesIn, freshFolder, get, modelFiles, testHub } from "./support.ts";

/** What the file system refuses: tests run as root too, which no permission keeps from writing. */
const refused = vi.hoisted(() => ({ code: "", actions: [] as readonly string[] }));

vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof import("node:fs/promises")>();
  const refuse = (action: string, path: unknown) => {
    if (!refused.actions.includes(action)) return;
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
  const open: typeof actual.open = async (path, flags, mode) => {
    if (flags !== undefined && flags !== "r" && flags !== 0) refuse("open", path);
    return actual.open(path, flags, mode);
  };
  return { ...actual, ...Object.fromEntries(refusing), open };
});

const hub = await testHub();
afterEach(() => Object.assign(refused, { code: "", actions: [] }));

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
    await expect(get(hub, cache, { refresh: true })).rejects.toThrow(`${cache}: the cache could not be`);
  });
});
