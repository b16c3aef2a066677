import { describe, ValueError } from "../../errors.ts";
import type { Tensor64 } from "../../tensor/index.ts";
import { version } from "../../version.ts";
import { list, object, optional, tensor64, text } from "./fits.ts";
import { attributionForm } from "./forms.ts";
import { expectKind, expectResult } from "./kinds.ts";
import { scoreName } from "./names.ts";
import type { Attribution, AttributionResult } from "./result.ts";

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
  readonly attributions: readonly (Pick<Attribution, "scores"> & Partial<Pick<Attribution, "sources">>)[];
}

/** Whether all have scores of one shape: else they have no mean. */
export function haveOneShape({ attributions }: Scored): boolean {
  return new Set(attributions.map(({ scores }) => scores.shape.join())).size === 1;
}

/** @throws ValueError for scores of another shape than this one */
export function expectOneShape(where: string, shape: readonly number[], { attributions }: Scored): void {
  const other = attributions.find(({ scores }) => scores.shape.join() !== shape.join());
  if (other === undefined) return;
  throw new ValueError(
    `${where}: got scores of shapes [${shape.join(", ")}] and [${other.scores.shape.join(", ")}], expected one shape. ` +
      "Take the mean of attributions that have as many source positions.",
  );
}

/**
 * The mean over all attributions of a result, score by score.
 *
 * @throws ValueError for attributions of several shapes, as those of unit "source" at several positions are; for none; and for
 *   what is neither a result nor a comparison
 */
export function mean(result: Scored): MeanScores {
  expectScored("mean", result);
  const all = result.attributions.map(({ scores }) => scores.data);
  const { shape } = result.attributions[0].scores;
  expectOneShape("mean", shape, result);
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
 * @throws ValueError unless k is a whole number, and where there is no mean
 */
export function top(result: Scored, k: number): { label: string; score: number }[] {
  expectScored("top", result);
  if (!Number.isInteger(k) || k < 0)
    throw new ValueError(`top: got k ${describe(k)}, expected a whole number. Give how many rows.`);
  const { data } = mean(result).scores;
  return Array.from(data.keys())
    .sort((a, b) => Math.abs(data[b]) - Math.abs(data[a]))
    .slice(0, k)
    .map((i) => ({ label: scoreName(result, result.attributions, i), score: data[i] }));
}

function expectScored(where: string, result: Scored): void {
  expectKind(where, result, ["attribution", "comparison"]);
  const form = object({
    labels: list(text),
    attributions: list(object({ scores: tensor64, sources: optional(list(text)) })),
  });
  const misfit = form(result);
  if (misfit === undefined && result.attributions.length > 0) return;
  const got = misfit ? `result${misfit.path}: got ${describe(misfit.value)}` : "got no attribution";
  throw new ValueError(`${where}: ${got}, expected scores. Give a result with one attribution at least.`);
}

/** A result as plain data, the document that `logitscope --format json` prints. */
export function toJSON(result: AttributionResult): AttributionDocument {
  expectResult("toJSON", result, "attribution", attributionForm);
  return attributionDocument(result);
}

/** `toJSON` of a result that is known to be one: a sweep makes thousands and looks at none again. */
export function attributionDocument(result: AttributionResult): AttributionDocument {
  const { unit, target, axes, labels, writers, model, prompts, attributions } = result;
  const averaged = attributions.length > 1 && haveOneShape(result) ? mean(result) : null;
  return {
    schemaVersion: 1,
    version,
    model,
    unit,
    ...(target && { target }),
    axes,
    labels,
    ...(writers && { writers }),
    prompts,
    attributions: attributions.map(documentOf),
    mean: averaged && {
      scores: nested(averaged.scores),
      standardErrors: averaged.standardErrors && nested(averaged.standardErrors),
    },
  };
}

function documentOf({
  scores,
  leaveOneOut,
  sources,
  check,
  tokens,
  ...rest
}: Attribution): AttributedDocument {
  return {
    ...rest,
    scores: nested(scores),
    ...(leaveOneOut && { leaveOneOut: [...leaveOneOut.data] }),
    ...(sources && { sources }),
    check,
    ...(tokens && { tokens: tokens.map(documentOf) }),
  };
}

/** The numbers of a tensor, in lists within lists where it has several axes. */
export function nested({ shape, data }: Tensor64): NestedScores {
  const [count, ...inner] = shape;
  if (inner.length === 0) return [...data];
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) =>
    nested({ shape: inner, data: data.subarray(i * size, (i + 1) * size) }),
  );
}

/** One number per label; of several axes, lists of these. */
export type NestedScores = readonly number[] | readonly NestedScores[];

/** An attribution as `toJSON` has it. */
export interface AttributedDocument extends Omit<Attribution, "scores" | "leaveOneOut" | "tokens"> {
  readonly scores: NestedScores;
  /** Where it was asked for. */
  readonly leaveOneOut?: readonly number[];
  /** Of an answer of several tokens, each one's. */
  readonly tokens?: readonly AttributedDocument[];
}

/** A result as `toJSON` has it. Scores are nested by the axes. */
export interface AttributionDocument extends Omit<AttributionResult, "attributions"> {
  /** Raised whenever a field changes its meaning or goes. */
  readonly schemaVersion: 1;
  /** The package's. */
  readonly version: string;
  readonly attributions: readonly AttributedDocument[];
  readonly mean: {
    readonly scores: NestedScores;
    readonly standardErrors: NestedScores | null;
  } | null;
}
