/** directLogitAttribution on one thread, fast, against TransformerLens on PyTorch with one, warm. */
import { directLogitAttribution } from "../../src/index.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { figure, heading, remark } from "../figure.ts";
import { gpt2Folder } from "../gpt2Folder.ts";
import { check, median, ratios, timeInTurn } from "../harness.ts";
import { transformerLens } from "../peers/transformerLens.ts";
import { pair, prompt } from "../prompts.ts";

/** Where torch's matrix product is faster than this, as it was where the figures were set, they are shown only. */
const TORCH_GFLOPS = 90;

const folder = gpt2Folder();
const model = await fromPretrained(folder, { precision: "fast", compatibilityMode: true });
const peer = await transformerLens(folder, { threads: 1 });

const { transformerLens: version, torch, cpuCapability, gflops } = peer.about;
const rates = Object.values(gflops);
const waived =
  Math.min(...rates) > TORCH_GFLOPS
    ? `shown only: torch's GEMM runs at ${Math.min(...rates).toFixed(0)} GFLOP/s, more than ${TORCH_GFLOPS}`
    : undefined;
heading(`attribution, ${model.backend}, 1 thread, against TransformerLens ${version}, 1 thread, warm`);
remark(
  `torch ${torch}, ${cpuCapability}, GEMM ${rates.map((rate) => rate.toFixed(0)).join(" and ")} GFLOP/s (${Object.keys(gflops).join(" and ")})`,
);

const cases = [
  { what: "15 tokens", prompts: [prompt(15)], reach: { component: 2, head: 2 } },
  { what: "64 tokens", prompts: [prompt(64)], reach: { component: 1.3, head: 1.3 } },
  { what: "256 tokens", prompts: [prompt(256)], reach: { component: 1.1, head: 1.1 } },
  {
    what: "64 prompts of 15 tokens",
    prompts: Array.from({ length: 64 }, (_, i) => prompt(15, i)),
    reach: { component: 1.1, head: 1.35 },
  },
];
for (const { what, prompts, reach } of cases) {
  for (const unit of ["component", "head"] as const) {
    const each = (token: number) => prompts.map(() => token);
    const ours = () =>
      directLogitAttribution(model, prompts, {
        unit,
        answer: each(pair.answer),
        wrong: each(pair.wrong),
      });
    const ask = (repeats: number) =>
      peer.attribute({ unit, prompts, answers: each(pair.answer), wrongs: each(pair.wrong), repeats });
    const { scores } = await ask(1);
    ours().attributions.forEach((attribution, i) => {
      check(`${what}, ${unit}`, attribution.scores.data, scores[i], 1e-4);
    });

    const theirs: number[] = [];
    const times = await timeInTurn(
      { ours, peer: async () => theirs.push(...(await ask(1)).ms) },
      { rounds: 9, roundMs: 1 },
    );
    const timed = theirs.slice(-times.ours.length); // as it measured them itself: without our pipe between
    figure(
      `${what}, ${unit}: times as fast as TransformerLens`,
      ratios(timed, times.ours),
      { atLeast: reach[unit], unit: "x", waived },
      `${median(times.ours).toFixed(0)} against ${median(timed).toFixed(0)} ms`,
    );
  }
}
peer.close();
