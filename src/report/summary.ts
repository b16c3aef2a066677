import { type Attribution, type AttributionResult, checkHolds, scoreName } from "../dla/index.ts";
import { type Column, columnLines } from "./columns.ts";
import { logitName } from "./header.ts";
import { held } from "./layout.ts";
import { decimalsFor, signed } from "./numbers.ts";
import type { Paint } from "./paint.ts";
import { quoteToken, visible } from "./text.ts";

/** A line per attribution: where, of what, its logit, whether the rows add up to it, the greatest row. */
export function summaryLines(result: AttributionResult, width: number, paint: Paint): string[] {
  const { attributions } = result;
  const read = attributions.every(({ answer }) => answer === null) ? "reading" : "logit"; // a direction has no logit of the model
  const decimals = decimalsFor(attributions.map(({ check }) => check.logit));
  const column = (
    align: "left" | "right",
    title: string,
    of: (attribution: Attribution) => string,
  ): Column => ({
    ...{ title, align, cells: attributions.map(of) },
  });
  const table = [
    column("right", "prompt", ({ prompt }) => String(prompt)),
    column("right", "pos", ({ pos }) => String(pos)),
    column("left", "after", ({ prompt, pos }) => {
      const { tokens, stringTokens } = result.prompts[prompt];
      return held(quoteToken({ id: tokens[pos], text: stringTokens?.[pos] ?? null }));
    }),
    column("left", `${read} of`, logitName),
    column("right", read, ({ check }) => signed(check.logit, decimals)),
    column("left", "", ({ check }) => (checkHolds(check) ? "✓" : "✗")),
    column("left", "greatest row", (attribution) => {
      const { data } = attribution.scores;
      const most = data.reduce((best, score, i) => (Math.abs(score) > Math.abs(data[best]) ? i : best), 0);
      return held(`${visible(scoreName(result, [attribution], most))} ${signed(data[most], decimals)}`);
    }),
  ];
  return columnLines(table, 2, width, paint);
}

/** A line for each token of an answer of several, which are read one after another. */
export function tokenLines(
  result: AttributionResult,
  attribution: Attribution,
  width: number,
  paint: Paint,
): string[] {
  const { answer, tokens: attributions, pos, prompt } = attribution;
  if (attributions === undefined || !answer || !("tokens" in answer)) return [];
  const forced = result.prompts.map(({ tokens, stringTokens, ...rest }, index) => {
    if (index !== prompt) return { ...rest, tokens, stringTokens };
    const texts = answer.tokens.map(({ id, text }) => text ?? String(id));
    return {
      ...rest,
      tokens: [...tokens.slice(0, pos + 1), ...answer.tokens.map(({ id }) => id)],
      stringTokens: stringTokens && [...stringTokens.slice(0, pos + 1), ...texts],
    };
  });
  return summaryLines({ ...result, prompts: forced, attributions }, width, paint);
}
