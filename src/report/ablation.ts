import {
  type AblationResult,
  ablationForm,
  expectResult,
  type MeanEffects,
  meanEffects,
  type PositionEffects,
} from "../dla/index.ts";
import { type Column, columnLines } from "./columns.ts";
import { attributionLines, field, modelLine } from "./header.ts";
import { HANG, layOut } from "./layout.ts";
import { decimalsFor, signed } from "./numbers.ts";
import { expectLook } from "./options.ts";
import { type Paint, paint } from "./paint.ts";
import { promptLines, promptName } from "./prompt.ts";
import type { TableOptions } from "./table.ts";
import { visible } from "./text.ts";
import { tableNames } from "./top.ts";

const replaced = { zero: "zero", mean: "the prompts' mean", from: "another prompt's" } as const;
const where = { all: "at every position", attributed: "at this position" } as const;
const norm = {
  recomputed: "direct: the same in the final residual stream alone, LayerNorm computed anew",
  frozen:
    "direct: the same in the final residual stream alone, its scale frozen, since this model declares no norm to compute anew",
} as const;

/**
 * The effects of ablations as text: for each prompt and position a line for each label, and its four effects; with `top` those
 * of the greatest total alone. For several, the means of total, direct and indirect with their standard errors follow. The columns
 * add up as printed: indirect is the total's digits less the direct effect's.
 *
 * @throws ValueError unless `top` is a positive integer
 */
export function toAblationTable(result: AblationResult, options: TableOptions = {}): string {
  expectResult("toAblationTable", result, "ablation", ablationForm);
  expectLook("toAblationTable", options, tableNames);
  const { top = result.labels.length, color = false } = options;
  const width = Math.max(options.width ?? 80, 40);
  const on = paint(color);
  const { labels, prompts, attributions } = result;
  const what = on.dim(` · ${replaced[result.ablate]} ${where[result.at]}`);
  const lines = [modelLine(result.model, on)];
  for (const [index, one] of attributions.entries()) {
    const name = promptName(prompts, one.prompt);
    const marked = new Set([one.pos]);
    lines.push(...(index > 0 ? [""] : []), ...promptLines(name, prompts[one.prompt], marked, width, on));
    lines.push(...attributionLines(result, one, on), "");
    lines.push(field("ablated", `${on.bold(result.unit)}${what}`, on));
    lines.push(...effectLines(labels, effectColumns(one), top, width, on));
  }
  if (attributions.length > 1) {
    const mean = `of ${attributions.length} attributions, ± its standard error`;
    lines.push("", field("mean", mean, on), "", field("ablated", `${on.bold(result.unit)}${what}`, on));
    lines.push(...effectLines(labels, meanColumns(meanEffects(result)), top, width, on));
  }
  lines.push("", ...legend(result.scale, attributions.length > 1).map((line) => HANG + on.dim(line)));
  return layOut(lines, width);
}

function legend(scale: AblationResult["scale"], hasMean: boolean): readonly string[] {
  return [
    "total: the change of the logit, all later layers computed anew",
    norm[scale],
    "indirect: total − direct, of the digits shown",
    `frozen: the change of the attribution's row, LayerNorm's scale held${hasMean ? "; its mean is in the JSON document" : ""}`,
  ];
}

/** An effect of each label, and its standard error where it is a mean. */
interface EffectColumn {
  readonly title: string;
  readonly values: Float64Array;
  readonly errors?: Float64Array | undefined;
}

function effectColumns({ total, direct, indirect, frozen }: PositionEffects): EffectColumn[] {
  return Object.entries({ total, direct, indirect, frozen }).map(([title, values]) => ({ title, values }));
}

/** The frozen effects, which are no part of the sum, are left to the document. */
function meanColumns({ total, direct, indirect }: MeanEffects): EffectColumn[] {
  return Object.entries({ total, direct, indirect }).map(([title, { scores, standardErrors }]) => ({
    ...{ title, values: scores.data },
    errors: standardErrors?.data,
  }));
}

function effectLines(
  labels: readonly string[],
  effects: readonly EffectColumn[],
  top: number,
  width: number,
  on: Paint,
): string[] {
  const [total, direct] = effects.map(({ values }) => values);
  const order = [...labels.keys()];
  if (top < labels.length) order.sort((a, b) => Math.abs(total[b]) - Math.abs(total[a]));
  const rows = order.slice(0, top);
  const decimals = decimalsFor(effects.flatMap(({ values }) => rows.map((row) => values[row])));
  const shown = (value: number) => Number(value.toFixed(decimals));
  const toShow = ({ title, values }: EffectColumn, row: number) =>
    title === "indirect" ? shown(total[row]) - shown(direct[row]) : values[row];
  const numbers = effects.map(
    (effect): Column => ({
      title: effect.title,
      cells: rows.map((row) => {
        const error = effect.errors ? ` ± ${effect.errors[row].toFixed(decimals)}` : "";
        return signed(toShow(effect, row), decimals) + error;
      }),
      align: "right",
      paint: (text, i) => on.sign(toShow(effect, rows[i]), text),
    }),
  );
  const names: Column = { title: "", cells: rows.map((row) => visible(labels[row])), align: "left" };
  return columnLines([names, ...numbers], 1, width, on);
}
