import { ValueError } from "../errors.ts";
import type { FinalNorm } from "../model/index.ts";
import type { Attributable } from "./attributable.ts";
import type { Unit } from "./rows.ts";
import type { ReadSite } from "./site.ts";

/** Any array of float32 or float64. */
type Numbers = Float32Array | Float64Array;

/** A site at which something may take the place of what is left out: an activation by its hook, as a site gives it. */
export interface LeavingSite extends ReadSite {
  readonly instead?: (hook: string) => Float32Array;
}

/** @throws ValueError for a unit whose rows cannot be left out one by one */
export function expectLeavable(where: string, unit: Unit): void {
  if (unit === "component" || unit === "head") return;
  const why =
    unit === "layer" ? "; a running residual holds all that came before, so none of its rows can be out" : "";
  throw new ValueError(
    `${where}: got leaveOneOut with unit "${unit}", expected unit "component" or "head"${why}. Leave the option out.`,
  );
}

/**
 * The exact change of the logit (difference) that each row's write makes in the final residual stream x, the norm
 * computed anew without it:
 *
 *   loo(c) = u·x / σ(x) − u·(x − c) / σ(x − c),   σ(x) = √(‖Px‖² / dModel + eps),  P = 1 where the norm does not centre
 *
 * which is L − (L − a(c))·σ/σ₋, so loo(c) − a(c) is what the scale adds. Not linear: these do not sum to the logit.
 * Both scales are float64's, of the residual as captured, so what wrote nothing changes nothing. x − c is made
 * before it is squared: ‖x‖² − 2x·c + ‖c‖² would cancel where c is nearly all of x.
 *
 * Where something takes the place of c, x − c + c′ is what the norm is computed of.
 *
 * A head's write z·W_O is made for one head at one site at a time, never [head, dModel].
 *
 * @returns of each site [rows], in units of the logit
 * @see Rushing and Nanda, Explorations of Self-Repair in Language Models, arXiv 2402.15390, on what LayerNorm's scale does
 */
export function leaveOneOutRows(
  model: Attributable,
  unit: Unit,
  sites: readonly LeavingSite[],
): Float64Array<ArrayBuffer>[] {
  const { finalNorm, writers, config } = model;
  const nothing = new Float32Array(config.dModel);
  const places = sites.map(({ site, u, instead }) => {
    const x = site.read(finalNorm.inputHook);
    const whole = readWithout(finalNorm, u, x, nothing);
    const loo = (write: Numbers) => whole - readWithout(finalNorm, u, x, write);
    const taken = (hook: string) => less(site.read(hook), instead?.(hook));
    return { site, taken, loo, scores: [] as number[], remainder: new Float64Array(config.dModel) };
  });
  for (const { hook, heads } of writers) {
    if (unit === "component") {
      for (const { taken, loo, scores } of places) scores.push(loo(taken(hook)));
    } else if (heads) {
      const W = heads.weights();
      for (const { taken, loo, scores, remainder } of places) {
        const activation = taken(heads.hook);
        for (let part = 0; part < heads.parts; part++)
          scores.push(loo(partWrite(activation, W, part * heads.size, heads.size)));
        addTo(remainder, heads.bias);
      }
    } else {
      for (const { site, remainder } of places) addTo(remainder, site.read(hook));
    }
  }
  return places.map(({ loo, scores, remainder }) =>
    Float64Array.from(unit === "head" ? [...scores, loo(remainder)] : scores),
  );
}

/** u·(x − c) / σ(x − c): what is read of the residual stream without c. Of nothing, 0, whatever eps. */
function readWithout(norm: FinalNorm, u: Float64Array, x: Float32Array, c: Numbers): number {
  const size = x.length;
  let mean = 0;
  if (norm.centred) {
    for (let i = 0; i < size; i++) mean += x[i] - c[i];
    mean /= size;
  }
  let squares = 0;
  let product = 0;
  for (let i = 0; i < size; i++) {
    const deviation = x[i] - c[i] - mean;
    squares += deviation * deviation;
    product += u[i] * deviation;
  }
  return squares === 0 ? 0 : product / Math.sqrt(squares / size + norm.eps);
}

/** activation[first …]·W[first …], [dModel]: what one part writes. */
function partWrite(activation: Numbers, W: Float32Array, first: number, size: number): Float64Array {
  const dModel = W.length / activation.length;
  const write = new Float64Array(dModel);
  for (let k = first, at = first * dModel; k < first + size; k++)
    for (let i = 0; i < dModel; i++, at++) write[i] += activation[k] * W[at];
  return write;
}

/** In float64, so that nothing is rounded before it is read. */
function less(a: Float32Array, b: Float32Array | undefined): Numbers {
  return b ? Float64Array.from(a, (value, i) => value - b[i]) : a;
}

function addTo(sum: Float64Array, write: Numbers): void {
  for (let i = 0; i < sum.length; i++) sum[i] += write[i];
}
