import { version } from "../../version.ts";
import { ablationForm } from "../result/forms.ts";
import { expectResult } from "../result/kinds.ts";
import { type Listed, listed } from "../result/listed.ts";
import type { AblationResult, PositionEffects } from "./ablation.ts";

/** The effects of ablations as `ablationToJSON` has them: their arrays as lists. */
export interface AblationDocument extends Omit<AblationResult, "attributions"> {
  /** Raised whenever a field changes its meaning or goes. */
  readonly schemaVersion: 1;
  /** The package's. */
  readonly version: string;
  readonly attributions: readonly Listed<PositionEffects>[];
}

/** The effects of ablations as plain data, the document that `logitscope --ablate zero --format json` prints. */
export function ablationToJSON(result: AblationResult): AblationDocument {
  expectResult("ablationToJSON", result, "ablation", ablationForm);
  const { model, unit, ablate, at, labels, prompts, attributions } = result;
  return {
    schemaVersion: 1,
    version,
    model,
    unit,
    ablate,
    at,
    labels,
    prompts,
    attributions: attributions.map(listed),
  };
}
