import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** npm in a folder. */
export const npm = (cwd: string, ...args: string[]): string =>
  execFileSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd, encoding: "utf8" });

/** Packs the package into a folder, and so builds dist; returns the tarball. */
export function pack(folder: string): string {
  rmSync(join(root, "dist"), { recursive: true, force: true }); // what packs must build
  const [{ filename }] = JSON.parse(npm(root, "pack", "--json", "--pack-destination", folder));
  return join(folder, filename);
}

/** An empty project with the tarball installed and a model's folder `model`. */
export function projectWith(tarball: string): string {
  const project = mkdtempSync(join(tmpdir(), "logitscope-user-"));
  writeFileSync(join(project, "package.json"), '{ "name": "user", "type": "module", "private": true }');
  cpSync(join(root, "src/demo/model"), join(project, "model"), { recursive: true });
  npm(project, "install", tarball);
  return project;
}
