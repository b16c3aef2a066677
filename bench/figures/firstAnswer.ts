/** From the start of a process to its first answer, from a folder of 498 MB, and the memory that takes. */
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { figure, heading, remark } from "../figure.ts";
import { gpt2Folder } from "../gpt2Folder.ts";
import { check, median, ratios } from "../harness.ts";
import { transformerLensCold } from "../peers/transformerLens.ts";
import { pair, prompt } from "../prompts.ts";

const ROUNDS = 7;
const folder = gpt2Folder();
const weights = join(folder, "model.safetensors");
const { size } = statSync(weights);
/** Of the file, without the embeddings, which stay in it. */
const BLOCKS_BYTES = 340_000_000;
const ids = prompt(15);
const command = [
  ...["dist/cli.js", "--model", folder, "--tokens", `${ids}`, "--threads", "1", "--format", "json"],
  ...["--answer-id", `${pair.answer}`, "--wrong-id", `${pair.wrong}`],
];

/** Tells, when its process ends, how much memory it had at most, in bytes. */
const tellPeak = `data:text/javascript,process.on("exit",()=>console.error(process.resourceUsage().maxRSS*1024))`;

function answer(flags: readonly string[] = []): { scores: number[]; stderr: string } {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, ...command], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`dist/cli.js: got exit code ${status}, expected 0: ${stderr}`);
  return { scores: JSON.parse(stdout).attributions[0].scores, stderr };
}

heading("process start to first answer, from a folder of 498 MB in the file cache, 1 thread");
const first = transformerLensCold(folder, ids, pair.answer, pair.wrong);
check("scores", answer().scores, first.scores, 1e-4);

/** What no program in Node comes below: its own start, and the blocks' bytes through a small buffer. */
function floor(): { boot: number; read: number } {
  const start = performance.now();
  spawnSync(process.execPath, ["--eval", "0"]);
  const booted = performance.now();
  const file = openSync(weights, "r");
  const buffer = new Uint8Array(1 << 20);
  for (let at = size - BLOCKS_BYTES; at < size; at += buffer.length)
    readSync(file, buffer, 0, buffer.length, at);
  closeSync(file);
  return { boot: booted - start, read: performance.now() - booted };
}

const floors = Array.from({ length: ROUNDS }, floor);
const [boot, read] = (["boot", "read"] as const).map((kind) => median(floors.map((of) => of[kind])));
remark(
  `node alone starts and ends in ${boot.toFixed(0)} ms; the ${BLOCKS_BYTES / 1e6} MB of the blocks are read in ${read.toFixed(0)} ms`,
);
const [ours, theirs]: number[][] = [[], []];
for (let round = 0; round < ROUNDS; round++) {
  const start = performance.now();
  answer();
  ours.push(performance.now() - start);
  theirs.push(1000 * transformerLensCold(folder, ids, pair.answer, pair.wrong).seconds.attribution);
}
remark(
  `TransformerLens's stages, seconds of its process: ${JSON.stringify(first.seconds)}; ${first.peakMiB} MiB`,
);
figure(
  "the command: times as fast as TransformerLens",
  ratios(theirs, ours),
  { atLeast: 20, unit: "x" },
  `${(median(ours) / 1000).toFixed(2)} against ${(median(theirs) / 1000).toFixed(2)} s`,
);

const peaks = Array.from({ length: 3 }, () => Number(answer(["--import", tellPeak]).stderr.trim()));
figure(
  "the command: peak resident memory, of the checkpoint's bytes",
  peaks.map((peak) => peak / size),
  { atMost: 0.88, unit: "x" },
  `${(median(peaks) / 1e6).toFixed(0)} of ${(size / 1e6).toFixed(0)} MB`,
);
