import { ValueError } from "../../errors.ts";
import type { Attributable } from "../attributable.ts";
import { splitOf } from "../rows/parts.ts";
import type { Unit } from "../rows/rows.ts";
import type { ReadSite } from "../site.ts";
import { concatenated } from "../vectors.ts";
import { neuronChanges, partChanges } from "./partChanges.ts";
import { changeWithout, type Numbers, streamAt } from "./withoutWrite.ts";

/** A site at which something may take the place of a component or head left out: an activation by its hook, as a site gives it. */
export interface LeavingSite extends ReadSite {
  readonly instead?: (hook: string) => Float32Array;
}

/** @throws ValueError for a unit whose rows cannot be left out one by one */
export function expectLeavable(where: string, unit: Unit): void {
  if (unit === "component" || unit === "head" || unit === "neuron" || unit === "full") return;
  const why =
    unit === "layer" ? "; a running residual holds all that came before, so none of its rows can be out" : "";
  throw new ValueError(
    `${where}: got leaveOneOut with unit "${unit}", expected unit "component", "head", "neuron" or "full"${why}. ` +
      "Leave the option out.",
  );
}

/**
 * The exact change of the logit (difference) if each row's write were taken out of the final residual stream x and the
 * norm computed anew:
 *
 *   loo(c) = u·(x − c) / σ(x − c) − u·x / σ(x),   σ(x) = √(‖Px‖² / dModel + eps),  P = 1 where the norm does not centre
 *
 * It is negative where leaving c out lowers the logit. It is (L − a(c))·σ/σ₋ − L, so loo(c) + a(c) is what the scale adds.
 * Not linear: these do not sum to the logit. Both scales are float64's, of the residual as captured, so what wrote
 * nothing changes nothing. x − c is made before it is squared where ‖x‖² − 2x·c + ‖c‖² would cancel, c being nearly all of x.
 *
 * The norm is computed of x − c + c′ where something takes the place of c.
 *
 * A head's write z·W_O is made for one head at one site at a time, never [head, dModel]; a neuron's, a multiple of a
 * row of W_out, hardly ever: see `neuronChanges`.
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
  const places = sites.map(({ site, u, instead }) => ({
    site,
    instead,
    stream: streamAt(finalNorm, u, site.read(finalNorm.inputHook)),
    heads: [] as Float64Array[],
    neurons: [] as Float64Array[],
    whole: [] as number[],
    rest: new Float64Array(config.dModel), // what the last row is of
  }));
  const streams = places.map(({ stream }) => stream);
  for (const writer of writers) {
    const split = splitOf(writer, unit);
    if (split) {
      const changes =
        split === writer.neurons && split.size === 1
          ? neuronChanges(
              finalNorm,
              split,
              streams,
              places.map(({ site }) => site.read(split.hook)),
            )
          : partChanges(
              finalNorm,
              split,
              streams,
              places.map(({ site, instead }) => less(site.read(split.hook), instead?.(split.hook))),
            );
      for (const [i, { heads, neurons, rest }] of places.entries()) {
        (split === writer.heads ? heads : neurons).push(changes[i]);
        addTo(rest, split.bias);
      }
    } else {
      for (const { site, instead, stream, whole, rest } of places) {
        const write = site.read(writer.hook);
        if (unit === "head" || unit === "neuron") addTo(rest, write);
        else whole.push(changeWithout(finalNorm, stream, less(write, instead?.(writer.hook))));
      }
    }
  }
  return places.map(({ stream, heads, neurons, whole, rest }) => {
    const last = unit === "component" ? whole : [...whole, changeWithout(finalNorm, stream, rest)];
    return concatenated([...heads, ...neurons, Float64Array.from(last)]);
  });
}

/** In float64, so that nothing is rounded before it is read. */
function less(a: Float32Array, b: Float32Array | undefined): Numbers {
  return b ? Float64Array.from(a, (value, i) => value - b[i]) : a;
}

function addTo(sum: Float64Array, write: Numbers): void {
  for (let i = 0; i < sum.length; i++) sum[i] += write[i];
}
