import { type Attribution, type AttributionResult, checkHolds, scoreName } from "../dla/index.ts";
import { logitName } from "./header.ts";
import { decimalsFor, signed } from "./numbers.ts";
import type { Paint } from "./paint.ts";
import { columns, padColumns, quoteToken, visible } from "./text.ts";

/** A direction has a reading, no logit of the model. */
const headOf = ({ attributions }: AttributionResult) => {
  const read = attributions.every(({ answer }) => answer === null) ? "reading" : "logit";
  return ["prompt", "pos", "after", `${read} of`, read, "", "greatest row"];
};

/** Columns of numbers, which end where their head ends. */
const numbers: ReadonlySet<number> = new Set([0, 1, 4]);

/** A line per attribution: where, of what, its logit, whether the rows add up to it, the greatest row. */
export function summaryLines(result: AttributionResult, paint: Paint): string[] {
  const head = headOf(result);
  const decimals = decimalsFor(result.attributions.map(({ check }) => check.logit));
  const rows = result.attributions.map((attribution) => cells(result, attribution, decimals));
  const widths = head.map((name, c) =>
    rows.reduce((most, row) => Math.max(most, columns(row[c])), name.length),
  );
  const line = (row: readonly string[]) =>
    row.map((cell, c) => (numbers.has(c) ? cell.padStart(widths[c]) : padColumns(cell, widths[c])));
  return [paint.dim(line(head).join("  ").trimEnd()), ...rows.map((row) => line(row).join("  ").trimEnd())];
}

function cells(result: AttributionResult, attribution: Attribution, decimals: number): string[] {
  const { prompt, pos, check, scores } = attribution;
  const { tokens, stringTokens } = result.prompts[prompt];
  const { data } = scores;
  const most = data.reduce((best, score, i) => (Math.abs(score) > Math.abs(data[best]) ? i : best), 0);
  return [
    String(prompt + 1),
    String(pos),
    quoteToken({ id: tokens[pos], text: stringTokens?.[pos] ?? null }),
    logitName(attribution),
    signed(check.logit, decimals),
    checkHolds(check) ? "✓" : "✗",
    `${visible(scoreName(result, [attribution], most))} ${signed(data[most], decimals)}`,
  ];
}

/** A line for each token of an answer of several, which are read one after another. */
export function tokenLines(result: AttributionResult, attribution: Attribution, paint: Paint): string[] {
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
  return summaryLines({ ...result, prompts: forced, attributions }, paint);
}
