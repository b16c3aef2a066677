import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withVersion } from "../../scripts/releaseChecks.mjs";
import { version } from "../../src/version.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), "logitscope-release-test-"));
const clone = join(temporary, "clone");
const log = join(temporary, "npm.log");
const bin = join(temporary, "bin");
const identity = { NAME: "test", EMAIL: "test@example.com" };
const env = {
  ...process.env,
  PATH: `${bin}:${process.env.PATH}`,
  ...Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((who) =>
      Object.entries(identity).map(([k, v]) => [`GIT_${who}_${k}`, v]),
    ),
  ),
};
const git = (...args: string[]) => execFileSync("git", args, { cwd: clone, encoding: "utf8", env });
const release = (...args: string[]) =>
  spawnSync(process.execPath, ["scripts/release.mjs", ...args], { cwd: clone, encoding: "utf8", env });
const published = () =>
  readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("publish"));

/** A repository of the files as they are here, ready to be released; and an npm that packs, but only notes what it publishes. */
beforeAll(() => {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  for (const file of listed
    .trim()
    .split("\n")
    .filter((file) => existsSync(join(root, file)))) {
    mkdirSync(join(clone, dirname(file)), { recursive: true });
    cpSync(join(root, file), join(clone, file));
  }
  for (const folder of [".", "test/matrix"]) {
    symlinkSync(join(root, folder, "node_modules"), join(clone, folder, "node_modules"), "dir");
    utimesSync(join(clone, folder, "package-lock.json"), 0, 0); // older than what is installed
  }
  const files = {
    manifest: "package.json",
    lock: "package-lock.json",
    versionFile: "src/version.ts",
    changelog: "CHANGELOG.md",
  };
  const read = (file: string) => readFileSync(join(clone, file), "utf8");
  const texts = {
    manifest: read(files.manifest),
    lock: read(files.lock),
    versionFile: read(files.versionFile),
    changelog: read(files.changelog),
  };
  const manifest = JSON.stringify({ ...JSON.parse(texts.manifest), repository: "github:someone/somewhere" });
  const dated = withVersion({ ...texts, manifest }, version, "2026-01-31");
  for (const [name, file] of Object.entries(files))
    writeFileSync(join(clone, file), dated[name as keyof typeof files]);
  utimesSync(join(clone, "package-lock.json"), 0, 0);

  mkdirSync(bin);
  const npm = execFileSync("which", ["npm"], { encoding: "utf8" }).trim();
  const script = `#!/bin/sh\necho "$@" >> "${log}"\ncase "$1" in publish) ;; pack) exec "${npm}" "$@" ;; *) exit 1 ;; esac\n`;
  writeFileSync(join(bin, "npm"), script, { mode: 0o755 });
  writeFileSync(log, "");

  git("init", "--quiet", "--initial-branch", "main");
  writeFileSync(join(clone, ".git/info/exclude"), "node_modules\n");
  git("add", "--all");
  git("commit", "--quiet", "--message", "as it is");
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

test("a dry run checks all, says what it would do, and does none of it", () => {
  const { status, stdout } = release("--dry-run", "--tests", "echo the tests run");
  expect(stdout).toContain("the tests run");
  expect(stdout).toMatch(/\d+ {2}dist\/index\.js\n/);
  expect(stdout).toMatch(/would run: npm publish \S+\.tgz --provenance --access public --tag latest\n/);
  expect(stdout).toContain(`would run: git tag --annotate v${version} `);
  expect(stdout).not.toContain("✗");
  expect(status).toBe(0);
  expect(published()).toEqual([]);
  expect(git("tag", "--list")).toBe("");
  expect(git("status", "--porcelain")).toBe("");
});

test("a dry run shows every fault, and fails", () => {
  git("checkout", "--quiet", "-b", "topic");
  writeFileSync(join(clone, "left.txt"), "");
  const { status, stdout } = release("--dry-run", "--tests", "false");
  rmSync(join(clone, "left.txt"));
  git("checkout", "--quiet", "main");
  expect(stdout).toMatch(/✗ branch: got topic/);
  expect(stdout).toMatch(/✗ working tree: got changes/);
  expect(stdout).toMatch(/✗ tests: false failed/);
  expect(status).toBe(1);
  expect(published()).toEqual([]);
});

test("a release stops at tests that fail", () => {
  const { status, stderr } = release("--tests", "false");
  expect(stderr).toMatch(/✗ tests: false failed/);
  expect(status).toBe(1);
  expect(published()).toEqual([]);
  expect(git("tag", "--list")).toBe("");
});

test("a release publishes what it checked, and tags it; a second one stops at the tag", () => {
  expect(release("--tests", "true")).toMatchObject({ status: 0 });
  expect(published()).toEqual([
    expect.stringMatching(/^publish \S+\.tgz --provenance --access public --tag latest$/),
  ]);
  expect(git("rev-parse", `v${version}^{commit}`)).toBe(git("rev-parse", "HEAD"));
  expect(release("--tests", "true")).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/✗ tags: got v/),
  });
  expect(published()).toHaveLength(1);
});
