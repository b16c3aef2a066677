import { ValueError } from "../errors.ts";
import type { Tensor64 } from "../tensor/index.ts";
import { version } from "../version.ts";
import type { AttributionResult } from "./result.ts";

/** The mean scores of a result's attributions, and how sure they are. */
export interface MeanScores {
  /** One per label, in units of the logit. */
  readonly scores: Tensor64;
  /** Of the mean, as if attributions were independent, by the sample's standard deviation (n − 1); null for a single one. */
  readonly standardErrors: Tensor64 | null;
}

/** What has scores by label: a result, or a comparison of two. */
export interface Scored {
  readonly labels: readonly string[];
  readonly attributions: readonly { readonly scores: Tensor64 }[];
}

/** The mean over all attributions of a result, score by score. */
export function mean(result: Scored): MeanScores {
  const all = result.attributions.map(({ scores }) => scores.data);
  const { shape } = result.attributions[0].scores;
  const count = all.length;
  const average = all[0].map((_, i) => all.reduce((sum, scores) => sum + scores[i], 0) / count);
  if (count === 1) return { scores: { shape, data: average }, standardErrors: null };
  const errors = average.map((centre, i) => {
    const squares = all.reduce((sum, scores) => sum + (scores[i] - centre) ** 2, 0);
    return Math.sqrt(squares / (count - 1) / count);
  });
  return { scores: { shape, data: average }, standardErrors: { shape, data: errors } };
}

/**
 * The k rows of greatest magnitude, of the mean, greatest first: what pushes against the answer counts as much.
 *
 * @throws ValueError unless k is a whole number
 */
export function top(result: Scored, k: number): { label: string; score: number }[] {
  if (!Number.isInteger(k) || k < 0)
    throw new ValueError(`top: got k ${k}, expected a whole number. Give how many rows.`);
  const { data } = mean(result).scores;
  return result.labels
    .map((label, i) => ({ label, score: data[i] }))
    .sort((a, b) => Math.abs(b.score) - Math.abs(a.score))
    .slice(0, k);
}

/** A result as plain data, the document that `logitscope --format json` prints. */
export function toJSON(result: AttributionResult): AttributionDocument {
  const { unit, axes, labels, model, prompts, attributions } = result;
  const averaged = attributions.length > 1 ? mean(result) : null;
  return {
    schemaVersion: 1,
    version,
    model,
    unit,
    axes,
    labels,
    prompts,
    attributions: attributions.map(({ scores, leaveOneOut, check, ...rest }) => ({
      ...rest,
      scores: [...scores.data],
      ...(leaveOneOut && { leaveOneOut: [...leaveOneOut.data] }),
      check,
    })),
    mean: averaged && {
      scores: [...averaged.scores.data],
      standardErrors: averaged.standardErrors && [...averaged.standardErrors.data],
    },
  };
}

/** A result as `toJSON` has it. Scores are nested by the axes. */
export interface AttributionDocument extends Omit<AttributionResult, "attributions"> {
  /** Raised whenever a field changes its meaning or goes. */
  readonly schemaVersion: 1;
  /** The package's. */
  readonly version: string;
  readonly attributions: readonly (Omit<
    AttributionResult["attributions"][number],
    "scores" | "leaveOneOut"
  > & {
    readonly scores: readonly number[];
    /** Where it was asked for. */
    readonly leaveOneOut?: readonly number[];
  })[];
  readonly mean: {
    readonly scores: readonly number[];
    readonly standardErrors: readonly number[] | null;
  } | null;
}
