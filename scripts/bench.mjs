// Runs every benchmark, one process each: node scripts/bench.mjs [FILE.ts …]
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { cpus } from "node:os";

const kernels = readdirSync("bench/kernels").map((name) => `bench/kernels/${name}`);
const files = process.argv.length > 2 ? process.argv.slice(2) : [...kernels, "bench/forward.ts"];

console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}`);
for (const file of files) {
  const { status } = spawnSync(process.execPath, ["scripts/run.mjs", file], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
