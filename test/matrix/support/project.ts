import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { TestProject } from "vitest/node";
import { pack, projectWith } from "../../support/userProject.ts";
import { printTable } from "./table.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A user's project: the packed tarball is installed there, with probe.mjs and the demo model's files in model/. */
    project: string;
    /** The packed package. */
    tarball: string;
  }
}

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Packs the package once for all tests, and installs it into an empty project; prints the table when all are done. */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "logitscope-packed-"));
  const tarball = pack(folder);
  const project = projectWith(tarball);
  await build({
    entryPoints: [join(root, "test/matrix/support/probe.ts")],
    outfile: join(project, "probe.mjs"),
    bundle: true,
    format: "esm",
    packages: "external",
    tsconfigRaw: "{}", // by its paths the package would be taken from the source
  });
  provide("project", project);
  provide("tarball", tarball);
  return () => {
    printTable(project);
    for (const made of [project, folder]) rmSync(made, { recursive: true, force: true });
  };
}
