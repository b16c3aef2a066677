import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const tarball = inject("tarball");

/** What `scripts/checkPackage.mjs` prints and exits with. */
const check = (file: string) =>
  spawnSync(process.execPath, ["scripts/checkPackage.mjs", file], { cwd: root, encoding: "utf8" });

test("publint and are-the-types-wrong find nothing in the packed package, not even a suggestion", () => {
  expect(check(tarball)).toMatchObject({ status: 0, stdout: "", stderr: "" });
});

test.each([
  [
    "types that are missing",
    /"\.\/dist\/types\/demo\/index\.d\.ts"/,
    '"./dist/types/nowhere.d.ts"',
    [/publint error: .*nowhere\.d\.ts/, /are-the-types-wrong:[\s\S]*No types/],
  ],
  ["a suggestion", /"type": "module",/, '"main": "./dist/index.js",', [/publint suggestion: .*"type"/]],
])("they would say %s", (_what, given, instead, found) => {
  const folder = mkdtempSync(join(tmpdir(), "logitscope-check-"));
  try {
    const tar = (...args: string[]) => spawnSync("tar", args, { cwd: folder });
    tar("xzf", tarball);
    const manifest = join(folder, "package/package.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace(given, instead));
    tar("czf", "spoilt.tgz", "package");
    const { status, stdout } = check(join(folder, "spoilt.tgz"));
    for (const message of found) expect(stdout).toMatch(message);
    expect(status).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
