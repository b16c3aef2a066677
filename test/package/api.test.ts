import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const fresh = mkdtempSync(join(tmpdir(), "logitscope-api-"));
afterAll(() => rmSync(fresh, { recursive: true, force: true }));

const pages = (folder: string) => {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".md"),
  );
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
};

// typedoc is told to fail where an export, a method or a function has no docstring
test("every export has a docstring, and docs/api is what the docstrings say", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/docs.mjs", fresh], {
    cwd: root,
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  expect(Object.keys(pages(fresh))).toEqual([
    "README.md",
    "logitscope.md",
    "logitscope/demo.md",
    "logitscope/node.md",
  ]);
  expect(pages(join(root, "docs/api")), "npm run docs writes it anew").toEqual(pages(fresh));
});
