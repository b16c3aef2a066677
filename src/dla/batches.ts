import type { Attributable, AttributableCache } from "./attributable.ts";
import type { Site } from "./site.ts";

/** Prompts of one length and their activations. */
export interface Batch {
  /** The prompts' indices, in the order of the cache's batch axis. */
  readonly prompts: readonly number[];
  readonly cache: AttributableCache;
}

/** How many tokens run at once: enough to fill the kernels' tiles, few enough to bound memory. */
const BATCH_TOKENS = 1024;

/**
 * Runs the prompts in batches of one length each, so that nothing is padded, one batch after the other.
 *
 * @param positions of each prompt
 * @param names     the hooks to capture
 * @param everyPos  those of them to capture at every position
 */
export function* runBatches(
  model: Pick<Attributable, "runWithCache">,
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
  names: readonly string[],
  everyPos: readonly string[] = [],
): Generator<Batch> {
  for (const members of groupAlike(prompts, positions)) {
    const pos = [...new Set(positions[members[0]])];
    const tokens = members.map((index) => prompts[index]);
    const options = {
      names: (name: string) => names.includes(name),
      pos,
      ...(everyPos.length > 0 && { everyPos: (name: string) => everyPos.includes(name) }),
      logits: "none",
    } as const;
    yield { prompts: members, cache: model.runWithCache(tokens, options).cache };
  }
}

/** The prompts' indices, those of one length and at the same positions together, in batches. */
function groupAlike(
  prompts: readonly (readonly number[])[],
  positions: readonly (readonly number[])[],
): number[][] {
  const alike = new Map<string, number[][]>();
  for (const [index, { length }] of prompts.entries()) {
    const key = `${length}: ${positions[index].join()}`;
    const batches = alike.get(key) ?? [];
    const last = batches.at(-1);
    if (last && (last.length + 1) * length <= BATCH_TOKENS) last.push(index);
    else batches.push([index]);
    alike.set(key, batches);
  }
  return [...alike.values()].flat();
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
