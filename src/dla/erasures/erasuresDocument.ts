import { version } from "../../version.ts";
import { erasuresForm } from "../result/forms.ts";
import { expectResult } from "../result/kinds.ts";
import { type Listed, listed } from "../result/listed.ts";
import type { Erasure } from "./erasurePairs.ts";
import type { ErasureResult, PositionErasures } from "./erasures.ts";

/** Erasures as `erasuresToJSON` has them: their arrays as lists. */
export interface ErasureDocument extends Omit<ErasureResult, "attributions"> {
  /** Raised whenever a field changes its meaning or goes. */
  readonly schemaVersion: 1;
  /** The package's. */
  readonly version: string;
  readonly attributions: readonly (Omit<PositionErasures, "scores" | "pairs"> & {
    readonly scores: readonly number[];
    readonly pairs: readonly Listed<Erasure>[];
  })[];
}

/** Erasures as plain data, the document that `logitscope --erasures --format json` prints. */
export function erasuresToJSON(result: ErasureResult): ErasureDocument {
  expectResult("erasuresToJSON", result, "erasures", erasuresForm);
  const { model, unit, threshold, labels, components, prompts, attributions } = result;
  return {
    schemaVersion: 1,
    version,
    model,
    unit,
    threshold,
    labels,
    components,
    prompts,
    attributions: attributions.map(({ scores, pairs, ...rest }) => ({
      ...rest,
      scores: [...scores.data],
      pairs: pairs.map(listed),
    })),
  };
}
