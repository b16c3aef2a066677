import { ValueError } from "../errors.ts";
import type { LinearSplit, ResidualWriter } from "../model/index.ts";
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

/** The rows at one site, before division by the norm's scale. */
export interface Rows {
  readonly scores: Float64Array;
  /** How far the sum of the rows may lie from that of the writes: what their products lost in float32. */
  readonly splitError: number;
}

/** W·u of each writer's split, or null, in the writers' order; computed once per direction. */
export type Projections = readonly (Float64Array | null)[];

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
        `${where}: got unit ${JSON.stringify(unit)}, expected "component", "layer" or "head".`,
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

/** W·u of the splits that a unit needs. */
export function projectSplits(model: Attributable, unit: Unit, u: Float64Array): Projections {
  return model.writers.map(({ heads }) => (unit === "head" && heads ? heads.project(u) : null));
}

/** The rows of a unit at one site, along the direction u. */
export function computeRows(
  model: Attributable,
  unit: Unit,
  u: Float64Array,
  projections: Projections,
  site: Site,
): Rows {
  const written = (writer: ResidualWriter) => dot(u, site.read(writer.hook));
  switch (unit) {
    case "component":
      return { scores: Float64Array.from(model.writers, written), splitError: 0 };
    case "layer": {
      const labels = cumulativeLabels(model.writers);
      let running = 0;
      const accumulated = model.writers.map((writer) => (running += written(writer)));
      return { scores: Float64Array.from(accumulated.filter((_, k) => labels[k] !== null)), splitError: 0 };
    }
    case "head":
      return headRows(model, u, projections, site);
  }
}

/**
 * Each head's row is (z W_O)·u = z·(W_O u): the direction is projected once, and nothing of shape
 * [head, dModel] is made. The remainder is what the other writers wrote, and the heads' biases.
 */
function headRows(model: Attributable, u: Float64Array, projections: Projections, site: Site): Rows {
  const scores: number[] = [];
  let remainder = 0;
  let splitError = 0;
  for (const [index, writer] of model.writers.entries()) {
    const projection = projections[index];
    if (!writer.heads || !projection) {
      remainder += dot(u, site.read(writer.hook));
      continue;
    }
    const { hook, parts, size, bias } = writer.heads;
    const z = site.read(hook);
    for (let part = 0; part < parts; part++) {
      let sum = 0;
      for (let i = part * size; i < (part + 1) * size; i++) sum += z[i] * projection[i];
      scores.push(sum);
    }
    remainder += dot(u, bias);
    splitError += productError(model.accuracy, u, site.read(writer.hook), z, writer.heads);
  }
  return { scores: Float64Array.from([...scores, remainder]), splitError };
}

/**
 * What a float32 write = activation·W + bias lost along u. The sublayer is computed once more in float64, and the
 * difference, element by element, counted as far as float32 can have made it: no more than γ's bound.
 */
function productError(
  accuracy: Accuracy,
  u: Float64Array,
  write: Float32Array,
  activation: Float32Array,
  split: LinearSplit,
): number {
  const { values, magnitudes } = split.apply(activation);
  const gamma = accuracy.accumulation(activation.length);
  let lost = 0;
  let size = 0;
  for (let i = 0; i < u.length; i++) {
    const summed = (1 + 2 ** -9) * magnitudes[i] + Math.abs(split.bias[i]);
    const limit = gamma * summed + 2 ** -24 * Math.abs(write[i]) + 2 ** -149;
    lost += u[i] * Math.max(-limit, Math.min(limit, write[i] - split.bias[i] - values[i]));
    size += Math.abs(u[i]) * (summed + Math.abs(write[i]) + 2 ** -149);
  }
  // the rows, this sum and the product that it compares with are in float64
  return Math.abs(lost) + 4 * (activation.length + u.length) * 2 ** -53 * size;
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
