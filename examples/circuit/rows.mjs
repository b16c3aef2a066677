// @ts-check
// Which parts of the model wrote the answer: components, heads, what the heads read, and who had written that.
import { directLogitAttribution, promotedTokens, top } from "logitscope";
import { names, prompt } from "./prompts.mjs";
import { percent } from "./table.mjs";

/** @typedef {import("logitscope").Gpt2} Gpt2 */
/** @typedef {import("./table.mjs").Table} Table */

/** @param {Gpt2} model @returns {Table} */
export function components(model) {
  const result = directLogitAttribution(model, prompt, { ...names, leaveOneOut: true });
  const [{ scores, leaveOneOut, check }] = result.attributions;
  const left = leaveOneOut?.data ?? new Float64Array();
  // left = (sum − row)·scale/scaleWithout − sum
  const scale = (/** @type {number} */ k) => (check.sum - scores.data[k]) / (check.sum + left[k]);
  return {
    columns: ["row", "left out", "scale without"],
    rows: [
      ...result.labels.map((label, k) => row(label, scores.data[k], left[k], percent(scale(k)))),
      row("sum of rows", check.sum, "", ""),
      row("+ bias", check.bias, "", ""),
      row("= logit diff", check.logit, "", ""),
    ],
  };
}

/** @param {Gpt2} model @returns {Table} */
export function heads(model) {
  const asked = [names, { answer: names.answer }, { answer: names.wrong }];
  const results = asked.map((of) => directLogitAttribution(model, prompt, { ...of, unit: "head" }));
  return {
    columns: ["row", "of Mary alone", "of John alone"],
    rows: results[0].labels.map((label, k) =>
      row(label, ...results.map(({ attributions }) => attributions[0].scores.data[k])),
    ),
  };
}

/** @param {Gpt2} model @returns {Table} */
export function sources(model) {
  const result = directLogitAttribution(model, prompt, { ...names, unit: "source" });
  return { columns: ["row"], rows: top(result, 6).map(({ label, score }) => row(label, score)) };
}

/** @param {Gpt2} model @returns {Table} */
export function promoted(model) {
  const list = (/** @type {readonly import("logitscope").ScoredToken[]} */ tokens) =>
    tokens.map(({ text, score }) => `"${text}" ${score.toFixed(1)}`).join("  ");
  return {
    columns: ["raises", "lowers"],
    rows: ["L1H0", "L1H1", "L2H1"].map((component) => {
      const [site] = promotedTokens(model, prompt, { component, top: 2 }).sites;
      return row(component, list(site.promoted), list(site.suppressed));
    }),
  };
}

/** @param {Gpt2} model @returns {Table} */
export function paths(model) {
  const result = directLogitAttribution(model, prompt, { ...names, unit: "path" });
  const [{ scores, sources = [] }] = result.attributions;
  const { writers = [] } = result;
  const score = (/** @type {string} */ head, /** @type {number} */ source, /** @type {number} */ writer) =>
    scores.data[(result.labels.indexOf(head) * sources.length + source) * writers.length + writer];
  return {
    columns: ['L1H0 ← " Mary"(2)', 'L1H1 ← " John"(4)', 'L2H1 ← " John"(10)'],
    rows: ["embed", "pos_embed", "0_attn_out", "0_mlp_out", "1_attn_out", "1_mlp_out"].map((label) => {
      const writer = writers.indexOf(label);
      const late = label.startsWith("1");
      const cells = [late ? "" : score("L1H0", 2, writer), late ? "" : score("L1H1", 4, writer)];
      return row(label, ...cells, score("L2H1", 10, writer));
    }),
  };
}

/** @type {(label: string, ...cells: import("./table.mjs").Cell[]) => Table["rows"][number]} */
const row = (label, ...cells) => [label, ...cells];
