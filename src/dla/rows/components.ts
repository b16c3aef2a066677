import { ValueError } from "../../errors.ts";
import { describeValue, type LinearSplit, type ResidualWriter } from "../../model/index.ts";
import type { Attributable } from "../attributable.ts";
import type { Site } from "../site.ts";
import { splitOf } from "./parts.ts";
import { rowLabels } from "./rows.ts";

/** A row's label resolved: a writer, or one head or neuron of one; and the unit whose rows it is among. */
export interface Component {
  readonly label: string;
  readonly unit: "component" | "head" | "neuron";
  /** Where it stands among that unit's rows. */
  readonly row: number;
  readonly writer: ResidualWriter;
  /** Which part of the writer's heads or neurons; null for the whole write. */
  readonly part: number | null;
}

/** @throws ValueError for a label of no writer, no head and no neuron */
export function findComponent(where: string, model: Attributable, label: string): Component {
  const whole = model.writers.findIndex((writer) => writer.label === label);
  if (whole !== -1) return { label, unit: "component", row: whole, writer: model.writers[whole], part: null };
  for (const unit of ["head", "neuron"] as const) {
    let row = 0;
    for (const writer of model.writers) {
      const parts = splitOf(writer, unit)?.parts ?? 0;
      const part = partOf(label, `L${writer.layer}${unit === "head" ? "H" : "N"}`);
      if (part < parts) return { label, unit, row: row + part, writer, part };
      row += parts;
    }
  }
  const named = (["head", "neuron"] as const).map((unit) => {
    const labels = rowLabels(model, unit).slice(0, -1); // but the remainder
    return labels.length > 0 ? `, or a ${unit}, "${labels[0]}" to "${labels.at(-1)}"` : "";
  });
  const writers = model.writers.map((writer) => `"${writer.label}"`).join(", ");
  throw new ValueError(
    `${where}: got component ${describeValue(label)}, expected one of ${writers}${named.join("")}. Give a label.`,
  );
}

/** The number after `prefix` as labels have it; infinite where there is none. */
function partOf(label: string, prefix: string): number {
  if (typeof label !== "string" || !label.startsWith(prefix)) return Infinity;
  const digits = label.slice(prefix.length);
  return /^(0|[1-9]\d*)$/.test(digits) ? Number(digits) : Infinity;
}

/** How the writer divides into what the component is a part of. */
export function componentSplit({ writer, unit }: Component): LinearSplit | undefined {
  return splitOf(writer, unit);
}

/**
 * What a component wrote to the residual stream at a site, [dModel]: as captured; of a head z W_O[head], of a neuron
 * post W_out[neuron], in float64. With each element the sum of magnitudes that it was added up from.
 */
export function componentWrite(
  component: Component,
  site: Site,
): { write: Float64Array; magnitudes: Float64Array } {
  const split = componentSplit(component);
  if (!split || component.part === null) {
    const write = Float64Array.from(site.read(component.writer.hook));
    return { write, magnitudes: write.map(Math.abs) };
  }
  const { hook, size, bias } = split;
  const first = component.part * size;
  const alone = new Float32Array(site.read(hook).length);
  alone.set(site.read(hook).subarray(first, first + size), first);
  const { writes, magnitudes } = split.read(alone, new Float64Array(bias.length));
  return { write: writes, magnitudes: Float64Array.from(magnitudes, (value) => value * (1 + 2 ** -9)) };
}
