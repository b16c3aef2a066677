import { ValueError } from "../../errors.ts";
import { describeValue, type LinearSplit, type ResidualWriter } from "../../model/index.ts";
import type { Attributable } from "../attributable.ts";
import type { ReadSite } from "../site.ts";
import { dot } from "../vectors.ts";
import { partRows, splitOf } from "./parts.ts";
import { pathHooks, pathRows } from "./paths.ts";
import { attentionOf, sourceHooks, sourceRows } from "./sources.ts";

/**
 * How finely the logit is divided: by what each sublayer wrote; by the residual stream as it accumulates; by attention head;
 * by neuron of the MLPs; by all heads and neurons, the embeddings and the biases; by attention head and the source
 * position that it read; or by that and who wrote what was read there. `layer` reads the running residual
 * under the *final* norm's scale: it is not the logit lens.
 */
export type Unit = "component" | "layer" | "head" | "neuron" | "full" | "source" | "path";

/** The rows at one site, before division by the norm's scale. */
export interface Rows {
  /** One per label, or what a label divides into, row-major. */
  readonly scores: Float64Array;
  /** How many a label divides into, along each of the unit's further axes; the last is what belongs to none of them. */
  readonly within?: readonly number[];
  /** How far the sum of the rows may lie from that of the writes: what their products lost in float32. */
  readonly splitError: number;
}

/** Whether the rows of a unit add up one by one, so that the last is the sum of all writes. */
export function isCumulative(unit: Unit): boolean {
  return unit === "layer";
}

/** @throws ValueError for an unknown unit, or one that no writer of the model divides into */
export function expectUnit(where: string, model: Attributable, unit: Unit): void {
  switch (unit) {
    case "component":
    case "layer":
      return;
    case "head":
    case "neuron":
    case "full": {
      if (model.writers.some((writer) => splitOf(writer, unit) !== undefined)) return;
      const parts = unit === "full" ? "heads or neurons" : `${unit}s`;
      throw new ValueError(
        `${where}: got unit "${unit}", expected another, since no writer of this model has ${parts}.`,
      );
    }
    case "source":
    case "path":
      if (model.writers.some(attentionOf)) return;
      throw new ValueError(
        `${where}: got unit "${unit}", expected another, since no writer of this model has heads that declare their attention.`,
      );
    default:
      unit satisfies never;
      throw new ValueError(
        `${where}: got unit ${describeValue(unit)}, expected "component", "layer", "head", "neuron", "full", "source" or "path".`,
      );
  }
}

/** The labels of a unit's rows, TransformerLens's names and order. */
export function rowLabels(model: Attributable, unit: Unit): string[] {
  const { writers } = model;
  switch (unit) {
    case "component":
      return writers.map((writer) => writer.label);
    case "layer":
      return cumulativeLabels(writers).flatMap((label) => label ?? []);
    case "head":
    case "source":
    case "path":
      return [...writers.flatMap((writer) => partLabels(writer, "H", writer.heads)), "remainder"];
    case "neuron":
      return [...writers.flatMap((writer) => partLabels(writer, "N", writer.neurons)), "remainder"];
    case "full":
      return [
        ...writers.flatMap((writer) => partLabels(writer, "H", writer.heads)),
        ...writers.flatMap((writer) => (writer.heads ? [] : partLabels(writer, "N", writer.neurons))),
        ...writers.filter((writer) => splitOf(writer, unit) === undefined).map(({ label }) => label),
        "bias",
      ];
  }
}

/** What the scores' axes are. */
export function unitAxes(unit: Unit): string[] {
  if (unit === "path") return ["head", "source", "writer"];
  return unit === "source" ? ["head", "source"] : [unit];
}

/** The hooks whose activations the rows are made of, those of all writers included; and which are read at every position. */
export function rowHooks(model: Attributable, unit: Unit): { hooks: string[]; everyPos: string[] } {
  if (unit === "path") return pathHooks(model);
  if (unit === "source") return sourceHooks(model);
  const splits = model.writers.flatMap((writer) => splitOf(writer, unit)?.hook ?? []);
  return { hooks: [...model.writers.map((writer) => writer.hook), ...splits], everyPos: [] };
}

/** The rows of a unit at some sites of one run. */
export function computeRows(model: Attributable, unit: Unit, sites: readonly ReadSite[]): Rows[] {
  if (unit === "path") return pathRows(model, sites);
  if (unit === "source") return sourceRows(model, sites);
  if (unit !== "component" && unit !== "layer") return partRows(model, unit, sites);
  return sites.map(({ site, u }) => {
    const written = model.writers.map((writer) => dot(u, site.read(writer.hook)));
    if (unit === "component") return { scores: Float64Array.from(written), splitError: 0 };
    const labels = cumulativeLabels(model.writers);
    let running = 0;
    const accumulated = written.map((write) => (running += write));
    return { scores: Float64Array.from(accumulated.filter((_, k) => labels[k] !== null)), splitError: 0 };
  });
}

function partLabels({ layer }: ResidualWriter, letter: "H" | "N", split: LinearSplit | undefined): string[] {
  return Array.from({ length: split?.parts ?? 0 }, (_, part) => `L${layer}${letter}${part}`);
}

/**
 * The residual stream after each writer, named by what reads it next: `0_pre`, `0_mid`, `1_pre`, …, `final_post`;
 * null where it has no name, after `embed` alone.
 */
export function cumulativeLabels(writers: readonly ResidualWriter[]): (string | null)[] {
  return writers.map((writer, k) => {
    const next = writers[k + 1];
    if (next === undefined) return "final_post";
    if (next.layer === null) return null;
    if (next.layer !== writer.layer) return `${next.layer}_pre`;
    const within = writers.slice(0, k + 1).filter((earlier) => earlier.layer === next.layer).length;
    return within === 1 ? `${next.layer}_mid` : `${next.layer}_mid${within}`;
  });
}
