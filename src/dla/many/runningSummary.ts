import { ValueError } from "../../errors.ts";
import { describeValue } from "../../model/index.ts";
import { attributionForm } from "../result/forms.ts";
import { expectResult } from "../result/kinds.ts";
import type { AttributionResult } from "../result/result.ts";
import { expectOneShape, type MeanScores } from "../result/summary.ts";
import type { Unit } from "../rows/rows.ts";
import { addSquareTo, addTo, type ExactSum, roundedSum, standardErrorOf } from "./exactSum.ts";

/** The mean of attributions of any number, as `mean` has it, in constant memory. Its sums are exact: the same bits in whatever order they are made. */
export interface RunningSummary {
  /** How many attributions it is of. */
  readonly count: number;
  /** Of its rows; none while it is of nothing. */
  readonly labels: readonly string[];
  /** @throws ValueError for a result of another unit, other rows, or another shape, as those of unit "source" at another position are */
  add(result: AttributionResult): void;
  /** Adds what another summary, or the document of one, is of. @throws ValueError for one of another unit or other rows */
  merge(other: RunningSummary | SummaryDocument): void;
  /** @throws ValueError while it is of nothing */
  mean(): MeanScores;
  /** As plain data, for `merge` on another machine. */
  toJSON(): SummaryDocument;
}

/** A summary as plain data. */
export interface SummaryDocument {
  readonly schemaVersion: 1;
  /** Null while it is of nothing. */
  readonly unit: Unit | null;
  /** Whose rows they are, if not the logit's. */
  readonly target?: "logProbability";
  readonly labels: readonly string[];
  readonly count: number;
  /** The scores' shape, where they have several axes: [row, source, …]. */
  readonly shape?: readonly number[];
  /** For each score, numbers whose sum is the sum of all scores, exactly. */
  readonly sums: readonly (readonly number[])[];
  /** The same of their squares. */
  readonly squares: readonly (readonly number[])[];
}

/** A summary of nothing yet. */
export function runningSummary(): RunningSummary {
  let unit: Unit | null = null;
  let target: SummaryDocument["target"];
  let labels: readonly string[] = [];
  let shape: readonly number[] = [0];
  let count = 0;
  let sums: ExactSum[] = [];
  let squares: ExactSum[] = [];

  function expectSame(
    where: string,
    other: Pick<SummaryDocument, "labels" | "unit" | "target">,
    ofScores: readonly number[],
  ): void {
    if (unit === null) {
      ({ unit, labels, target } = other);
      shape = ofScores;
      sums = Array.from({ length: sizeOf(shape) }, () => []);
      squares = sums.map(() => []);
    }
    const longer = other.labels.length > labels.length ? other.labels : labels;
    const at = longer.findIndex((_, row) => labels[row] !== other.labels[row]);
    if (other.target !== target) {
      const kindOf = (of: SummaryDocument["target"]) => of ?? "logit";
      throw new ValueError(
        `${where}: got rows of a ${kindOf(other.target)}, expected those of a ${kindOf(target)}. Keep one summary for each.`,
      );
    }
    if (other.unit === unit && at === -1) {
      const scores = { shape: ofScores, data: new Float64Array() };
      expectOneShape(where, shape, { labels, attributions: [{ scores }] });
      return;
    }
    const got =
      other.unit === unit
        ? `other rows (${describeValue(other.labels[at])} at ${at})`
        : `unit ${describeValue(other.unit)}`;
    throw new ValueError(
      `${where}: got ${got}, expected unit "${unit}" of the same ${labels.length} rows. Keep one summary for each.`,
    );
  }

  const summary: RunningSummary = {
    get count() {
      return count;
    },
    get labels() {
      return labels;
    },
    add(result) {
      expectResult("summary.add", result, "attribution", attributionForm);
      if (result.attributions.length === 0) return;
      const own = result.attributions[0].scores.shape;
      expectOneShape("summary.add", own, result);
      expectSame("summary.add", result, own);
      for (const { scores } of result.attributions) {
        count++;
        scores.data.forEach((score, i) => {
          addTo(sums[i], score);
          addSquareTo(squares[i], score);
        });
      }
    },
    merge(other) {
      const document = expectDocument(isSummary(other) ? other.toJSON() : other);
      if (document.unit === null) return;
      expectSame("summary.merge", document, document.shape ?? [document.labels.length]);
      count += document.count;
      document.sums.forEach((sum, i) => {
        for (const part of sum) addTo(sums[i], part);
        for (const part of document.squares[i]) addTo(squares[i], part);
      });
    },
    mean() {
      if (count === 0)
        throw new ValueError("summary.mean: got no attribution, expected at least one. Add some.");
      const data = Float64Array.from(sums, (sum) => roundedSum(sum) / count);
      if (count === 1) return { scores: { shape, data }, standardErrors: null };
      const errors = Float64Array.from(sums, (sum, i) => standardErrorOf(sum, squares[i], count));
      return { scores: { shape, data }, standardErrors: { shape, data: errors } };
    },
    toJSON() {
      const copy = (all: readonly ExactSum[]) => all.map((sum) => [...sum]);
      return {
        schemaVersion: 1,
        unit,
        ...(target && { target }),
        labels,
        count,
        ...(shape.length > 1 && { shape }),
        sums: copy(sums),
        squares: copy(squares),
      };
    },
  };
  return summary;
}

function isShape(shape: unknown, rows: number): boolean {
  return (
    Array.isArray(shape) && shape[0] === rows && shape.every((size) => Number.isSafeInteger(size) && size > 0)
  );
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isSummary(other: RunningSummary | SummaryDocument): other is RunningSummary {
  return typeof (other as RunningSummary | null)?.toJSON === "function";
}

/** @throws ValueError unless it is a summary's document: it may come from anywhere */
function expectDocument(document: SummaryDocument): SummaryDocument {
  const { schemaVersion, unit, target, labels, count, shape, sums, squares } = Object(
    document,
  ) as SummaryDocument;
  // by findIndex, which stops at a hole
  const isList = (all: unknown, isIt: (item: never) => boolean): boolean =>
    Array.isArray(all) && all.findIndex((item) => !isIt(item as never)) === -1;
  const isSums = (all: unknown): boolean =>
    isList(all, (sum) => isList(sum, Number.isFinite)) &&
    (all as unknown[]).length === (shape === undefined ? labels.length : sizeOf(shape));
  const isOne =
    schemaVersion === 1 &&
    (unit === null || typeof unit === "string") &&
    (target === undefined || target === "logProbability") &&
    isList(labels, (label) => typeof label === "string") &&
    Number.isSafeInteger(count) &&
    count >= 0 &&
    (shape === undefined || isShape(shape, labels.length)) &&
    isSums(sums) &&
    isSums(squares);
  if (isOne) return document;
  throw new ValueError(
    `summary.merge: got ${describeValue(document)}, expected a summary or what its toJSON gives. Is it another file?`,
  );
}
