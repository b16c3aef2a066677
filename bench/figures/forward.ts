/** The forward pass, last position's logits, against onnxruntime-web on as many threads: .../forward.ts [THREADS] */
import process from "node:process";
import { fromPretrained } from "../../src/node/index.ts";
import { figure, heading, remark } from "../figure.ts";
import { gpt2Folder } from "../gpt2Folder.ts";
import { check, median, ratios, timeInTurn } from "../harness.ts";
import { onnxForward } from "../peers/onnxruntime.ts";
import { prompt } from "../prompts.ts";

const threads = Number(process.argv[2] ?? 1);
const newer = Number(process.versions.node.split(".")[0]) >= 22;
const reach = {
  reproducible: { atLeast: threads > 1 ? 1.2 : newer ? 1.1 : 1.25, unit: "x" },
  fast: { atLeast: threads > 1 ? 1.5 : newer ? 1.4 : 1.6, unit: "x" },
} as const;

const folder = gpt2Folder();
const peer = await onnxForward(folder, { threads });
const load = (precision: "reproducible" | "fast", threads: number) =>
  fromPretrained(folder, { precision, threads, compatibilityMode: true });
const models = { reproducible: await load("reproducible", threads), fast: await load("fast", threads) };
const alone =
  threads > 1 ? { reproducible: await load("reproducible", 1), fast: await load("fast", 1) } : null;

heading(`forward pass, ${threads} thread${threads > 1 ? "s" : ""}, against onnxruntime-web ${peer.version}`);
remark(
  Object.values(models)
    .map((model) => model.backend)
    .join(" | "),
);
const last = { logits: "last" } as const;
for (const length of [64, 256]) {
  const ids = prompt(length);
  const theirs = await peer.run(ids);
  const mean = theirs.reduce((sum, logit) => sum + logit, 0) / theirs.length; // folding centres the unembedding
  const want = theirs.map((logit) => logit - mean);
  for (const model of Object.values(models)) check("logits", model.run(ids, last).data, want, 1e-4);

  const times = await timeInTurn({
    peer: () => peer.run(ids),
    reproducible: () => models.reproducible.run(ids, last),
    fast: () => models.fast.run(ids, last),
    ...(alone && { "reproducible alone": () => alone.reproducible.run(ids, last) }),
    ...(alone && { "fast alone": () => alone.fast.run(ids, last) }),
  } as Record<string, () => unknown>);
  for (const precision of ["reproducible", "fast"] as const) {
    figure(
      `${length} tokens, ${precision}: times as fast as onnxruntime-web`,
      ratios(times.peer, times[precision]),
      reach[precision],
      `${median(times[precision]).toFixed(0)} against ${median(times.peer).toFixed(0)} ms`,
    );
    if (alone === null) continue;
    const one = times[`${precision} alone`];
    figure(
      `${length} tokens, ${precision}: times as fast as our own one thread`,
      ratios(one, times[precision]),
      { atLeast: 1.65, unit: "x" },
      `${median(times[precision]).toFixed(0)} against ${median(one).toFixed(0)} ms`,
    );
  }
}
process.exit(); // onnxruntime-web's threads would keep it
