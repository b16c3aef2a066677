// Whether a packed package can be resolved and typed as it says: node scripts/checkPackage.mjs TARBALL. Prints what publint
// and are-the-types-wrong find, suggestions too; exits with 1 where that is anything. Both are installed in test/matrix.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const tools = new URL("../test/matrix/", import.meta.url);
const tarball = process.argv[2];
if (tarball === undefined) {
  console.error("usage: node scripts/checkPackage.mjs TARBALL");
  process.exit(2);
}

const resolve = createRequire(tools).resolve;
const load = (name) => import(pathToFileURL(resolve(name)));
const { publint } = await load("publint");
const { formatMessage } = await load("publint/utils");
const bytes = readFileSync(tarball);
const { messages, pkg } = await publint({
  pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
});
for (const message of messages)
  console.log(`publint ${message.type}: ${formatMessage(message, pkg, { color: false })}`);

// esm-only: the package has no CommonJS to be typed, and node10 knows no exports
const attw = fileURLToPath(new URL("node_modules/@arethetypeswrong/cli/dist/index.js", tools));
const args = [
  attw,
  tarball,
  "--profile",
  "esm-only",
  "--no-definitely-typed",
  ...["--exclude-entrypoints", "./attribution.schema.json"], // no module
  "--format",
  "ascii",
  "--no-color",
];
const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
if (status !== 0) console.log(`are-the-types-wrong:\n${stdout}${stderr}`);

process.exitCode = messages.length === 0 && status === 0 ? 0 : 1;
