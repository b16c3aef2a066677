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

/** Lines under the rows, in their own column: their sum, the bias, and the logit that the model's output has. */
export function ledgerLines(result: AttributionResult, attributions: readonly Attribution[]): Line[] {
  const { answer, wrong } = attributions[0];
  const average = (of: (check: Check) => number) =>
    attributions.reduce((sum, { check }) => sum + of(check), 0) / attributions.length;
  const logit = answer === null ? "reading" : wrong === null ? "logit" : "logit diff";
  return [
    { label: "sum", score: average((check) => check.sum), note: sumNote(result), hasBar: false },
    { label: "+ bias", score: average((check) => check.bias), note: biasNote(result), hasBar: false },
    { label: `= ${logit}`, score: average((check) => check.logit), note: logitNote(result), hasBar: false },
    ...entropyLines(result, attributions),
  ];
}

const entropies = [
  { kind: "answer", sign: 1, note: "of the set's weights, in nats" },
  { kind: "wrong", sign: -1, note: "of the wrong set's weights, in nats" },
  { kind: "model", sign: -1, note: "of the model's probabilities, in nats" },
] as const;

/** From the logit to the log-probability, or log-sum-exp, where the run said how much each token counts: terms as they are added. */
function entropyLines({ target }: AttributionResult, attributions: readonly Attribution[]): Line[] {
  if (attributions.some(({ check }) => check.entropy === undefined)) return [];
  const average = (of: (check: Check) => number) =>
    attributions.reduce((sum, { check }) => sum + of(check), 0) / attributions.length;
  const terms = entropies.filter(({ kind }) =>
    attributions.some(({ check }) => check.entropy?.[kind] !== undefined),
  );
  const value = average((check) => check.value ?? check.logit);
  return [
    ...terms.map(({ kind, sign, note }) => ({
      label: sign > 0 ? "+ entropy" : "- entropy",
      score: 0 + sign * average((check) => check.entropy?.[kind] ?? 0),
      note,
      hasBar: false,
    })),
    { label: target ? "= log prob" : "= log-sum-exp", score: value, hasBar: false },
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

function logitNote({ target, attributions }: AttributionResult): string {
  if (attributions[0].answer === null) return "the direction times the final norm's output";
  const note = "read off the model's output";
  return target ? `${note}, less the logits' mean by probability` : note;
}

function sumNote({ unit }: AttributionResult): string {
  return isCumulative(unit) ? "the last row: each holds those before" : "of all rows";
}

function biasNote({ unit, model, attributions }: AttributionResult): string {
  const beta = isCumulative(unit) && !model.compatibilityMode;
  if (attributions[0].answer === null) return beta ? "the final norm's beta" : "none of a direction";
  return beta ? "b_U, and the final norm's beta" : "b_U, the unembedding's";
}
