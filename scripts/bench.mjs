// Runs benchmarks, a process each: node scripts/bench.mjs [kernels | questions | FILE.ts …]; without any, those of the figures
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { cpus, totalmem } from "node:os";

const figures = [
  ["gemm"],
  ["forward", "1"],
  ["forward", "2"],
  ["attribution"],
  ["memory", "component"],
  ["memory", "head"],
  ["memory", "full"],
  ["memory", "source"],
  ["memory", "path"],
  ["firstAnswer"],
  ["cost"],
  ["growth"],
  ["js"],
  ["size"],
].map(([name, ...args]) => [`bench/figures/${name}.ts`, ...args]);
const questions = [
  ...[
    "component",
    "head",
    "neuron",
    "full",
    "source",
    "path",
    "set",
    "two tokens",
    "log-probability",
    "probability",
    "leave-one-out",
    "leave-one-out-head",
    "leave-one-out-neuron",
    "leave-one-out-full",
    "ablation",
    "erasures",
    "erasures-head",
    "lens",
    "promoted",
  ],
].flatMap((question) =>
  // an ablation is a run for each component
  (question === "ablation" ? ["15", "256"] : ["15", "256", "1024"]).map((length) => [
    "bench/figures/questions.ts",
    question,
    length,
  ]),
);
const kernels = readdirSync("bench/kernels").map((name) => [`bench/kernels/${name}`]);

const given = process.argv.slice(2);
const sets = { kernels, questions };
const runs = given.length === 0 ? figures : (sets[given[0]] ?? given.map((file) => [file]));

const gigabytes = (totalmem() / 1e9).toFixed(0);
console.log(
  `${cpus()[0].model}, ${cpus().length} cores, ${gigabytes} GB; Node ${process.version}, V8 ${process.versions.v8}`,
);
for (const run of runs) {
  const { status } = spawnSync(process.execPath, ["scripts/run.mjs", ...run], { stdio: "inherit" });
  if (status !== 0) {
    console.log(`✗ ${run.join(" ")} did not run to its end; is a peer not installed? npm run bench:peers`);
    process.exitCode = 1;
  }
}
