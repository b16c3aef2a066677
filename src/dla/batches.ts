import type { Attributable, AttributableCache } from "./attributable.ts";
import type { Site } from "./site.ts";

/** Prompts of one length and their activations. */
export interface Batch {
  /** The prompts' indices, in the order of the cache's batch axis. */
  readonly prompts: readonly number[];
  readonly cache: AttributableCache;
}

/** The most tokens that run at once: enough to fill the kernels' tiles, few enough to bound memory. */
export const BATCH_TOKENS = 1024;

/**
 * Runs the prompts in batches of one length each, so that nothing is padded, one batch after the other.
 *
 * @param positions of each prompt
 * @param names     the hooks to capture
 * @param everyPos  those of them to capture at every position
 * @param mostTokens of the next batch, asked before each; one prompt always runs
 */
export function* runBatches(
  model: Pick<Attributable, "runWithCache">,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  names: readonly string[],
  everyPos: readonly string[] = [],
  mostTokens: () => number = () => BATCH_TOKENS,
): Generator<Batch> {
  for (const alike of groupAlike(prompts, positions)) {
    const pos = [...new Set(positions[alike[0]])];
    const { length } = prompts[alike[0]];
    const options = {
      names: (name: string) => names.includes(name),
      pos,
      ...(everyPos.length > 0 && { everyPos: (name: string) => everyPos.includes(name) }),
      logits: "none",
    } as const;
    for (let first = 0, count = 0; first < alike.length; first += count) {
      count = Math.max(1, Math.floor(mostTokens() / length));
      const members = alike.slice(first, first + count);
      const tokens = members.map((index) => prompts[index]);
      yield { prompts: members, cache: model.runWithCache(tokens, options).cache };
    }
  }
}

/** The prompts' indices, those of one length and at the same positions together. */
function groupAlike(
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
): number[][] {
  const alike = new Map<string, number[]>();
  for (const [index, { length }] of prompts.entries()) {
    const key = `${length}: ${positions[index].join()}`;
    const members = alike.get(key);
    if (members) members.push(index);
    else alike.set(key, [index]);
  }
  return [...alike.values()];
}

/** One target's place: its prompt, its index among the prompt's targets, and the activations there. */
export interface TargetSite {
  readonly prompt: number;
  readonly index: number;
  readonly site: Site;
}

/** The sites of a batch's targets. */
export function sitesOf(
  batch: Batch,
  targets: readonly (readonly { readonly pos: number }[])[],
): TargetSite[] {
  return batch.prompts.flatMap((prompt, row) =>
    targets[prompt].map(({ pos }, index) => ({ prompt, index, site: siteOf(batch.cache, row, pos) })),
  );
}

/** The activations of one row of a batch, seen from one position, which the cache holds. */
function siteOf(cache: AttributableCache, row: number, pos: number): Site {
  const indexIn = (positions: readonly number[], at: number) =>
    positions[at] === at ? at : positions.indexOf(at);
  function sources(hook: string): (source: number) => Float32Array {
    const { data } = cache.get(hook);
    const positions = cache.positionsOf?.(hook) ?? cache.positions;
    const size = data.length / (cache.tokens.length * positions.length);
    return (source) => {
      const index = row * positions.length + indexIn(positions, source);
      return data.subarray(index * size, (index + 1) * size);
    };
  }
  return {
    pos,
    has: (hook) => cache.has(hook),
    read: (hook) => sources(hook)(pos),
    sources,
    pattern(hook, head) {
      const { data, shape } = cache.get(hook);
      const [, heads, queries, keys] = shape;
      const query = indexIn(cache.positionsOf?.(hook) ?? cache.positions, pos);
      const start = ((row * heads + head) * queries + query) * keys;
      return data.subarray(start, start + keys);
    },
  };
}
