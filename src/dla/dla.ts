import { describe, expectFlags, ValueError } from "../errors.ts";
import type { ModelInput, TokenRef } from "../model/index.ts";
import { asList, expectKnown, type Integers } from "../model/index.ts";
import { type Attributable, expectModel } from "./attributable.ts";
import { attribute } from "./attribution.ts";
import type { Check } from "./check/check.ts";
import { mean } from "./result/summary.ts";

/** What `dla` returns. */
export interface DlaResult {
  /** [component], averaged over the prompts. */
  readonly scores: Float64Array;
  /** One per score. */
  readonly labels: readonly string[];
  /** One per prompt. */
  readonly checks: readonly Check[];
}

/**
 * The one-call tool of TransformerLens's pull request 1316: what each component added to the logit of the correct
 * token, or to its difference from a wrong one, at each prompt's last position, averaged over the prompts.
 *
 * The decomposition sums to `logit difference − (b_U[correct] − b_U[wrong])`, averaged; accumulated, the rows are
 * the running residual and the last is that value. With one column, `logit − b_U`.
 *
 * @param model        in compatibility mode
 * @param prompts      a text, texts, ids or lists of ids, of any lengths
 * @param answerTokens [prompt][1 or 2]: the correct token and, in a second column, the wrong one; ids or texts
 * @throws NotImplementedError for a block with a part that does not declare what it writes
 * @throws ValueError unless there is one row of answers per prompt, with 1 or 2 columns, and the model is in
 *   compatibility mode; before anything runs
 */
export function dla(
  model: Attributable,
  prompts: ModelInput,
  answerTokens: readonly (Integers | readonly TokenRef[])[],
  options: {
    /** The running residual stream after each sublayer instead of what each one wrote. */
    accumulated?: boolean | undefined;
  } = {},
): DlaResult {
  expectKnown("dla", options, { accumulated: true });
  expectFlags("dla", options);
  expectModel("dla", model);
  const columns = answerColumns(answerTokens);
  const result = attribute("dla", model, prompts, {
    ...columns,
    unit: options.accumulated ? "layer" : "component",
  });
  return {
    scores: mean(result).scores.data,
    labels: result.labels,
    checks: result.attributions.map(({ check }) => check),
  };
}

function answerColumns(given: readonly (Integers | readonly TokenRef[])[]): {
  answer: TokenRef[][];
  wrong?: TokenRef[][];
} {
  const rows = (Array.isArray(given) ? asList(given).map(asList) : []) as TokenRef[][];
  const isTable = Array.isArray(given) && rows.every(Array.isArray);
  const widths = isTable ? [...new Set(rows.map((row) => row.length))] : [];
  if (widths.length !== 1 || (widths[0] !== 1 && widths[0] !== 2)) {
    const got = isTable
      ? widths.length === 0
        ? "no row"
        : `rows of ${widths.join(" and ")} columns`
      : Array.isArray(given)
        ? `a list with ${describe(rows.find((row) => !Array.isArray(row)))} in it`
        : describe(given);
    throw new ValueError(
      `dla: answerTokens: got ${got}, expected [prompt][1 or 2]. Give [[" Mary", " John"], …] or [[" Mary"], …].`,
    );
  }
  const column = (index: number) => rows.map((row) => [row[index]]);
  return widths[0] === 1 ? { answer: column(0) } : { answer: column(0), wrong: column(1) };
}
