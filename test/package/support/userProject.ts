import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, inject } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** npm in a folder. */
export const npm = (cwd: string, ...args: string[]): string =>
  execFileSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd, encoding: "utf8" });

/** An empty project with the tarball installed and a model's folder `model`; removed after the tests. */
export function userProject(): string {
  const project = mkdtempSync(join(tmpdir(), "logitscope-user-"));
  afterAll(() => rmSync(project, { recursive: true, force: true }));
  writeFileSync(join(project, "package.json"), '{ "name": "user", "type": "module", "private": true }');
  cpSync(join(root, "src/demo/model"), join(project, "model"), { recursive: true });
  npm(project, "install", inject("tarball"));
  return project;
}
