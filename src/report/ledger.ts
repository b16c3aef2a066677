import {
  type Attribution,
  type AttributionResult,
  type Check,
  checkHolds,
  isCumulative,
} from "../dla/index.ts";
import type { Line } from "./list.ts";
import { tiny } from "./numbers.ts";
import type { Paint } from "./paint.ts";

/** What follows the rows in their own column: their sum, the bias, and the logit that the model itself gave. */
export function ledgerLines(result: AttributionResult, attributions: readonly Attribution[]): Line[] {
  const { answer, wrong } = attributions[0];
  const average = (of: (check: Check) => number) =>
    attributions.reduce((sum, { check }) => sum + of(check), 0) / attributions.length;
  const logit = answer !== null && wrong !== null ? "logit diff" : "logit";
  return [
    { label: "sum", score: average((check) => check.sum), note: sumNote(result), hasBar: false },
    { label: "+ bias", score: average((check) => check.bias), note: biasNote(result), hasBar: false },
    { label: `= ${logit}`, score: average((check) => check.logit), note: logitNote(result), hasBar: false },
    ...entropyLines(result, attributions),
  ];
}

/** Where the run said how much each token counts: what is left of the logits is a log-probability, or log-sum-exp. */
function entropyLines({ target }: AttributionResult, attributions: readonly Attribution[]): Line[] {
  if (attributions.some(({ check }) => check.entropy === undefined)) return [];
  const average = (of: (check: Check) => number) =>
    attributions.reduce((sum, { check }) => sum + of(check), 0) / attributions.length;
  const entropy = average((check) => check.entropy ?? 0);
  const label = target ? "= log prob" : "= log-sum-exp";
  return [
    { label: "- entropy", score: 0 - entropy, note: "in nats", hasBar: false },
    { label, score: average((check) => check.logit) - entropy, hasBar: false },
  ];
}

/** Whether the rows add up, and how exactly: the line that a table ends with. */
export function checkLine(attributions: readonly Pick<Attribution, "check">[], paint: Paint): string {
  const checks = attributions.map(({ check }) => check);
  const failed = checks.filter((check) => !checkHolds(check)).length;
  const verdict = failed === 0 ? "✓ adds up" : `✗ ${failed} of ${checks.length} do not add up`;
  if (checks.length > 1) {
    const worst = checks.reduce((most, { error }) => Math.max(most, Math.abs(error)), 0);
    const detail = `all ${checks.length} within their bounds, the largest error ${tiny(worst)}`;
    return `${paint.bold(verdict)}${failed === 0 ? `: ${detail}` : ""}`;
  }
  const { rounding, roundingBound, error, bound } = checks[0];
  return (
    `${paint.bold(verdict)}: float32 rounding ${tiny(rounding)} within ${tiny(roundingBound)}, ` +
    `error ${tiny(error)} within ${tiny(bound)}`
  );
}

function logitNote({ target }: AttributionResult): string {
  return target ? "the model's own, less their mean by probability" : "the model's own";
}

function sumNote({ unit }: AttributionResult): string {
  return isCumulative(unit) ? "the last row: each holds those before" : "of all rows";
}

function biasNote({ unit, model, attributions }: AttributionResult): string {
  const beta = isCumulative(unit) && !model.compatibilityMode;
  if (attributions[0].answer === null) return beta ? "the final norm's beta" : "none of a direction";
  return beta ? "b_U, and the final norm's beta" : "b_U, the unembedding's";
}
