// @ts-check
// What silencing a head does in all, beside its row; where the rest of it lands; and what later parts took back.
import { ablationEffects, compare, directLogitAttribution, erasures } from "logitscope";
import { demoModel } from "logitscope/demo";
import { silence } from "./hooks.mjs";
import { names, prompt } from "./prompts.mjs";
import { percent } from "./table.mjs";

/** @typedef {import("logitscope").Gpt2} Gpt2 */
/** @typedef {import("./table.mjs").Table} Table */

/** @param {Gpt2} model @returns {Promise<Table>} */
export async function effects(model) {
  const { labels, attributions } = await ablationEffects(model, prompt, { ...names, unit: "head" });
  const [{ total, direct, indirect }] = attributions;
  const last = await ablationEffects(model, prompt, { ...names, unit: "head", at: "attributed" });
  return {
    columns: ["total", "direct", "indirect", "total, at the end alone"],
    rows: labels.map((head, k) => [head, total[k], direct[k], indirect[k], last.attributions[0].total[k]]),
  };
}

/** The same totals by what became of the value biases. @param {Gpt2} model @returns {Promise<Table>} */
export async function valueBiases(model) {
  const raw = await demoModel({ kernels: model.kernels.name === "js" ? model.kernels : undefined });
  const kept = raw.enableCompatibilityMode({ foldValueBiases: false });
  const silenced = /** @type {const} */ ({ ...names, unit: "head", allowRawWeights: true });
  /** @type {import("logitscope").AblationResult[]} */
  const runs = [];
  for (const one of [model, kept, raw]) runs.push(await ablationEffects(one, prompt, silenced));
  return {
    columns: ["folded", "folded, kept", "as trained"],
    rows: runs[0].labels.map((head, k) => [
      head,
      ...runs.map(({ attributions }) => attributions[0].total[k]),
    ]),
  };
}

/** Rows of runs with a head silenced, less the rows of the untouched run. @param {Gpt2} model @returns {Table} */
export function landing(model) {
  const silenced = /** @type {const} */ ({ L0H1: [0, 1], L1H0: [1, 0], L1H1: [1, 1], L2H1: [2, 1] });
  const runs = Object.values(silenced).map(([layer, head]) => {
    const { cache } = model.runWithCache(prompt, { hooks: [[`blocks.${layer}.attn.hook_z`, silence(head)]] });
    const change = (/** @type {"head" | "component"} */ unit) => {
      const run = directLogitAttribution(model, undefined, { ...names, unit, cache });
      return compare(run, directLogitAttribution(model, prompt, { ...names, unit }));
    };
    return { head: change("head"), component: change("component") };
  });
  const cells = (/** @type {"head" | "component"} */ unit, /** @type {string} */ label) =>
    runs.map((run) => run[unit].attributions[0].scores.data[run[unit].labels.indexOf(label)]);
  return {
    columns: Object.keys(silenced).map((head) => `−${head}`),
    rows: [
      ...["L1H0", "L1H1", "L2H1"].map(
        (head) => /** @type {Table["rows"][number]} */ ([head, ...cells("head", head)]),
      ),
      ["1_mlp_out", ...cells("component", "1_mlp_out")],
      ["2_mlp_out", ...cells("component", "2_mlp_out")],
      ["logit diff", ...runs.map(({ head }) => head.attributions[0].check.logit)],
    ],
  };
}

/** @param {Gpt2} model @returns {Table} */
export function takenBack(model) {
  const [{ pairs }] = erasures(model, prompt, { ...names, threshold: 0.2 }).attributions;
  return {
    columns: ["taken back", "row", "row of the later", "both"],
    rows: pairs
      .filter(({ writer }) => /[12]_attn_out/.test(writer))
      .map(({ writer, eraser, share, scores }) => [
        `${writer} by ${eraser}`,
        percent(share),
        scores.writer,
        scores.eraser,
        scores.net,
      ]),
  };
}
