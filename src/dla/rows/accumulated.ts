import { CheckError } from "../../errors.ts";
import type { FinalNorm } from "../../model/index.ts";
import type { Attributable } from "../attributable.ts";
import { U32, U64 } from "../roundoff.ts";
import type { Site } from "../site.ts";
import { average } from "../vectors.ts";
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
 *   out = gamma ⊙ (x − mean(x)) / scale + beta      scale as `momentsOf` unless it is given
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
  const { mean, scale: own } = momentsOf(norm, x);
  const scale = given ?? own;
  for (let i = 0; i < x.length; i++) {
    out[i] = ((x[i] - mean) / scale) * (gamma?.[i] ?? 1) + (beta?.[i] ?? 0);
  }
}

/** mean(x), 0 where the norm does not centre, and scale = sqrt(mean((x − mean)²) + eps), in float64. */
function momentsOf({ centred, eps }: FinalNorm, x: Float32Array): { mean: number; scale: number } {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i];
  const mean = centred ? sum / x.length : 0;
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += (x[i] - mean) ** 2;
  return { mean, scale: Math.sqrt(squares / x.length + eps) };
}

/**
 * That the norm computed anew is the model's: its scale as captured is that of the residual stream as captured, as far as the
 * model's arithmetic allows. A scale is off by no more than its mean is, by half of what the sum of squares is, and by
 * what its deviations, the root and float32 round; and the one here by float64's share of these.
 *
 * @throws CheckError where it is not: for a hook on the scale, or a model that declares another `eps` than it runs with
 */
export function expectOwnScale(where: string, { finalNorm, accuracy }: Attributable, site: Site): void {
  const x = site.read(finalNorm.inputHook);
  const [captured] = site.read(finalNorm.scaleHook);
  const { scale } = momentsOf(finalNorm, x);
  const own = (x.length + 2) * U64;
  const meanError = finalNorm.centred ? (accuracy.mean(x.length) + own) * average(x, Math.abs) : 0;
  const bound =
    (accuracy.accumulation(x.length) / 2 + accuracy.normalization + 4 * U32 + own) * scale + meanError;
  if (Math.abs(captured - scale) <= bound) return;
  throw new CheckError(
    `${where}: got scale ${captured} in ${finalNorm.scaleHook}, expected ${scale} within ${bound}, which is that of ` +
      `${finalNorm.inputHook} with eps ${finalNorm.eps}: the norm computed anew would not be the model's. ` +
      "Run without hooks on the scale, and let a model of your own declare the eps that it runs with.",
  );
}
