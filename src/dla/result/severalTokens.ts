import { ValueError } from "../../errors.ts";
import type { Tensor64 } from "../../tensor/index.ts";
import { combinedEntropies } from "../answers/entropies.ts";
import type { Target } from "../answers/targets.ts";
import type { Attributable } from "../attributable.ts";
import { type Check, withEntropy } from "../check/check.ts";
import type { Attribution } from "./result.ts";

/** Tokens to run, and what to read of them. */
export interface TargetRun {
  readonly tokens: readonly number[];
  readonly targets: readonly Target[];
  /** Which of the prompt's targets each belongs to. */
  readonly of: readonly number[];
  readonly prompt: number;
}

/**
 * A run of each prompt; and of each answer of several tokens, the prompt up to its position with all but the last of them
 * appended: teacher forcing.
 *
 * @throws ValueError when such a run is longer than the model's context
 */
export function targetRuns(
  where: string,
  model: Attributable,
  prompts: readonly (readonly number[])[],
  targets: readonly (readonly Target[])[],
): TargetRun[] {
  return targets.flatMap((ofPrompt, prompt) => {
    const single = [...ofPrompt.entries()].filter(([, { steps }]) => steps === undefined);
    const own: TargetRun = {
      ...{ prompt, tokens: prompts[prompt] },
      targets: single.map(([, target]) => target),
      of: single.map(([index]) => index),
    };
    const forced = ofPrompt.flatMap(({ pos, answer, steps }, index): TargetRun[] => {
      if (steps === undefined) return [];
      const tokens = [...prompts[prompt].slice(0, pos + 1), ...answer!.ids.slice(0, -1)];
      expectContext(`${where}: prompt ${prompt}`, model, tokens.length, steps.length);
      return [{ prompt, tokens, targets: steps, of: steps.map(() => index) }];
    });
    return single.length > 0 ? [own, ...forced] : forced;
  });
}

/** The rows, their parts and the checks of an answer's tokens, added up. What only later tokens have read is 0 in the earlier ones. */
export function sumOfTokens(
  tokens: readonly Attribution[],
): Omit<Attribution, "prompt" | "pos" | "answer" | "wrong"> {
  const last = tokens[tokens.length - 1];
  const left = tokens.flatMap(({ leaveOneOut }) => leaveOneOut ?? []);
  const probabilities = tokens.flatMap(({ probability }) => probability ?? []);
  return {
    scores: sumOfScores(tokens.map(({ scores }) => scores)),
    ...(left.length > 0 && { leaveOneOut: sumOfScores(left) }),
    ...(last.sources && { sources: last.sources }),
    ...(probabilities.length > 0 && {
      probability: probabilities.reduce((product, value) => product * value, 1),
    }),
    check: sumOfChecks(tokens.map(({ check }) => check)),
    tokens,
  };
}

/** [row, …] where all have one shape; [row, source and bias, …] of more and more sources otherwise. */
function sumOfScores(all: readonly Tensor64[]): Tensor64 {
  const { shape } = all[all.length - 1];
  const [rows, columns = 1, depth = 1] = shape;
  const data = new Float64Array(rows * columns * depth);
  for (const scores of all) {
    const [, own = 1] = scores.shape;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < own; column++) {
        const into = column === own - 1 ? columns - 1 : column; // bias is the last
        for (let k = 0; k < depth; k++)
          data[(row * columns + into) * depth + k] += scores.data[(row * own + column) * depth + k];
      }
    }
  }
  return { shape, data };
}

function sumOfChecks(checks: readonly Check[]): Check {
  const total = (of: (check: Check) => number) => checks.reduce((sum, check) => sum + of(check), 0);
  const check = {
    sum: total(({ sum }) => sum),
    rounding: total(({ rounding }) => rounding),
    bias: total(({ bias }) => bias),
    logit: total(({ logit }) => logit),
    error: total(({ error }) => error),
    bound: total(({ bound }) => bound),
    roundingBound: total(({ roundingBound }) => roundingBound),
  };
  const entropies = checks.map(({ entropy }) => entropy);
  return withEntropy(
    check,
    combinedEntropies(entropies, (values) => values.reduce((sum, value) => sum + value, 0)),
  );
}

function expectContext(
  where: string,
  { config: { nCtx } }: Attributable,
  length: number,
  answer: number,
): void {
  if (length <= nCtx) return;
  throw new ValueError(
    `${where}: got ${length} tokens with the ${answer} of the answer but the last, expected at most ${nCtx} (the model's context). ` +
      "Shorten the prompt.",
  );
}
