import { version } from "../../version.ts";
import { ablationForm } from "../result/forms.ts";
import { expectResult } from "../result/kinds.ts";
import { type Listed, listed } from "../result/listed.ts";
import type { MeanScores } from "../result/summary.ts";
import {
  type AblationResult,
  effectNames,
  type MeanEffects,
  meanEffects,
  type PositionEffects,
} from "./effects.ts";

/** An effect's mean as `ablationToJSON` has it. */
export interface MeanEffectDocument {
  readonly scores: readonly number[];
  readonly standardErrors: readonly number[] | null;
}

/** The effects of ablations as `ablationToJSON` has them: their arrays as lists. */
export interface AblationDocument extends Omit<AblationResult, "attributions"> {
  /** Raised whenever a field changes its meaning or goes. */
  readonly schemaVersion: 1;
  /** The package's. */
  readonly version: string;
  readonly attributions: readonly Listed<PositionEffects>[];
  /** Over all attributions; null of a single one. */
  readonly mean: { readonly [Effect in keyof MeanEffects]: MeanEffectDocument } | null;
}

/** The effects of ablations as plain data, the document that `logitscope --ablate zero --format json` prints. */
export function ablationToJSON(result: AblationResult): AblationDocument {
  expectResult("ablationToJSON", result, "ablation", ablationForm);
  const { model, unit, ablate, at, scale, labels, prompts, attributions } = result;
  return {
    schemaVersion: 1,
    version,
    model,
    unit,
    ablate,
    at,
    scale,
    labels,
    prompts,
    attributions: attributions.map(listed),
    mean: attributions.length > 1 ? meanDocument(meanEffects(result)) : null,
  };
}

function meanDocument(means: MeanEffects): AblationDocument["mean"] {
  const lists = ({ scores, standardErrors }: MeanScores): MeanEffectDocument => ({
    scores: [...scores.data],
    standardErrors: standardErrors && [...standardErrors.data],
  });
  return Object.fromEntries(
    effectNames.map((effect) => [effect, lists(means[effect])]),
  ) as AblationDocument["mean"];
}
