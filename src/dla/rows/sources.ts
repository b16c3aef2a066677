import type { AttentionSplit, ResidualWriter } from "../../model/index.ts";
import type { Accuracy } from "../../tensor/index.ts";
import type { Attributable } from "../attributable.ts";
import { TINY, U32, U64 } from "../roundoff.ts";
import type { ReadSite, Site } from "../site.ts";
import { partRows } from "./parts.ts";
import type { Rows } from "./rows.ts";

/** A head's entries of a pattern are rounded to float32 no more than twice, so their sum is 1 within this. */
const PATTERN_SUM: number = 2 ** -22;

/** How a writer's heads come by what they write; undefined where it has none, or does not say. */
export function attentionOf({ heads }: ResidualWriter): AttentionSplit | undefined {
  return heads?.attention;
}

/** The hooks that `sourceRows` reads, and those of them that it reads at every position. */
export function sourceHooks(model: Attributable): { hooks: string[]; everyPos: string[] } {
  const attentions = model.writers.flatMap((writer) => attentionOf(writer) ?? []);
  const values = attentions.map(({ valueHook }) => valueHook);
  const heads = model.writers.flatMap((writer) => [
    writer.hook,
    ...(writer.heads ? [writer.heads.hook] : []),
  ]);
  return {
    hooks: [...heads, ...attentions.map(({ patternHook }) => patternHook), ...values],
    everyPos: values,
  };
}

/**
 * A head's row divided by the position that it read from, each head along a = W_O[head]·u:
 *
 *   row(head, s) = A[p, s] · (v[s] − k)·a        row(head, bias) = k·a        k = b_V + beta·W_V
 *
 * k is in every value, whatever was read, and the pattern sums to 1: so it counts once. Where a hook made the pattern sum to
 * something else, that many times. Heads that declare no attention, and the remainder, are all `bias`.
 */
export function sourceRows(model: Attributable, sites: readonly ReadSite[]): Rows[] {
  const ofHeads = partRows(model, "head", sites);
  const rows = sites.map(({ site }, i) => {
    const columns = site.pos + 2;
    const scores = new Float64Array(ofHeads[i].scores.length * columns);
    ofHeads[i].scores.forEach((score, row) => {
      scores[(row + 1) * columns - 1] = score;
    });
    return { scores, within: [columns], splitError: ofHeads[i].splitError };
  });
  let first = 0;
  for (const { heads } of model.writers) {
    if (heads?.attention) {
      const { attention, parts, size } = heads;
      const along = readThrough(attention.W_O(), model.config.dModel);
      const k = sourceless(attention);
      for (const [i, { site, u }] of sites.entries()) {
        const { within } = rows[i];
        const into = rows[i].scores.subarray(first * within[0], (first + parts) * within[0]);
        const layer = { attention, z: site.read(heads.hook), a: along(u), k, parts, size, dModel: u.length };
        rows[i].splitError += divideHeads(into, model.accuracy, site, layer);
      }
    }
    first += heads?.parts ?? 0;
  }
  return rows;
}

/** W·u in float64, once for each direction. */
export function readThrough(W: Float32Array, cols: number): (u: Float64Array) => Float64Array {
  const read = new Map<Float64Array, Float64Array>();
  return (u) => {
    const known = read.get(u);
    if (known) return known;
    const out = new Float64Array(W.length / cols);
    for (let k = 0, i = 0; k < out.length; k++) {
      let sum = 0;
      for (let c = 0; c < cols; c++, i++) sum += W[i] * u[c];
      out[k] = sum;
    }
    read.set(u, out);
    return out;
  };
}

/** What a value has of no source: b_V + beta·W_V, [head · size]. */
export function sourceless({ b_V, norm, W_V }: AttentionSplit): Float64Array {
  const k = Float64Array.from(b_V);
  if (norm.beta === null) return k;
  const W = W_V();
  norm.beta.forEach((beta, row) => {
    for (let c = 0; c < k.length; c++) k[c] += beta * W[row * k.length + c];
  });
  return k;
}

/** The heads of one layer at one site. */
interface Layer {
  readonly attention: AttentionSplit;
  /** What the heads mixed of the values, [head · size]. */
  readonly z: Float32Array;
  /** [head · size], the direction as each head's z is read along it. */
  readonly a: Float64Array;
  /** [head · size], what a value has of no source. */
  readonly k: Float64Array;
  readonly parts: number;
  readonly size: number;
  readonly dModel: number;
}

/**
 * Writes each head's scores by source, and its bias last.
 *
 * z is mixed once more in float64, and what it differs by, element by element, counted as far as float32 can have made it.
 *
 * @param into [head, source and bias] written
 * @returns how far their sum may lie from that of the heads' rows, which are read from z
 */
function divideHeads(into: Float64Array, accuracy: Accuracy, site: Site, layer: Layer): number {
  const { attention, z, a, k, parts, size, dModel } = layer;
  const sources = site.pos + 1;
  const gamma = accuracy.accumulation(sources);
  const values = site.sources(attention.valueHook);
  const mixed = new Float64Array(parts * size);
  const magnitudes = new Float64Array(parts * size);
  const patterns = Array.from({ length: parts }, (_, head) => site.pattern(attention.patternHook, head));
  for (let s = 0; s < sources; s++) {
    const v = values(s);
    for (let head = 0, at = 0; head < parts; head++) {
      const weight = patterns[head][s];
      let along = 0;
      for (let d = 0; d < size; d++, at++) {
        along += (v[at] - k[at]) * a[at];
        mixed[at] += weight * v[at];
        magnitudes[at] += Math.abs(weight * v[at]);
      }
      into[head * (sources + 1) + s] = weight * along;
    }
  }
  let error = 0;
  for (let head = 0, at = 0; head < parts; head++) {
    let total = 0;
    for (let s = 0; s < sources; s++) total += patterns[head][s];
    const isWhole = Math.abs(total - 1) <= PATTERN_SUM;
    let bias = 0;
    let lost = 0;
    let terms = 0;
    let factors = 0;
    for (let d = 0; d < size; d++, at++) {
      bias += k[at] * a[at];
      const limit = gamma * magnitudes[at] + U32 * Math.abs(z[at]) + TINY;
      lost += a[at] * Math.max(-limit, Math.min(limit, z[at] - mixed[at]));
      const factor = magnitudes[at] + (Math.abs(total) + 1) * Math.abs(k[at]) + TINY;
      terms += Math.abs(a[at]) * factor;
      factors += factor;
    }
    into[head * (sources + 1) + sources] = isWhole ? bias : total * bias;
    error += Math.abs(lost) + (isWhole ? Math.abs((1 - total) * bias) : 0);
    error += 4 * (sources + size) * U64 * terms; // all of this is in float64, and may underflow
    error += (dModel * factors + 2 * (sources + 1) * size) * Number.MIN_VALUE;
  }
  return error;
}
