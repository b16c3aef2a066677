import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The packed package. */
    tarball: string;
  }
}

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Packs the package, once for all tests: packing builds dist. */
export default function setup({ provide }: TestProject): () => void {
  rmSync(join(root, "dist"), { recursive: true, force: true }); // what packs must build
  const folder = mkdtempSync(join(tmpdir(), "logitscope-packed-"));
  const args = ["pack", "--json", "--pack-destination", folder];
  const [{ filename }] = JSON.parse(execFileSync("npm", args, { cwd: root, encoding: "utf8" }));
  provide("tarball", join(folder, filename));
  return () => rmSync(folder, { recursive: true, force: true });
}
