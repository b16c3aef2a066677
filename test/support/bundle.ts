import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";
import { demoLoaders } from "../../scripts/demoFiles.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

const options = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  format: "esm",
  loader: demoLoaders,
  logLevel: "warning",
} as const satisfies BuildOptions;

/** One of the repository's files with all that it imports, as the text of a module. */
export async function bundledText(file: string): Promise<string> {
  const { outputFiles } = await build({ ...options, entryPoints: [file], write: false });
  return outputFiles[0].text;
}

/** A temporary folder with such a module, main.js, and a thread's script where spawnThread looks for it: for plain Node. */
export async function bundledFolder(file: string, more: { external?: string[] } = {}): Promise<string> {
  const outdir = mkdtempSync(join(tmpdir(), "logitscope-bundle-"));
  await build({
    ...options,
    ...more,
    outdir,
    entryPoints: { main: file, "node-thread": "src/node/thread.ts" },
  });
  writeFileSync(join(outdir, "package.json"), '{ "type": "module" }');
  return outdir;
}
