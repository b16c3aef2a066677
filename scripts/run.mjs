/** Bundles a TypeScript file and runs it: node scripts/run.mjs FILE.ts [ARGUMENT…] */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node scripts/run.mjs FILE.ts [ARGUMENT…]");
  process.exit(2);
}
const folder = fileURLToPath(new URL("../node_modules/.cache/logitscope/", import.meta.url)); // finds packages
mkdirSync(folder, { recursive: true });
const outfile = `${folder}run-${process.pid}.mjs`;
await build({
  entryPoints: [file],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
});
const { status } = spawnSync(process.execPath, [outfile, ...args], { stdio: "inherit" });
rmSync(outfile);
process.exit(status ?? 1);
