import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { TestProject } from "vitest/node";
import { printTable } from "./table.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A user's project: the packed tarball is installed there, with probe.mjs and the demo model's files in model/. */
    project: string;
  }
}

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Packs the package once for all tests, and installs it into an empty project; prints the table when all are done. */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  const project = mkdtempSync(join(tmpdir(), "logitscope-matrix-"));
  const npm = (cwd: string, ...args: string[]) =>
    execFileSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd, encoding: "utf8" });
  const [{ filename }] = JSON.parse(npm(root, "pack", "--json", "--pack-destination", project));
  writeFileSync(join(project, "package.json"), '{ "name": "user", "type": "module", "private": true }');
  npm(project, "install", `./${filename}`);
  cpSync(join(root, "src/demo/model"), join(project, "model"), { recursive: true });
  await build({
    entryPoints: [join(root, "test/matrix/support/probe.ts")],
    outfile: join(project, "probe.mjs"),
    bundle: true,
    format: "esm",
    packages: "external",
    tsconfigRaw: "{}", // by its paths the package would be taken from the source
  });
  provide("project", project);
  return () => {
    printTable(project);
    rmSync(project, { recursive: true, force: true });
  };
}
