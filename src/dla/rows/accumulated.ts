import type { FinalNorm } from "../../model/index.ts";
import type { Attributable } from "../attributable.ts";
import { momentsOf } from "../normScale.ts";
import type { Site } from "../site.ts";
import { cumulativeLabels } from "./rows.ts";

/**
 * The residual stream after each writer that has a name there, as the model has it: each write is added in float32.
 *
 * @returns one row per label of unit "layer", each [dModel]
 */
export function accumulatedRows(model: Attributable, site: Site): Float32Array[] {
  const labels = cumulativeLabels(model.writers);
  const x = new Float32Array(model.config.dModel);
  return model.writers.flatMap((writer, k) => {
    const write = site.read(writer.hook);
    for (let i = 0; i < x.length; i++) x[i] += write[i];
    return labels[k] === null ? [] : [x.slice()];
  });
}

/**
 * A row through the final norm, in float64:
 *
 *   out = gamma ⊙ (x − mean(x)) / scale + beta      scale of `momentsOf` unless it is given
 *
 * without the mean where the norm does not centre.
 *
 * @param out [dModel] written, rounded once where it is float32
 */
export function normalizeRow(
  out: Float32Array | Float64Array,
  norm: FinalNorm,
  x: Float32Array,
  given: number | null,
): void {
  const { gamma, beta } = norm;
  const { mean, variance } = momentsOf(norm, x);
  const scale = given ?? Math.sqrt(variance);
  for (let i = 0; i < x.length; i++) {
    out[i] = ((x[i] - mean) / scale) * (gamma?.[i] ?? 1) + (beta?.[i] ?? 0);
  }
}
