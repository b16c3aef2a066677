// @ts-check
// The same over families of prompts, and over other kinds of prompts.
import { ablationEffects, attributeAll, meanEffects, runningSummary } from "logitscope";
import { family, otherKinds } from "./prompts.mjs";
import { meanOf } from "./table.mjs";

/** @typedef {import("logitscope").Gpt2} Gpt2 */
/** @typedef {import("./prompts.mjs").Case} Case */
/** @typedef {import("./table.mjs").Cell} Cell */
/** @typedef {import("./table.mjs").Table} Table */

const families = {
  "first name": family("first"),
  "second name": family("second"),
  either: [...family("first"), ...family("second")],
  "unseen, first": family("first", { unseen: true }),
};

/** Mean rows by the place of the answer. @param {Gpt2} model @returns {Promise<Table>} */
export async function means(model) {
  const columns = await Promise.all(Object.values(families).map((cases) => meanRows(model, cases)));
  const labels = ["L0H0", "L0H1", "L1H0", "L1H1", "L2H0", "L2H1", "1_mlp_out", "2_mlp_out"];
  return {
    columns: Object.keys(families),
    rows: [
      ...labels.map(
        (label) => /** @type {Table["rows"][number]} */ ([label, ...columns.map((rows) => rows[label])]),
      ),
      ["ahead", ...columns.map(({ ahead }) => ahead)],
    ],
  };
}

/** @param {Gpt2} model @param {Case[]} cases @returns {Promise<Record<string, Cell>>} */
async function meanRows(model, cases) {
  /** @type {Record<string, Cell>} */
  const rows = {};
  for (const unit of /** @type {const} */ (["head", "component"])) {
    const summary = runningSummary();
    let ahead = 0;
    for await (const { result } of attributeAll(model, cases, { unit })) {
      summary.add(result);
      if (result.attributions[0].check.logit > 0) ahead++;
    }
    const { scores, standardErrors } = summary.mean();
    for (const [k, label] of summary.labels.entries())
      rows[label] = { mean: scores.data[k], error: standardErrors?.data[k] ?? Number.NaN };
    rows.ahead = `${ahead} of ${summary.count}`;
  }
  return rows;
}

/** Mean changes of the logit difference where a head is silenced, or replaced by its mean over the family. @param {Gpt2} model @returns {Promise<Table>} */
export async function familyEffects(model) {
  /** @type {Awaited<ReturnType<typeof effectsOf>>[]} */
  const columns = [];
  for (const name of /** @type {const} */ (["first name", "second name"])) {
    const cases = families[name];
    const mean = cases.map(({ input }) => input);
    for (const replace of [/** @type {const} */ ("zero"), { mean }])
      columns.push(await effectsOf(model, cases, replace));
  }
  return {
    columns: ["first: zero", "mean", "second: zero", "mean"],
    rows: columns[0].labels.map((label, k) => [label, ...columns.map(({ total }) => total[k])]),
  };
}

/** What silencing the circuit's heads does to other kinds of prompts. @param {Gpt2} model @returns {Promise<Table>} */
export async function controls(model) {
  const kinds = { "indirect objects": families.either, ...otherKinds };
  const heads = ["L0H0", "L0H1", "L1H0", "L1H1", "L2H1"];
  /** @type {Table["rows"]} */
  const rows = [];
  for (const [kind, cases] of Object.entries(kinds)) {
    const { labels, total, logits } = await effectsOf(model, cases, "zero");
    const mean = (/** @type {string} */ head) => total[labels.indexOf(head)].mean;
    rows.push([`${kind}, ${cases.length}`, meanOf(logits).mean, ...heads.map(mean)]);
  }
  return { columns: ["logit diff", ...heads.map((head) => `−${head}`)], rows };
}

/** Mean total effects, one for each head. @param {Gpt2} model @param {Case[]} cases @param {import("logitscope").Replacement} replace */
async function effectsOf(model, cases, replace) {
  const result = await ablationEffects(
    model,
    cases.map(({ input }) => input),
    {
      answer: cases.map(({ answer }) => answer),
      wrong: cases.map(({ wrong }) => wrong),
      unit: "head",
      replace,
    },
  );
  const { scores, standardErrors } = meanEffects(result).total;
  return {
    labels: result.labels,
    total: [...scores.data].map((mean, k) => ({ mean, error: standardErrors?.data[k] ?? Number.NaN })),
    logits: result.attributions.map(({ check }) => check.logit),
  };
}
