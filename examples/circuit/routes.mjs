// @ts-check
// By which heads the end comes to know the subject: what is left of the difference without them.
import { compare, directLogitAttribution } from "logitscope";
import { silence } from "./hooks.mjs";
import { at, family, names, prompt, swapped } from "./prompts.mjs";
import { meanOf } from "./table.mjs";

/** @typedef {import("logitscope").Gpt2} Gpt2 */
/** @typedef {import("logitscope").Hook} Hook */
/** @typedef {import("./table.mjs").Table} Table */

/** @param {Gpt2} model @returns {Table} */
export function routes(model) {
  /** @type {Hook} */
  const late = ["blocks.2.attn.hook_z", silence(1)];
  /** @type {Hook} */
  const early = ["blocks.0.attn.hook_z", silence(1, at.end)];
  const silenced = { nothing: [], L2H1: [late], "L0H1 at the end": [early], both: [late, early] };
  return {
    columns: ["John gave", "Mary gave", "difference", "mean of 160", "ahead"],
    rows: Object.entries(silenced).map(([what, hooks]) => {
      const [john, mary] = [prompt, swapped].map((text) =>
        attributed(model, [{ input: text, ...names }], hooks),
      );
      const all = attributed(model, [...family("first"), ...family("second")], hooks);
      const logits = all.attributions.map(({ check }) => check.logit);
      const [difference] = compare(john, mary).attributions;
      const ahead = logits.filter((logit) => logit > 0).length;
      return [
        what,
        ...[john.attributions[0], mary.attributions[0], difference].map(({ check }) => check.logit),
        meanOf(logits),
        `${ahead} of ${logits.length}`,
      ];
    }),
  };
}

/** The rows of a run with hooks, of prompts of one length. @type {(model: Gpt2, cases: import("./prompts.mjs").Case[], hooks: Hook[]) => import("logitscope").AttributionResult} */
function attributed(model, cases, hooks) {
  const { cache } = model.runWithCache(
    cases.map(({ input }) => input),
    { hooks },
  );
  return directLogitAttribution(model, undefined, {
    answer: cases.map(({ answer }) => answer),
    wrong: cases.map(({ wrong }) => wrong),
    cache,
  });
}
