import { ValueError } from "../errors.ts";
import { describeValue, type ResidualWriter } from "../model/index.ts";
import type { Attributable } from "./attributable.ts";
import { rowLabels, type Unit } from "./rows.ts";
import type { Site } from "./site.ts";

/** A row's label resolved: a writer, or one head of one; and the unit whose rows it is among. */
export interface Component {
  readonly label: string;
  readonly unit: Unit;
  /** Where it stands among that unit's rows. */
  readonly row: number;
  readonly writer: ResidualWriter;
  /** Null for the whole write. */
  readonly head: number | null;
}

/** @throws ValueError for a label of no writer and no head */
export function findComponent(where: string, model: Attributable, label: string): Component {
  const whole = model.writers.findIndex((writer) => writer.label === label);
  if (whole !== -1) return { label, unit: "component", row: whole, writer: model.writers[whole], head: null };
  let row = 0;
  for (const writer of model.writers) {
    for (let head = 0; head < (writer.heads?.parts ?? 0); head++, row++) {
      if (label === `L${writer.layer}H${head}`) return { label, unit: "head", row, writer, head };
    }
  }
  const labels = rowLabels(model, "head");
  const heads = row > 0 ? `, or a head, "${labels[0]}" to "${labels[row - 1]}"` : "";
  const writers = model.writers.map((writer) => `"${writer.label}"`).join(", ");
  throw new ValueError(
    `${where}: got component ${describeValue(label)}, expected one of ${writers}${heads}. Give a label.`,
  );
}

/**
 * What a component wrote to the residual stream at a site, [dModel]: as captured; of a head z W_O[head], in float64.
 * With each element the sum of magnitudes that it was added up from.
 */
export function componentWrite(
  { writer, head }: Component,
  site: Site,
): { write: Float64Array; magnitudes: Float64Array } {
  if (head === null) {
    const write = Float64Array.from(site.read(writer.hook));
    return { write, magnitudes: write.map(Math.abs) };
  }
  const { hook, size, bias, read } = writer.heads!;
  const alone = new Float32Array(site.read(hook).length);
  alone.set(site.read(hook).subarray(head * size, (head + 1) * size), head * size);
  const { writes, magnitudes } = read(alone, new Float64Array(bias.length));
  return { write: writes, magnitudes: Float64Array.from(magnitudes, (value) => value * (1 + 2 ** -9)) };
}
