import { CheckError } from "../errors.ts";
import type { FinalNorm } from "../model/index.ts";
import type { Attributable } from "./attributable.ts";
import { TINY, U32, U64 } from "./roundoff.ts";
import type { Site } from "./site.ts";
import { average } from "./vectors.ts";

/** mean(x), 0 where the norm does not centre, and variance = mean((x − mean)²) + eps, whose root is the scale; in float64. */
export function momentsOf({ centred, eps }: FinalNorm, x: Float32Array): { mean: number; variance: number } {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i];
  const mean = centred ? sum / x.length : 0;
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += (x[i] - mean) ** 2;
  return { mean, variance: squares / x.length + eps };
}

/**
 * That the norm computed anew is the model's: its scale as captured is that of the residual stream as captured, within what the
 * model's accuracy allows. Of `eps` it shows what matters at that stream: beside a far smaller one it may matter more. A scale is off by no more than its mean is, by half of what the sum of squares is, and by
 * what its deviations, the root and float32 round; and the one here by float64's share of these.
 *
 * @throws CheckError where it is not, or no norm is declared: for a hook on the scale, or a model that declares another `eps` than it runs with
 */
export function expectOwnScale(where: string, { finalNorm, accuracy }: Attributable, site: Site): void {
  const x = site.read(finalNorm.inputHook);
  const [captured] = site.read(finalNorm.scaleHook);
  const scale = Math.sqrt(momentsOf(finalNorm, x).variance);
  const own = (x.length + 2) * U64;
  const meanError = finalNorm.centred ? (accuracy.mean(x.length) + own) * average(x, Math.abs) : 0;
  const bound =
    (accuracy.accumulation(x.length) / 2 + accuracy.normalization + 4 * U32 + own) * scale + meanError + TINY;
  if (Math.abs(captured - scale) <= bound) return;
  if (Number.isNaN(finalNorm.eps)) {
    throw new CheckError(
      `${where}: got a model with eps NaN, expected a norm to compute anew. Ask for rows, or for the frozen scale.`,
    );
  }
  throw new CheckError(
    `${where}: got scale ${captured} in ${finalNorm.scaleHook}, expected ${scale} within ${bound}, which is that of ` +
      `${finalNorm.inputHook} with eps ${finalNorm.eps}: the norm computed anew would not be the model's. ` +
      "Run without hooks on the scale, and let a model of your own declare the eps that it runs with.",
  );
}
