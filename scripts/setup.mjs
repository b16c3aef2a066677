// Installs a folder's development dependencies unless they are there already, so that `npm start` and `npm test` work on
// a fresh clone: node scripts/setup.mjs [FOLDER …]; without any, the root's.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

const folders = process.argv.length > 2 ? process.argv.slice(2) : ["."];

for (const folder of folders) {
  const lock = join(folder, "package-lock.json");
  const installed = join(folder, "node_modules/.package-lock.json"); // npm writes it last
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) continue;
  console.error(`Installing the development dependencies${folder === "." ? "" : ` of ${folder}`}…`);
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const options = { cwd: folder, stdio: ["ignore", 2, 2], shell: process.platform === "win32" };
  const { status } = spawnSync("npm", args, options);
  if (status !== 0) process.exit(status ?? 1);
}
