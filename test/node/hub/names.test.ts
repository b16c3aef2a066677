import { join, sep } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { repoCache } from "../../../src/node/hub/cache.ts";
import { hubSettings } from "../../../src/node/hub/environment.ts";
import { blobName, isRepoId, isRevision } from "../../../src/node/hub/names.ts";

describe("a name on the hub", () => {
  // huggingface_hub's own examples, and what its pattern makes of others
  test.each(["foo", "foo/bar", "123", "Foo-BAR_foo.bar123", "a", "_a", "o/_n_", "x".repeat(96)])(
    "%s is one",
    (name) => expect(isRepoId(name)).toBe(true),
  );
  test.each([
    ..."datasets/foo/bar .repo_id foo--bar foo.git other..repo..id - a- -a a. /a a/ a//b a/b.git a\\b a:b ~ ~/x café".split(
      " ",
    ),
    "",
    "a b",
    "a\n",
    "x".repeat(97),
  ])("%j is none", (name) => expect(isRepoId(name)).toBe(false));
});

const hostile = fc.oneof(
  fc.string(),
  fc
    .array(fc.constantFrom("..", ".", "/", "\\", "a", "0f", '"', "W/", "\0", ":", "~", "%2f", "é", " ", "\n"))
    .map((parts) => parts.join("")),
);

describe("whatever is said, no path leads out of the cache:", () => {
  const root = `${sep}cache`;
  const isInside = (path: string, folder: string) =>
    path.startsWith(folder + sep) && path.length > folder.length + 1;

  test("a repository's name", () => {
    fc.assert(
      fc.property(hostile, (name) => {
        if (!isRepoId(name)) return;
        const { folder, locks } = repoCache(root, name);
        expect(isInside(join(folder), root) && isInside(join(locks), join(root, ".locks"))).toBe(true);
        expect(folder.slice(root.length + 1)).not.toContain(sep);
      }),
    );
  });

  test("a revision", () => {
    fc.assert(
      fc.property(hostile, (revision) => {
        if (isRevision(revision))
          expect(isInside(join(root, "refs", revision), join(root, "refs"))).toBe(true);
      }),
    );
  });

  test("an ETag", () => {
    fc.assert(
      fc.property(hostile, (etag) => {
        const name = blobName(etag);
        if (name !== undefined) expect(name).toMatch(/^[A-Za-z0-9][\w.-]*$/);
      }),
    );
  });
});

test.each([
  ['"abc"', "abc"],
  ['W/"abc"', "abc"],
  ["abc", "abc"],
  ['""', undefined],
  ['"../../x"', undefined],
  ['".."', undefined],
  ['"a/b"', undefined],
  ['"a\\b"', undefined],
  ['"a.incomplete"', undefined],
  [`"${"a".repeat(200)}"`, undefined],
])("the ETag %s names the blob %s", (etag, name) => expect(blobName(etag)).toBe(name));

describe("the environment", () => {
  const home = join(sep, "home", "me");
  const settings = (env: Record<string, string>) => hubSettings({}, env, home);

  test.each<[Record<string, string>, string]>([
    [{}, "/home/me/.cache/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/xdg" }, "/xdg/huggingface/hub"],
    [{ HF_HOME: "/hf", XDG_CACHE_HOME: "/xdg" }, "/hf/hub"],
    [{ HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/hf" }, "/old"],
    [{ HF_HUB_CACHE: "/new", HUGGINGFACE_HUB_CACHE: "/old" }, "/new"],
    [{ HF_HOME: "~/hf" }, "/home/me/hf/hub"],
    [{ HF_HUB_CACHE: `$DISK/${"$"}{USER}/hub`, DISK: "/disk", USER: "me" }, "/disk/me/hub"],
    [{ HF_HUB_CACHE: "/$UNSET/hub" }, "/$UNSET/hub"],
    [{ HF_HUB_CACHE: "", HF_HOME: "" }, "/home/me/.cache/huggingface/hub"],
  ])("%j: the cache is %s", (env, cacheDir) => expect(settings(env).cacheDir).toBe(cacheDir));

  test.each<[Record<string, string>, boolean]>([
    [{}, false],
    ...["1", "on", "YES", "True"].map((value): [Record<string, string>, boolean] => [
      { HF_HUB_OFFLINE: value },
      true,
    ]),
    [{ HF_HUB_OFFLINE: "0" }, false],
    [{ HF_HUB_OFFLINE: "2" }, false],
    [{ TRANSFORMERS_OFFLINE: "1" }, true],
    [{ HF_HUB_OFFLINE: "0", TRANSFORMERS_OFFLINE: "1" }, false],
  ])("%j: offline is %s", (env, offline) => expect(settings(env).offline).toBe(offline));

  test("the endpoint, without the slash at its end", () => {
    expect(settings({}).endpoint).toBe("https://huggingface.co");
    expect(settings({ HF_ENDPOINT: "https://mirror.example/hf//" }).endpoint).toBe(
      "https://mirror.example/hf",
    );
  });

  test("the timeouts", () => {
    expect(settings({}).timeouts).toEqual({ metadata: 10_000, download: 10_000 });
    const env = { HF_HUB_ETAG_TIMEOUT: "3", HF_HUB_DOWNLOAD_TIMEOUT: "60" };
    expect(settings(env).timeouts).toEqual({ metadata: 3_000, download: 60_000 });
    expect(settings({ HF_HUB_ETAG_TIMEOUT: "soon" }).timeouts.metadata).toBe(10_000);
  });
});
