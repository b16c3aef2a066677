import { ValueError } from "../errors.ts";
import { describeValue, type LinearSplit, type ResidualWriter, type SplitReading } from "../model/index.ts";
import type { Accuracy } from "../tensor/index.ts";
import type { Attributable } from "./attributable.ts";
import { dot } from "./check.ts";

/**
 * How finely the logit is divided: by what each sublayer wrote, by the residual stream as it accumulates, or by
 * head. `layer` reads the running residual under the *final* norm's scale: it is not the logit lens.
 */
export type Unit = "component" | "layer" | "head";

/** The activations of one prompt at one position. */
export interface Site {
  has(hook: string): boolean;
  /** A row of a hook's activation: [dModel], or [part · size] of what divides into parts. */
  read(hook: string): Float32Array;
}

/** A site, and the direction in the residual stream that is read there: [dModel]. */
export interface ReadSite {
  readonly site: Site;
  readonly u: Float64Array;
}

/** The rows at one site, before division by the norm's scale. */
export interface Rows {
  readonly scores: Float64Array;
  /** How far the sum of the rows may lie from that of the writes: what their products lost in float32. */
  readonly splitError: number;
}

/** Whether the rows of a unit add up one by one, so that the last is the sum of all writes. */
export function isCumulative(unit: Unit): boolean {
  return unit === "layer";
}

/** @throws ValueError for an unknown unit */
export function expectUnit(where: string, model: Attributable, unit: Unit): void {
  switch (unit) {
    case "component":
    case "layer":
      return;
    case "head":
      if (model.writers.some((writer) => writer.heads)) return;
      throw new ValueError(
        `${where}: got unit "head", expected another, since no writer of this model has heads.`,
      );
    default:
      unit satisfies never;
      throw new ValueError(
        `${where}: got unit ${describeValue(unit)}, expected "component", "layer" or "head".`,
      );
  }
}

/** The labels of a unit's rows, TransformerLens's names and order. */
export function rowLabels(model: Attributable, unit: Unit): string[] {
  switch (unit) {
    case "component":
      return model.writers.map((writer) => writer.label);
    case "layer":
      return cumulativeLabels(model.writers).flatMap((label) => label ?? []);
    case "head":
      return [...model.writers.flatMap(headLabels), "remainder"];
  }
}

/** The hooks whose activations the rows are made of, those of all writers included. */
export function rowHooks(model: Attributable, unit: Unit): string[] {
  const splits = unit === "head" ? model.writers.flatMap((writer) => writer.heads?.hook ?? []) : [];
  return [...model.writers.map((writer) => writer.hook), ...splits];
}

/** The rows of a unit at some sites of one run. */
export function computeRows(model: Attributable, unit: Unit, sites: readonly ReadSite[]): Rows[] {
  if (unit === "head") return headRows(model, sites);
  return sites.map(({ site, u }) => {
    const written = model.writers.map((writer) => dot(u, site.read(writer.hook)));
    if (unit === "component") return { scores: Float64Array.from(written), splitError: 0 };
    const labels = cumulativeLabels(model.writers);
    let running = 0;
    const accumulated = written.map((write) => (running += write));
    return { scores: Float64Array.from(accumulated.filter((_, k) => labels[k] !== null)), splitError: 0 };
  });
}

/**
 * Each head's row is (z W_O)·u, read without making anything of shape [head, dModel]: writer by writer, all sites at
 * once. The remainder is what the other writers wrote, and the heads' biases.
 */
function headRows(model: Attributable, sites: readonly ReadSite[]): Rows[] {
  const rows = sites.map(() => ({ scores: [] as number[], remainder: 0, splitError: 0 }));
  for (const { hook, heads } of model.writers) {
    if (!heads) {
      for (const [i, { site, u }] of sites.entries()) rows[i].remainder += dot(u, site.read(hook));
      continue;
    }
    const activations = joined(
      Float32Array,
      sites.map(({ site }) => site.read(heads.hook)),
    );
    const reading = heads.read(
      activations,
      joined(
        Float64Array,
        sites.map(({ u }) => u),
      ),
    );
    for (const [i, { site, u }] of sites.entries()) {
      rows[i].scores.push(...reading.scores.subarray(i * heads.parts, (i + 1) * heads.parts));
      rows[i].remainder += dot(u, heads.bias);
      rows[i].splitError += productError(model.accuracy, u, site.read(hook), heads, reading, i);
    }
  }
  return rows.map(({ scores, remainder, splitError }) => ({
    scores: Float64Array.from([...scores, remainder]),
    splitError,
  }));
}

/** Arrays of one length, one after the other. */
function joined<T extends Float32Array | Float64Array>(
  type: new (length: number) => T,
  arrays: readonly T[],
): T {
  const [{ length }] = arrays;
  const out = new type(arrays.length * length);
  arrays.forEach((array, i) => {
    out.set(array, i * length);
  });
  return out;
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
    const limit = gamma * summed + 2 ** -24 * Math.abs(write[i]) + 2 ** -149;
    lost += u[i] * Math.max(-limit, Math.min(limit, write[i] - bias[i] - writes[at]));
    size += Math.abs(u[i]) * (summed + Math.abs(write[i]) + 2 ** -149);
  }
  // the rows, this sum and the product that it compares with are in float64
  return Math.abs(lost) + 4 * (inner + u.length) * 2 ** -53 * size;
}

function headLabels(writer: ResidualWriter): string[] {
  const parts = writer.heads?.parts ?? 0;
  return Array.from({ length: parts }, (_, head) => `L${writer.layer}H${head}`);
}

/**
 * The residual stream after each writer, named by what reads it next: `0_pre`, `0_mid`, `1_pre`, …, `final_post`;
 * null where it has no name, after `embed` alone.
 */
function cumulativeLabels(writers: readonly ResidualWriter[]): (string | null)[] {
  return writers.map((writer, k) => {
    const next = writers[k + 1];
    if (next === undefined) return "final_post";
    if (next.layer === null) return null;
    if (next.layer !== writer.layer) return `${next.layer}_pre`;
    const within = writers.slice(0, k + 1).filter((earlier) => earlier.layer === next.layer).length;
    return within === 1 ? `${next.layer}_mid` : `${next.layer}_mid${within}`;
  });
}
