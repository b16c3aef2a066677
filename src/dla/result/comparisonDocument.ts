import { version } from "../../version.ts";
import type { ComparedAttribution, Comparison } from "./compare.ts";
import { comparisonForm } from "./forms.ts";
import { expectResult } from "./kinds.ts";
import { type NestedScores, nested } from "./summary.ts";

/** A comparison as `comparisonToJSON` has it: its scores as lists. */
export interface ComparisonDocument extends Omit<Comparison, "attributions"> {
  /** Raised whenever a field changes its meaning or goes. */
  readonly schemaVersion: 1;
  /** The package's. */
  readonly version: string;
  readonly attributions: readonly (Omit<ComparedAttribution, "scores" | "leaveOneOut"> & {
    readonly scores: NestedScores;
    readonly leaveOneOut?: readonly number[];
  })[];
}

/** A comparison as plain data, the document that `logitscope --compare --format json` prints. */
export function comparisonToJSON(comparison: Comparison): ComparisonDocument {
  expectResult("comparisonToJSON", comparison, "comparison", comparisonForm);
  const { model, unit, target, axes, labels, writers, prompts, attributions } = comparison;
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
    attributions: attributions.map(({ scores, leaveOneOut, check, ...sites }) => ({
      ...sites,
      scores: nested(scores),
      ...(leaveOneOut && { leaveOneOut: [...leaveOneOut.data] }),
      check,
    })),
  };
}
