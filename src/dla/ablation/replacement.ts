import { ValueError } from "../../errors.ts";
import { describeValue, type Integers, type ModelInput, readPrompts } from "../../model/index.ts";
import type { Attributable } from "../attributable.ts";
import { runBatches } from "../batches.ts";

/**
 * What takes the place of an ablated activation, at each position:
 *
 * - `"zero"`: nothing.
 * - `{ mean }`: its mean at that position over reference prompts, each of at least as many tokens as the prompt ablated. Not
 *   over positions: at GPT-2's first one activations are many times larger than elsewhere, and would be most of it.
 * - `{ from }`: its value at that position of another prompt, of as many tokens.
 */
export type Replacement = "zero" | { readonly mean: ModelInput } | { readonly from: string | Integers };

/** A hook's activation at one position, [size]; at a position that an ablated prompt has. */
export type Instead = (hook: string, pos: number) => Float32Array;

/**
 * What takes the activations' place.
 *
 * @param prompts those that are ablated
 * @param sizes   of the hooks that are replaced, how wide their activation is at one position
 * @returns       a function that runs the reference prompts, with a pause before each run, so that all else can be checked before
 * @throws ValueError for a replacement that is none of the three, or reference prompts of other lengths
 */
export function readReplacement(
  where: string,
  model: Attributable,
  replace: Replacement,
  prompts: readonly (readonly number[])[],
  sizes: ReadonlyMap<string, number>,
  prependBos: boolean | undefined,
): (pause: () => Promise<void>) => Promise<Instead> {
  const here = `${where}: replace`;
  if (replace === "zero") {
    const zeros = new Map([...sizes].map(([hook, size]) => [hook, new Float32Array(size)]));
    return async () => (hook) => zeros.get(hook)!;
  }
  const { mean, from } = Object(replace) as { mean?: ModelInput; from?: ModelInput };
  if ((mean === undefined) === (from === undefined)) {
    const got = mean === undefined ? describeValue(replace) : "{ mean, from }";
    throw new ValueError(
      `${here}: got ${got}, expected "zero", { mean: prompts } or { from: prompt }. Give one of them.`,
    );
  }
  const length = prompts.reduce((most, prompt) => Math.max(most, prompt.length), 0);
  const name = from === undefined ? `${here}.mean` : `${here}.from`;
  const references = readPrompts(name, model, (mean ?? from)!, prependBos);
  if (from === undefined) expectLongEnough(name, references, length);
  else expectSameLength(name, references, prompts);
  // what a prompt has at a position depends on the tokens up to it, so the rest need not run
  return (pause) =>
    meanActivations(
      pause,
      model,
      references.map((ids) => ids.slice(0, length)),
      sizes,
    );
}

/** The means of activations at each position over prompts of one length: float64 sums, rounded once. */
async function meanActivations(
  pause: () => Promise<void>,
  model: Attributable,
  prompts: readonly (readonly number[])[],
  sizes: ReadonlyMap<string, number>,
): Promise<Instead> {
  const every = prompts[0].map((_, pos) => pos);
  const positions = prompts.map(() => every);
  const sums = new Map([...sizes].map(([hook, size]) => [hook, new Float64Array(every.length * size)]));
  await pause();
  for (const { cache, prompts: members } of runBatches(model, prompts, positions, [...sizes.keys()])) {
    for (const [hook, sum] of sums) {
      const { data } = cache.get(hook);
      for (const row of members.keys()) {
        const start = row * sum.length;
        for (let i = 0; i < sum.length; i++) sum[i] += data[start + i];
      }
    }
    await pause();
  }
  const means = new Map(
    [...sums].map(([hook, sum]) => [hook, Float32Array.from(sum, (value) => value / prompts.length)]),
  );
  return (hook, pos) => {
    const size = sizes.get(hook)!;
    return means.get(hook)!.subarray(pos * size, (pos + 1) * size);
  };
}

function expectLongEnough(where: string, references: readonly (readonly number[])[], length: number): void {
  const short = references.findIndex((ids) => ids.length < length);
  if (short === -1) return;
  throw new ValueError(
    `${where}: got a reference prompt (${short}) of ${references[short].length} tokens for a prompt of ${length}, ` +
      "expected at least as many, since the mean is taken position by position. Give longer ones, or leave it out.",
  );
}

function expectSameLength(
  where: string,
  references: readonly (readonly number[])[],
  prompts: readonly (readonly number[])[],
): void {
  if (references.length !== 1) {
    throw new ValueError(
      `${where}: got ${references.length} prompts, expected one. Ablate by each on its own, or give mean.`,
    );
  }
  const odd = prompts.findIndex((ids) => ids.length !== references[0].length);
  if (odd === -1) return;
  throw new ValueError(
    `${where}: got a prompt of ${references[0].length} tokens for prompt ${odd} of ${prompts[odd].length}, ` +
      "expected as many, since activations are replaced position by position. Give one of that length.",
  );
}
