import { ValueError } from "../../errors.ts";
import { describeValue } from "../../model/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Attributable, AttributableCache } from "../attributable.ts";
import { expectUnit, rowLabels } from "../rows/rows.ts";
import { dot } from "../vectors.ts";
import type { Instead } from "./replacement.ts";

/** What ablation needs of a model beyond attribution: runs in which hooks change activations. `Gpt2` has them. */
export interface Ablatable extends Attributable {
  /** `hooks` are given the activations that they name, [batch, pos, …] at every position, to change. */
  runWithCache(
    input: readonly (readonly number[])[],
    options: {
      names: (name: string) => boolean;
      pos: readonly number[];
      logits: "none";
      hooks?: readonly (readonly [(name: string) => boolean, (activation: Tensor) => void])[];
    },
  ): { cache: AttributableCache };
}

/** One activation, or a head's part of it: [first, first + size) of each position's row. */
export interface Ablated {
  readonly label: string;
  readonly hook: string;
  readonly first: number;
  readonly size: number;
}

/** @throws ValueError for a unit of which nothing can be replaced, or one that the model does not divide into */
export function expectAblatedUnit(where: string, model: Attributable, unit: "component" | "head"): void {
  if (unit !== "component" && unit !== "head") {
    throw new ValueError(
      `${where}: got unit ${describeValue(unit)}, expected "component" or "head", whose activations can be replaced.`,
    );
  }
  expectUnit(where, model, unit);
}

/** What can be replaced, under the labels of the unit's rows: not the rows of what is left, no one thing's activation. */
export function ablatedParts(model: Attributable, unit: "component" | "head"): Ablated[] {
  const labels = rowLabels(model, unit);
  const parts = model.writers.flatMap(({ hook, heads }) => {
    if (unit === "component") return { hook, first: 0, size: model.config.dModel };
    return Array.from({ length: heads?.parts ?? 0 }, (_, part) => {
      const { hook, size } = heads!;
      return { hook, first: part * size, size };
    });
  });
  return parts.map((part, k) => ({ label: labels[k], ...part }));
}

/** The rows of a unit at one site, before division by the norm's scale, if the activations were these. */
export function replacedRows(
  model: Attributable,
  unit: "component" | "head",
  u: Float64Array,
  instead: (hook: string) => Float32Array,
): number[] {
  return model.writers.flatMap(({ hook, heads }) => {
    if (unit === "component") return dot(u, instead(hook));
    return heads ? [...heads.read(instead(heads.hook), u).scores] : [];
  });
}

/**
 * The model's runs with one part's activation replaced.
 *
 * @param everywhere whether at every position, or at those alone that a run keeps
 * @throws ValueError when the model does not call the hook, which would pass for a part without effect
 */
export function ablated(
  where: string,
  model: Ablatable,
  { label, hook, first, size }: Ablated,
  instead: Instead,
  everywhere: boolean,
): Pick<Attributable, "runWithCache"> {
  return {
    runWithCache(input, options) {
      let isCalled = false;
      const replace = ({ shape: [batch, length], data }: Tensor) => {
        isCalled = true;
        const width = data.length / (batch * length);
        for (let row = 0; row < batch * length; row++) {
          const pos = row % length;
          if (!everywhere && !options.pos.includes(pos)) continue;
          data.set(instead(hook, pos).subarray(first, first + size), row * width + first);
        }
      };
      const run = model.runWithCache(input, {
        ...options,
        hooks: [[(name) => name === hook, replace]],
      });
      if (isCalled) return run;
      throw new ValueError(
        `${where}: ${label}: got a model whose runWithCache did not call the hook on "${hook}", expected it to. ` +
          "Have the model run with the hooks that it is given.",
      );
    },
  };
}
