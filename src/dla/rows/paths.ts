import { type AttentionSplit, type ResidualWriter, throughNorm } from "../../model/index.ts";
import type { Accuracy } from "../../tensor/index.ts";
import type { Attributable } from "../attributable.ts";
import type { ReadSite, Site } from "../site.ts";
import { type HeadReading, streamErrors, valueError } from "./pathError.ts";
import type { Rows } from "./rows.ts";
import { attentionOf, readThrough, sourceHooks, sourceRows } from "./sources.ts";

/** What a source's score is divided into: what each writer wrote there, what float32 lost, and what nobody wrote. */
export function pathWriters({ writers }: Attributable): string[] {
  return [...writers.map(({ label }) => label), "rounding", "bias"];
}

/** The hooks that `pathRows` reads, and those of them that it reads at every position. */
export function pathHooks(model: Attributable): { hooks: string[]; everyPos: string[] } {
  const { hooks, everyPos } = sourceHooks(model);
  const last = model.writers.findLastIndex(attentionOf);
  const read = model.writers.slice(0, last).map(({ hook }) => hook);
  const scales = model.writers.flatMap((writer) => attentionOf(writer)?.norm.scaleHook ?? []);
  return { hooks: [...hooks, ...scales], everyPos: [...everyPos, ...read, ...scales] };
}

/**
 * A head's score of a source divided by who wrote what was read there, the pattern and the norm's scale held as they were:
 *
 *   row(head, s, w) = A[p, s] · c_w[s]·g / scale[s]        g = P(gamma ⊙ W_V[head] W_O[head] u)
 *
 * for every writer before the layer. `rounding` is what is left of the source's score, as far as float32 can have made it: what
 * is left beyond that is in no row, so that the check fails. What is not divided is `bias`.
 */
export function pathRows(model: Attributable, sites: readonly ReadSite[]): Rows[] {
  const { writers } = model;
  const depth = writers.length + 2;
  const rows = sourceRows(model, sites).map(({ scores, within = [], splitError }) => {
    const divided = new Float64Array(scores.length * depth);
    scores.forEach((score, i) => {
      divided[(i + 1) * depth - 1] = score;
    });
    return { scores: divided, within: [...within, depth], splitError };
  });
  let first = 0;
  for (const [index, { heads }] of writers.entries()) {
    if (heads?.attention) {
      const { attention, parts } = heads;
      const earlier = writers.slice(0, index);
      const read = readValues(attention, parts, model.config.dModel);
      for (const [i, { site, u }] of sites.entries()) {
        const perHead = rows[i].within[0] * depth;
        const into = rows[i].scores.subarray(first * perHead, (first + parts) * perHead);
        divideSources(into, model.accuracy, site, attention, earlier, read(u));
      }
    }
    first += heads?.parts ?? 0;
  }
  return rows;
}

/** The heads' readings of a direction, made once for each. */
function readValues(
  attention: AttentionSplit,
  parts: number,
  dModel: number,
): (u: Float64Array) => HeadReading[] {
  const along = readThrough(attention.W_O(), dModel);
  const W = attention.W_V();
  const width = W.length / dModel;
  const size = width / parts;
  const known = new Map<Float64Array, HeadReading[]>();
  return (u) => {
    const made = known.get(u);
    if (made) return made;
    const readings = Array.from({ length: parts }, (_, head) => {
      const a = along(u).subarray(head * size, (head + 1) * size);
      const reads = new Float64Array(dModel);
      const terms = new Float64Array(dModel);
      for (let i = 0; i < dModel; i++) {
        let read = 0;
        let term = 0;
        for (let d = 0, at = i * width + head * size; d < size; d++, at++) {
          const product = W[at] * a[d];
          read += product;
          term += Math.abs(product);
        }
        reads[i] = read;
        terms[i] = term;
      }
      const g = throughNorm(attention.norm, reads);
      return { a, g, size: g.map(Math.abs), reads: reads.map(Math.abs), terms };
    });
    known.set(u, readings);
    return readings;
  };
}

/**
 * One layer's heads at one site.
 *
 * @param into [head, source and bias, writer, rounding and bias] the sources' scores under bias; written
 */
function divideSources(
  into: Float64Array,
  accuracy: Accuracy,
  site: Site,
  attention: AttentionSplit,
  earlier: readonly ResidualWriter[],
  heads: readonly HeadReading[],
): void {
  const sources = site.pos + 1;
  const depth = into.length / (heads.length * (sources + 1));
  const writes = earlier.map(({ hook }) => site.sources(hook));
  const scales = site.sources(attention.norm.scaleHook);
  const values = site.sources(attention.valueHook);
  const errorsOf = streamErrors(accuracy, attention, heads[0].g.length);
  const patterns = heads.map((_, head) => site.pattern(attention.patternHook, head));
  for (let s = 0; s < sources; s++) {
    const [scale] = scales(s);
    const written = writes.map((write) => write(s));
    const stream = errorsOf(written, scale);
    const v = values(s);
    for (const [head, reading] of heads.entries()) {
      const weight = patterns[head][s];
      const at = (head * (sources + 1) + s) * depth;
      const bias = at + depth - 1;
      let left = into[bias];
      for (const [w, write] of written.entries()) {
        const score = weight * (dot(reading.g, write) / scale);
        into[at + w] = score;
        left -= score;
      }
      const value = v.subarray(head * reading.a.length, (head + 1) * reading.a.length);
      const b_V = attention.b_V.subarray(head * reading.a.length, (head + 1) * reading.a.length);
      const limit = Math.abs(weight) * valueError(accuracy, stream, reading, value, b_V);
      into[bias - 1] = Math.max(-limit, Math.min(limit, left));
      into[bias] = 0;
    }
  }
}

function dot(u: Float64Array, x: Float32Array): number {
  let even = 0;
  let odd = 0;
  const { length } = u;
  for (let i = 0; i + 1 < length; i += 2) {
    even += u[i] * x[i];
    odd += u[i + 1] * x[i + 1];
  }
  return even + odd + (length % 2 === 1 ? u[length - 1] * x[length - 1] : 0);
}
