import {
  type Attribution,
  type AttributionResult,
  type ComparedSite,
  type Comparison,
  comparisonForm,
  expectResult,
} from "../dla/index.ts";
import { renderBlock, styleOf } from "./block.ts";
import { field, logitName, modelLine } from "./header.ts";
import { layOut } from "./layout.ts";
import { expectLook } from "./options.ts";
import { paint } from "./paint.ts";
import { promptLines } from "./prompt.ts";
import type { TableOptions } from "./table.ts";
import { tableNames } from "./top.ts";

/**
 * A comparison as text: the two prompts, and the rows of the first less those of the second, as `toTable` has rows.
 *
 * @throws ValueError for an option that there is not
 */
export function toComparisonTable(comparison: Comparison, options: TableOptions = {}): string {
  expectResult("toComparisonTable", comparison, "comparison", comparisonForm);
  expectLook("toComparisonTable", options, tableNames);
  const { model, prompts, attributions } = comparison;
  const on = paint(options.color ?? false);
  const width = Math.max(options.width ?? 80, 40);
  const less: AttributionResult = {
    ...comparison,
    prompts: prompts.a,
    attributions: attributions.map(({ a, b, ...rest }): Attribution => ({ ...a, ...rest })),
  };
  const style = styleOf(less, width, options.top, on);
  const lines = [modelLine(model, on)];
  for (const [index, { a, b }] of attributions.entries()) {
    if (index > 0) lines.push("");
    const one = less.attributions[index];
    const side = (name: string, site: ComparedSite, own: AttributionResult["prompts"]) => [
      ...promptLines(name, own[site.prompt], new Set([site.pos]), width, on),
      field("", `${logitName(site)}, at position ${site.pos}`, on),
    ];
    lines.push(...side("A", a, prompts.a), ...side("less B", b, prompts.b), "");
    const leftOut = one.leaveOneOut?.data;
    lines.push(
      ...renderBlock(
        less,
        { scores: one.scores.data, standardErrors: null, leftOut, isCompared: true, attributions: [one] },
        style,
      ),
    );
  }
  return layOut(lines, width);
}
