import { ValueError } from "../../errors.ts";
import type { Tensor64 } from "../../tensor/index.ts";
import { combinedEntropies } from "../answers/entropies.ts";
import { type Check, withEntropy } from "../check/check.ts";
import { attributionForm } from "./forms.ts";
import { expectResult } from "./kinds.ts";
import type { AttributedAnswer, Attribution, AttributionResult } from "./result.ts";

/** Where one of two attributions was made, and of what. */
export type ComparedSite = Pick<Attribution, "prompt" | "pos" | "answer" | "wrong">;

/** One attribution less another. */
export interface ComparedAttribution {
  /** Of the first result. */
  readonly a: ComparedSite;
  /** Of the second. */
  readonly b: ComparedSite;
  /** Rows of A less those of B, in units of the logit. */
  readonly scores: Tensor64;
  /** Where both have it. */
  readonly leaveOneOut?: Tensor64;
  /** Of a unit with the axis "source": A's token, or `A/B` where B has another; then `bias`. */
  readonly sources?: readonly string[];
  /** A's less B's, each number, entropies too; the bounds are added. */
  readonly check: Check;
}

/** What `compare` returns; `mean` and `top` take it too. */
export interface Comparison
  extends Pick<AttributionResult, "unit" | "target" | "axes" | "labels" | "writers" | "model"> {
  /** Those of the first result and of the second. */
  readonly prompts: { readonly a: AttributionResult["prompts"]; readonly b: AttributionResult["prompts"] };
  /** One per attribution of either, in their order. */
  readonly attributions: readonly ComparedAttribution[];
}

/**
 * The attributions of A less those of B, one to one in their order: what makes the model tell apart two prompts, two
 * positions or two answers.
 *
 *   row(A) − row(B),   Σ of these = (logit(A) − bias(A)) − (logit(B) − bias(B))
 *
 * within `check.bound + check.roundingBound`. Prompts pair in order, as clean and corrupted ones do. A single
 * attribution of each pairs wherever it was made, such as at the last positions of prompts of unequal length; several
 * pair by position, for which the two prompts must have as many tokens.
 *
 * @throws ValueError that says what differs: model, unit, labels, counts, positions, or what is read
 */
export function compare(a: AttributionResult, b: AttributionResult): Comparison {
  // how many rows there are to be is what expectSameRows says more of
  const form = (of: Readonly<Record<string, unknown>>) => attributionForm({ ...of, labels: undefined });
  expectResult("compare: A", a, "attribution", form);
  expectResult("compare: B", b, "attribution", form);
  const { unit, target, axes, labels, writers, model, prompts } = a;
  expectSameRows(a, b);
  for (const prompt of prompts.keys()) expectAligned(a, b, prompt);
  return {
    unit,
    ...(target && { target }),
    axes,
    labels,
    ...(writers && { writers }),
    model,
    prompts: { a: prompts, b: b.prompts },
    attributions: a.attributions.map((one, i) => {
      const other = b.attributions[i];
      const left = one.leaveOneOut && other.leaveOneOut && less(one.leaveOneOut, other.leaveOneOut);
      return {
        a: siteOf(one),
        b: siteOf(other),
        scores: less(one.scores, other.scores),
        ...(left && { leaveOneOut: left }),
        ...(one.sources && { sources: one.sources.map((own, s) => bothOf(own, other.sources![s])) }),
        check: lessCheck(one.check, other.check),
      };
    }),
  };
}

function bothOf(a: string, b: string): string {
  return a === b ? a : `${a}/${b}`;
}

function siteOf({ prompt, pos, answer, wrong }: Attribution): ComparedSite {
  return { prompt, pos, answer, wrong };
}

function less(a: Tensor64, b: Tensor64): Tensor64 {
  return { shape: a.shape, data: a.data.map((value, i) => value - b.data[i]) };
}

function lessCheck(a: Check, b: Check): Check {
  const check = {
    sum: a.sum - b.sum,
    rounding: a.rounding - b.rounding,
    bias: a.bias - b.bias,
    logit: a.logit - b.logit,
    error: a.error - b.error,
    bound: a.bound + b.bound,
    roundingBound: a.roundingBound + b.roundingBound,
  };
  return withEntropy(
    check,
    combinedEntropies([a.entropy, b.entropy], ([first, second]) => first - second),
  );
}

/** That a row of one is the same row of the other. */
function expectSameRows(a: AttributionResult, b: AttributionResult): void {
  const differing = a.labels.findIndex((label, i) => label !== b.labels[i]);
  const of = ({ model, unit, axes, labels, prompts }: AttributionResult) => ({
    // the backend is left out: by another one the numbers agree within the bounds
    model: `${model.name} (${model.layers} layers × ${model.heads} heads, dModel ${model.dModel}, dVocab ${model.dVocab})`,
    weights: model.compatibilityMode
      ? `in compatibility mode${model.valueBiases ? ", value biases kept" : ""}`
      : "as trained",
    unit: `"${unit}"`,
    axes: axes.join(" × "),
    "number of rows": String(labels.length),
    labels: differing < 0 ? "" : `"${labels[differing]}"`,
    "number of prompts": String(prompts.length),
  });
  const [first, second] = [of(a), of(b)];
  for (const [what, value] of Object.entries(first))
    expectSame(what, value, second[what as keyof typeof first]);
}

/** That the attributions of a prompt pair with those of the other result's. */
function expectAligned(a: AttributionResult, b: AttributionResult, prompt: number): void {
  const own = (of: AttributionResult) => of.attributions.filter((one) => one.prompt === prompt);
  const [first, second] = [own(a), own(b)];
  const here = `prompt ${prompt}: `;
  if (first.length > 1 || second.length > 1 || first.length !== second.length) {
    const counts = [a, b].map(({ prompts }) => `${prompts[prompt].tokens.length} tokens`);
    expectSame(`${here}length`, counts[0], counts[1], "since several positions pair one by one");
    const positions = [first, second].map((all) => all.map(({ pos }) => pos).join(", "));
    expectSame(`${here}positions`, positions[0], positions[1]);
  }
  for (const [i, one] of first.entries()) {
    expectSame(`${here}target`, kindOf(a, one), kindOf(b, second[i]));
    const [shape, other] = [one, second[i]].map(({ scores }) => scores.shape.slice(1).join(" × "));
    expectSame(`${here}shape of a row`, shape, other, "since sources pair by position");
  }
}

function kindOf({ target }: AttributionResult, { answer, wrong }: Attribution): string {
  if (answer === null) return "a direction";
  const of = `the ${target ?? "logit"} of ${formOf(answer)}`;
  return wrong === null ? of : `${of} less that of ${formOf(wrong)}`;
}

function formOf(answer: AttributedAnswer): string {
  if ("anyOf" in answer) return answer.weights === "mean" ? "a set's mean" : "a set by softmax";
  return "tokens" in answer ? `${answer.tokens.length} tokens` : "a token";
}

function expectSame(what: string, a: string, b: string, why?: string): void {
  if (a === b) return;
  throw new ValueError(
    `compare: ${what}: got ${a} in A and ${b} in B, expected the same${why ? `, ${why}` : ""}. ` +
      "Attribute both with one model and the same options.",
  );
}
