// @ts-check
// How the heads find the names: what the previous-token head reads, and patterns after exchanging what was written.
import { copy, exchange } from "./hooks.mjs";
import { at, family, prompt } from "./prompts.mjs";
import { meanOf, percent } from "./table.mjs";

/** @typedef {import("logitscope").Gpt2} Gpt2 */
/** @typedef {import("logitscope").Hook} Hook */
/** @typedef {import("./table.mjs").Table} Table */

/** What L0H1 reads at each name, and at the end. @param {Gpt2} model @returns {Table} */
export function previous(model) {
  const { cache } = model.runWithCache(prompt, { names: "blocks.0.attn.hook_pattern" });
  const { shape, data } = cache.get("pattern", 0); // [batch, head, queryPos, keyPos]
  const tokens = model.toStringTokens(prompt);
  const row = (/** @type {number} */ pos) => [
    ...data.subarray((shape[2] + pos) * shape[3], (shape[2] + pos + 1) * shape[3]),
  ];
  return {
    columns: ["L0H1 reads", "and"],
    rows: Object.values(at).map((pos) => {
      const shares = row(pos);
      const [first, second] = [...shares.keys()].sort((a, b) => shares[b] - shares[a]);
      const cell = (/** @type {number} */ source) =>
        `"${tokens[source]}"(${source}) ${percent(shares[source])}`;
      return [`at "${tokens[pos]}"(${pos})`, cell(first), cell(second)];
    }),
  };
}

/** Where layer 1's heads look from the end when the writes at the two names are exchanged. @param {Gpt2} model @returns {Table} */
export function exchanged(model) {
  /** @type {Record<string, Hook[]>} */
  const hooks = {
    nothing: [],
    tokens: [["hook_embed", exchange(at.first, at.second)]],
    positions: [["hook_pos_embed", exchange(at.first, at.second)]],
    L0H0: [["blocks.0.attn.hook_z", exchange(at.first, at.second, 0)]],
    L0H1: [["blocks.0.attn.hook_z", exchange(at.first, at.second, 1)]],
    "0_mlp_out": [["blocks.0.hook_mlp_out", exchange(at.first, at.second)]],
  };
  return {
    columns: ["L1H0 → first", "→ second", "L1H1 → first", "→ second"],
    rows: Object.entries(hooks).map(([what, hook]) => [
      what,
      ...looks(model, hook, 1, [
        [0, at.first],
        [0, at.second],
        [1, at.first],
        [1, at.second],
      ]),
    ]),
  };
}

/** Whether L2H1 still looks at the subject when a writer's write there is the one at the same name's first mention. @param {Gpt2} model @returns {Table} */
export function copied(model) {
  /** @type {Record<string, Hook[]>} */
  const hooks = {
    nothing: [],
    positions: [["hook_pos_embed", copy(at.second, at.subject)]],
    L0H0: [["blocks.0.attn.hook_z", copy(at.second, at.subject, 0)]],
    L0H1: [["blocks.0.attn.hook_z", copy(at.second, at.subject, 1)]],
    L1H0: [["blocks.1.attn.hook_z", copy(at.second, at.subject, 0)]],
    L1H1: [["blocks.1.attn.hook_z", copy(at.second, at.subject, 1)]],
    "1_mlp_out": [["blocks.1.hook_mlp_out", copy(at.second, at.subject)]],
  };
  return {
    columns: ["L2H1 → subject", "→ first mention"],
    rows: Object.entries(hooks).map(([what, hook]) => [
      what,
      ...looks(model, hook, 2, [
        [1, at.subject],
        [1, at.second],
      ]),
    ]),
  };
}

/**
 * Heads' mean attention from the end to positions, over prompts in which the second name is the subject.
 *
 * @param {Gpt2} model
 * @param {Hook[]} hooks
 * @param {number} layer
 * @param {[head: number, pos: number][]} asked
 */
function looks(model, hooks, layer, asked) {
  const prompts = family("first").map(({ input }) => input);
  const names = /** @type {const} */ (`blocks.${layer}.attn.hook_pattern`);
  const { cache } = model.runWithCache(prompts, { hooks, names, stopAtLayer: layer + 1 });
  const { shape, data } = cache.get("pattern", layer); // [batch, head, queryPos, keyPos]
  return asked.map(([head, pos]) => {
    const shares = prompts.map((_, i) => data[((i * shape[1] + head) * shape[2] + at.end) * shape[3] + pos]);
    return percent(meanOf(shares).mean);
  });
}
