/** A process of its own: loads a folder, attributes a logit difference, and prints the proof and its peak memory. */
import { directLogitAttribution, type Unit } from "../../../src/index.ts";
import { fromPretrained } from "../../../src/node/index.ts";
import { random } from "../../support/random.ts";

const [folder, threads, length, unit] = process.argv.slice(2);
const start = performance.now();
const model = await fromPretrained(folder, { compatibilityMode: true, threads: Number(threads) });
const loaded = performance.now();
const next = random(1);
const ids = Array.from({ length: Number(length) }, () => Math.floor(next() * model.config.dVocab));
const options = { answer: 262, wrong: 257, unit: unit as Unit };
const [{ scores, check }] = directLogitAttribution(model, ids, options).attributions;
console.log(
  JSON.stringify({
    backend: model.backend,
    threads: model.kernels.threads,
    rows: scores.data.length,
    sum: scores.data.reduce((total, row) => total + row, 0),
    check,
    peak: 1024 * process.resourceUsage().maxRSS,
    loadSeconds: (loaded - start) / 1000,
    runSeconds: (performance.now() - loaded) / 1000,
  }),
);
