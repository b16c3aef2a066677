// @ts-check
// What tells the subject from the other name: the prompt less its counterpart, the logit lens, another subject.
import { compare, directLogitAttribution, logitLens } from "logitscope";
import { at, family, names, prompt, swapped } from "./prompts.mjs";
import { meanOf, percent } from "./table.mjs";

/** @typedef {import("logitscope").Gpt2} Gpt2 */
/** @typedef {import("./table.mjs").Table} Table */

/** @param {Gpt2} model @returns {Table} */
export function subjects(model) {
  /** @type {Table["rows"]} */
  const rows = [];
  for (const unit of /** @type {const} */ (["head", "component"])) {
    const [john, mary] = [prompt, swapped].map((text) =>
      directLogitAttribution(model, text, { ...names, unit }),
    );
    const difference = compare(john, mary);
    for (const [k, label] of john.labels.entries()) {
      if (!/^(L0H1|L1H.|L2H1|[12]_mlp_out)$/.test(label)) continue;
      rows.push([
        label,
        ...[john, mary, difference].map(({ attributions }) => attributions[0].scores.data[k]),
      ]);
    }
    if (unit === "component")
      rows.push([
        "logit diff",
        ...[john, mary, difference].map(({ attributions }) => attributions[0].check.logit),
      ]);
  }
  return { columns: ["John gave", "Mary gave", "difference"], rows };
}

/** @param {Gpt2} model @returns {Table} */
export function lens(model) {
  const { labels, lenses } = logitLens(model, prompt, { ...names, top: 2 });
  const [{ differences, top }] = lenses;
  return {
    columns: ["logit diff", "most probable", "next"],
    rows: labels.map((label, k) => [
      label,
      differences?.[k] ?? Number.NaN,
      ...top[k].map(({ text, probability }) => `"${text}" ${percent(probability)}`),
    ]),
  };
}

/**
 * What L2H1 does to single names' logits, where the subject is one of the two and where it is a third.
 *
 * @param {Gpt2} model
 * @returns {Table}
 */
export function thirdName(model) {
  const cases = { "one of the two": family("first"), "a third name": family("first", { subject: "other" }) };
  return {
    columns: ["looks at the subject", "adds to the subject", "to the answer"],
    rows: Object.entries(cases).map(([label, all]) => {
      const prompts = all.map(({ input }) => input);
      const adds = (/** @type {string[]} */ answer) => {
        const { labels, attributions } = directLogitAttribution(model, prompts, { answer, unit: "head" });
        return meanOf(attributions.map(({ scores }) => scores.data[labels.indexOf("L2H1")]));
      };
      const { cache } = model.runWithCache(prompts, { names: "blocks.2.attn.hook_pattern" });
      const { shape, data } = cache.get("pattern", 2); // [batch, head, queryPos, keyPos]
      const [, head, pos] = shape;
      const looks = prompts.map((_, i) => data[((i * head + 1) * pos + at.end) * pos + at.subject]);
      const [subject, answer] = [all.map(({ wrong }) => wrong), all.map(({ answer }) => answer)];
      return [`${label}, ${all.length}`, percent(meanOf(looks).mean), adds(subject), adds(answer)];
    }),
  };
}
