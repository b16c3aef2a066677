/** Bundles a TypeScript file and runs it: node scripts/run.mjs FILE.ts [ARGUMENT…] */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { nodeFlags } from "./nodeFlags.mjs";

const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node scripts/run.mjs FILE.ts [ARGUMENT…]");
  process.exit(2);
}
const cache = fileURLToPath(new URL("../node_modules/.cache/logitscope/", import.meta.url)); // finds packages
mkdirSync(cache, { recursive: true });
const outdir = mkdtempSync(`${cache}run-`);
await build({
  entryPoints: { main: file, "node-thread": "src/node/thread.ts" }, // where spawnThread looks for it
  outdir,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
});
writeFileSync(`${outdir}/package.json`, '{ "type": "module" }');
const command = [...nodeFlags, `${outdir}/main.js`, ...args];
const { status } = spawnSync(process.execPath, command, { stdio: "inherit" });
rmSync(outdir, { recursive: true });
process.exit(status ?? 1);
