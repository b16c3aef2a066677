import { describe, expect, test } from "vitest";
import {
  cloneFaults,
  fileFaults,
  limits,
  packFaults,
  publishing,
  withVersion,
} from "../../scripts/releaseChecks.mjs";

const texts = {
  manifest: '{\n  "name": "p",\n  "version": "0.1.0",\n  "repository": "r"\n}\n',
  lock: '{\n  "name": "p",\n  "version": "0.1.0",\n  "packages": {\n    "": {\n      "version": "0.1.0"\n    }\n  }\n}\n',
  versionFile: '/** The version. */\nexport const version = "0.1.0";\n',
  changelog: "# Changelog\n\n## 0.1.0 (2026-01-31)\n\nThe first.\n\n## 0.0.1 (unreleased)\n",
};

describe("fileFaults", () => {
  test("files that agree, with a day, are without fault", () => expect(fileFaults(texts)).toEqual([]));

  test.each([
    [
      "lock",
      "0.1.0",
      "0.1.1",
      /^package-lock\.json: got version 0\.1\.1, expected package\.json's 0\.1\.0\./,
    ],
    ["versionFile", "0.1.0", "0.1.1", /^src\/version\.ts: got version 0\.1\.1/],
    ["changelog", "0.1.0 ", "0.2.0 ", /^CHANGELOG\.md's first entry: got version 0\.2\.0/],
    ["changelog", "2026-01-31", "unreleased", /^CHANGELOG\.md: got unreleased, expected the day/],
    ["manifest", "repository", "repo", /^package\.json: got no repository/],
  ] as const)("%s with %j as %j has one", (name, given, instead, message) => {
    const faults = fileFaults({ ...texts, [name]: texts[name].replace(given, instead) });
    expect(faults).toEqual([expect.stringMatching(message)]);
  });
});

describe("cloneFaults", () => {
  const clone = { branch: "main", status: "", tags: ["v0.0.1", ""] };
  test("a clean tree on main is without fault", () => expect(cloneFaults(clone, "0.1.0")).toEqual([]));

  test.each([
    [{ branch: "topic" }, /^branch: got topic/],
    [{ branch: "" }, /^branch: got none/],
    [{ status: " M a\n" }, /^working tree: got changes[\s\S]* M a/],
    [{ tags: ["v0.1.0"] }, /^tags: got v0\.1\.0 already/],
  ])("%j has one", (change, message) => {
    expect(cloneFaults({ ...clone, ...change }, "0.1.0")).toEqual([expect.stringMatching(message)]);
  });
});

test("packFaults names what is over its limit", () => {
  expect(packFaults(limits)).toEqual([]);
  expect(packFaults({ ...limits, size: limits.size + 1 })).toEqual([
    expect.stringMatching(/^tarball: got size 1000001, expected at most 1000000 bytes/),
  ]);
});

describe("withVersion", () => {
  const unreleased = { ...texts, changelog: texts.changelog.replace("2026-01-31", "unreleased") };

  test("writes the version and the day, and nothing else", () => {
    const changed = withVersion(unreleased, "0.2.0", "2026-02-01");
    expect(fileFaults(changed)).toEqual([]);
    for (const name of ["manifest", "lock", "versionFile"] as const)
      expect(changed[name].replaceAll("0.2.0", "0.1.0")).toBe(texts[name]);
    expect(changed.changelog).toBe(texts.changelog.replace("0.1.0 (2026-01-31)", "0.2.0 (2026-02-01)"));
  });

  test.each(["", "1", "v1.0.0", "1.0.0 ", "1.0.0-"])("refuses %j", (version) => {
    expect(() => withVersion(unreleased, version, "2026-02-01")).toThrow(/^--set: got/);
  });

  test("wants an unreleased entry, or the version's own", () => {
    expect(() => withVersion(texts, "0.2.0", "2026-02-01")).toThrow(
      /^CHANGELOG\.md: got ## 0\.1\.0 \(2026-01-31\)/,
    );
    expect(withVersion(texts, "0.1.0", "2026-02-01").changelog).toContain("## 0.1.0 (2026-02-01)");
  });
});

test("a release goes to latest with provenance, a candidate to next", () => {
  expect(publishing("0.1.0", "p.tgz")).toEqual([
    ["npm", "publish", "p.tgz", "--provenance", "--access", "public", "--tag", "latest"],
    ["git", "tag", "--annotate", "v0.1.0", "--message", "logitscope 0.1.0"],
  ]);
  expect(publishing("0.1.0-rc.1", "p.tgz")[0]).toContain("next");
});
