// Writes docs/api, the reference, from the docstrings: node scripts/docs.mjs [FOLDER]; a docstring missing is an error.
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

const out = resolve(process.argv[2] ?? "docs/api");
const typedoc = ["scripts/api/node_modules/typedoc/bin/typedoc", "--options", "scripts/api/typedoc.json"];
for (const args of [
  ["scripts/setup.mjs", "scripts/api"],
  [...typedoc, "--out", out],
]) {
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
