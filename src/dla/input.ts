import { describe, ValueError } from "../errors.ts";
import { type ModelInput, readPrompts, resolvePositions } from "../model/index.ts";
import { wantsNext } from "./answers/alignedAnswers.ts";
import {
  type Attributable,
  type AttributableCache,
  expectActivations,
  expectAttributable,
  expectCache,
} from "./attributable.ts";
import type { AttributionOptions } from "./attributionOptions.ts";
import { type Batch, runBatches } from "./batches.ts";

/** Where a question is asked, and of what run. */
export type InputOptions = Pick<AttributionOptions, "pos" | "cache" | "allowRawWeights" | "prependBos">;

/** The prompts as ids, and each one's positions. */
export interface Input {
  readonly prompts: readonly (readonly number[])[];
  readonly positions: readonly (readonly number[])[];
}

/**
 * @throws NotImplementedError or ValueError as `expectAttributable`, and ValueError for a bad prompt or position, or
 *   neither input nor cache
 */
export function readInput(
  where: string,
  model: Attributable,
  input: ModelInput | undefined,
  options: InputOptions & Pick<AttributionOptions, "answer" | "wrong">,
): Input {
  expectAttributable(where, model, options.allowRawWeights ?? false);
  expectActivations(where, options.cache);
  const given = input === undefined ? options.cache?.tokens : input;
  if (given === undefined) {
    throw new ValueError(`${where}: got neither an input nor a cache, expected one. Give a prompt.`);
  }
  const prompts = readPrompts(where, model, given, options.prependBos);
  const positions = prompts.map((prompt, index) =>
    attributedPositions(
      `${where}: prompt ${index}`,
      prompt,
      options.pos,
      wantsNext(options, index, prompts.length),
    ),
  );
  return { prompts, positions };
}

/** The positions of one prompt that are asked for. */
function attributedPositions(
  where: string,
  prompt: readonly number[],
  pos: AttributionOptions["pos"],
  isFollowed: boolean,
): number[] {
  const whole = resolvePositions(where, pos === undefined ? -1 : pos, prompt.length);
  const followed = pos === "all" && isFollowed ? whole.slice(0, -1) : whole;
  return followed.length > 0 ? followed : whole;
}

/** The activations: the given ones, or runs of prompts of one length each. @throws ValueError for a cache that does not fit */
export function readActivations(
  where: string,
  model: Attributable,
  { prompts, positions }: Input,
  { names, everyPos }: { readonly names: readonly string[]; readonly everyPos: readonly string[] },
  cache: AttributableCache | undefined,
  mostTokens?: () => number,
): Iterable<Batch> {
  if (cache === undefined) return runBatches(model, prompts, positions, names, everyPos, mostTokens);
  expectCache(`${where}: cache`, model, cache, prompts, [...new Set(positions.flat())], names, everyPos);
  return [{ prompts: prompts.map((_, prompt) => prompt), cache }];
}

/** @throws ValueError unless it is a whole number */
export function expectTop(where: string, top: number): void {
  if (Number.isInteger(top) && top >= 0) return;
  throw new ValueError(`${where}: got top ${describe(top)}, expected a whole number. Give how many tokens.`);
}
