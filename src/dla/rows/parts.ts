import type { LinearSplit, ResidualWriter, SplitReading } from "../../model/index.ts";
import type { Accuracy } from "../../tensor/index.ts";
import type { Attributable } from "../attributable.ts";
import { TINY, U32, U64 } from "../roundoff.ts";
import type { ReadSite } from "../site.ts";
import { concatenated, dot, joined } from "../vectors.ts";
import type { Rows } from "./rows.ts";

/** The units that divide what a writer writes. */
export type PartUnit = "head" | "neuron" | "full";

/** How a unit divides what a writer writes; undefined where it leaves it whole. */
export function splitOf({ heads, neurons }: ResidualWriter, unit: string): LinearSplit | undefined {
  if (unit === "head") return heads;
  if (unit === "neuron") return neurons;
  return unit === "full" ? (heads ?? neurons) : undefined;
}

/**
 * A head's row is (z W_O)·u, a neuron's (post W_out)·u, read without making anything of shape [part, dModel]: writer by
 * writer, all sites at once. What is not divided is the biases of what is, and the other writers.
 */
export function partRows(model: Attributable, unit: PartUnit, sites: readonly ReadSite[]): Rows[] {
  const rows = sites.map(() => ({
    heads: [] as Float64Array[],
    neurons: [] as Float64Array[],
    whole: [] as number[],
    bias: 0,
    remainder: 0, // all that is not divided, in the order of the writers
    splitError: 0,
  }));
  for (const writer of model.writers) {
    const split = splitOf(writer, unit);
    if (!split) {
      for (const [i, { site, u }] of sites.entries()) {
        const row = dot(u, site.read(writer.hook));
        rows[i].whole.push(row);
        rows[i].remainder += row;
      }
      continue;
    }
    const activations = joined(
      Float32Array,
      sites.map(({ site }) => site.read(split.hook)),
    );
    const directions = joined(
      Float64Array,
      sites.map(({ u }) => u),
    );
    const reading = split.read(activations, directions);
    for (const [i, { site, u }] of sites.entries()) {
      const scores = reading.scores.subarray(i * split.parts, (i + 1) * split.parts);
      rows[i][split === writer.heads ? "heads" : "neurons"].push(scores);
      const bias = dot(u, split.bias);
      rows[i].bias += bias;
      rows[i].remainder += bias;
      rows[i].splitError += productError(model.accuracy, u, site.read(writer.hook), split, reading, i);
    }
  }
  return rows.map(({ heads, neurons, whole, bias, remainder, splitError }) => {
    const rest = unit === "full" ? [...whole, bias] : [remainder];
    return { scores: concatenated([...heads, ...neurons, Float64Array.from(rest)]), splitError };
  });
}

/** activation[first …]·W[first …], [dModel]: what one part writes. */
export function partWrite(
  activation: Float32Array | Float64Array,
  W: Float32Array,
  first: number,
  size: number,
): Float64Array {
  const dModel = W.length / activation.length;
  const write = new Float64Array(dModel);
  for (let k = first, at = first * dModel; k < first + size; k++)
    for (let i = 0; i < dModel; i++, at++) write[i] += activation[k] * W[at];
  return write;
}

/**
 * What a float32 write = activation·W + bias lost along u. The write is computed once more in float64, and the
 * difference, element by element, counted as far as float32 can have made it: no more than γ's bound.
 *
 * @param row of the reading
 */
function productError(
  accuracy: Accuracy,
  u: Float64Array,
  write: Float32Array,
  { bias, parts, size: partSize }: LinearSplit,
  { writes, magnitudes }: SplitReading,
  row: number,
): number {
  const inner = parts * partSize;
  const gamma = accuracy.accumulation(inner);
  let lost = 0;
  let size = 0;
  for (let i = 0, at = row * u.length; i < u.length; i++, at++) {
    const summed = (1 + 2 ** -9) * magnitudes[at] + Math.abs(bias[i]);
    const limit = gamma * summed + U32 * Math.abs(write[i]) + TINY;
    lost += u[i] * Math.max(-limit, Math.min(limit, write[i] - bias[i] - writes[at]));
    size += Math.abs(u[i]) * (summed + Math.abs(write[i]) + TINY);
  }
  // the rows, this sum and the product that it compares with are in float64
  return Math.abs(lost) + 4 * (inner + u.length) * U64 * size;
}
