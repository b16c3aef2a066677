import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { pack, textOf, unpack } from "./input.ts";
import { outcomeOf, watchAllocations } from "./outcome.ts";
import { targets } from "./targets/index.ts";
import { fuzz, type Job, type Message } from "./worker.ts";

const usage = `npm run fuzz -- [--seconds N] [--inputs N] [--seed N] [--only TARGET] [--replay FILE]

  --seconds  for all targets together; default 60, without a limit where --inputs is given
  --inputs   for each target: the same seed then tries the same inputs
  --seed     default 1
  --only     targets whose name contains it
  --replay   runs one input that a run has written to fuzz-crashes/`;

/** An input that takes longer hangs, in milliseconds. */
const patience = 5000;
/** What the thread may hold, in MiB. */
const heap = 512;
const longestInput = 1 << 21;

interface Row {
  readonly target: string;
  tried: number;
  refused: number;
  kept: number;
  blocks: number;
  crashes: number;
}

const { values: given } = parseArgs({
  options: {
    seconds: { type: "string" },
    inputs: { type: "string" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    replay: { type: "string" },
    help: { type: "boolean" },
  },
});

async function main(): Promise<void> {
  if (given.help) return console.log(usage);
  if (given.replay !== undefined) return await replay(given.replay);
  const chosen = targets.filter(({ name }) => name.includes(given.only));
  const seconds = given.seconds ?? (given.inputs === undefined ? "60" : "Infinity");
  const rows: Row[] = [];
  for (const { name } of chosen) {
    const limits = {
      inputs: Number(given.inputs ?? "Infinity"),
      milliseconds: (1000 * Number(seconds)) / chosen.length,
    };
    rows.push(await fuzzTarget(name, Number(given.seed), limits));
  }
  print(rows);
  if (rows.some(({ crashes }) => crashes > 0)) process.exitCode = 1;
}

/** Has a thread fuzz a target; where an input hangs or ends the thread, goes on with another one. */
async function fuzzTarget(
  target: string,
  seed: number,
  limits: { inputs: number; milliseconds: number },
): Promise<Row> {
  const row: Row = { target, tried: 0, refused: 0, kept: 0, blocks: 0, crashes: 0 };
  const end = performance.now() + limits.milliseconds;
  for (let threads = 0; threads < 5 && row.tried < limits.inputs; threads++) {
    const watched = new SharedArrayBuffer(8 + longestInput);
    const inputs = limits.inputs - row.tried;
    const job: Job = {
      target,
      seed: seed + 1000 * threads,
      inputs,
      milliseconds: end - performance.now(),
      watched,
    };
    if (await watch(job, row)) break;
    row.tried += new Int32Array(watched)[0];
  }
  return row;
}

/** Whether the thread came to its end. */
function watch(job: Job, row: Row): Promise<boolean> {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: heap },
  });
  const [counts, bytes] = [new Int32Array(job.watched, 0, 2), new Uint8Array(job.watched, 8)];
  return new Promise((resolve) => {
    let [last, since] = [0, performance.now()];
    const finish = (done: boolean) => {
      clearInterval(timer);
      worker.terminate().then(() => resolve(done));
    };
    const fail = (error: string) => {
      report(job.target, error, bytes.slice(0, counts[1]), row);
      finish(false);
    };
    const timer = setInterval(() => {
      const now = Atomics.load(counts, 0);
      if (now !== last) [last, since] = [now, performance.now()];
      else if (performance.now() - since > patience) fail(`a hang: more than ${patience} ms`);
    }, 200);
    worker.on("error", (error) => fail(String(error)));
    worker.on("message", (message: Message) => {
      if (message.kind === "crash") return report(job.target, message.error, message.input, row);
      row.tried += message.tried;
      row.refused += message.refused;
      row.kept = Math.max(row.kept, message.kept);
      row.blocks = Math.max(row.blocks, message.blocks);
      finish(true);
    });
  });
}

function report(target: string, error: string, input: Uint8Array, row: Row): void {
  row.crashes++;
  mkdirSync("fuzz-crashes", { recursive: true });
  const file = `fuzz-crashes/${target.replace(/[^\w.]+/g, "-")}-${row.crashes}.json`;
  const parts = unpack(input).map((part) => Buffer.from(part).toString("base64"));
  writeFileSync(file, `${JSON.stringify({ target, error, parts }, null, 2)}\n`);
  console.log(`${target}: ${error}\n  written to ${file}`);
}

async function replay(file: string): Promise<void> {
  const { target: name, parts } = JSON.parse(readFileSync(file, "utf8"));
  const input = (parts as string[]).map((part) => new Uint8Array(Buffer.from(part, "base64")));
  for (const part of input) console.log(textOf(part).slice(0, 2000));
  watchAllocations();
  const target = targets.find((target) => target.name === name)!;
  console.log(String((await outcomeOf(target, unpack(pack(input)))) ?? "read"));
}

function print(rows: readonly Row[]): void {
  const total = { target: "together", tried: 0, refused: 0, kept: 0, blocks: 0, crashes: 0 };
  for (const row of rows) {
    for (const key of ["tried", "refused", "kept", "crashes"] as const) total[key] += row[key];
  }
  const heading = ["target", "inputs tried", "refused", "kept", "blocks reached", "crashes"];
  const cells = [...rows, total].map(({ target, tried, refused, kept, blocks, crashes }) =>
    [target, tried, refused, kept, blocks || "", crashes].map(String),
  );
  const widths = heading.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i].length)));
  for (const row of [heading, ...cells]) {
    console.log(
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "),
    );
  }
}

if (isMainThread) await main();
else await fuzz(workerData);
