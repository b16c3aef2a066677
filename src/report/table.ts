import { type AttributionResult, attributionForm, expectResult, haveOneShape, mean } from "../dla/index.ts";
import { renderBlock, styleOf } from "./block.ts";
import { attributionLines, field, modelLine } from "./header.ts";
import { layOut } from "./layout.ts";
import { expectLook } from "./options.ts";
import { type Paint, paint } from "./paint.ts";
import { promptLines, promptName } from "./prompt.ts";
import { summaryLines, tokenLines } from "./summary.ts";
import { tableNames } from "./top.ts";

/** How a table is to look. */
export interface TableOptions {
  /** ANSI colours; default false. Signs and the sides of the bars say the same. */
  readonly color?: boolean | undefined;
  /** Only the k rows of greatest magnitude, greatest first, and what the others sum to. */
  readonly top?: number | undefined;
  /** Columns of the terminal; default 80. */
  readonly width?: number | undefined;
}

/** With more attributions than this, each gets a line, and their mean a table. */
const MAX_TABLES = 8;

/**
 * A result as text: for each attribution the prompt, the tokens, the rows with bars (heads as a grid of layers ×
 * heads), and the check that they add up to the model's logit; for several, their mean with standard errors.
 *
 * What a terminal would act upon instead of showing, in a token or a name, is made visible: ↵ for a newline.
 *
 * @throws ValueError unless `top` is a positive integer
 */
export function toTable(result: AttributionResult, options: TableOptions = {}): string {
  return toTables([result], options);
}

/** The same attributions by several units, under one header. */
export function toTables(results: readonly AttributionResult[], options: TableOptions = {}): string {
  for (const result of results) expectResult("toTable", result, "attribution", attributionForm);
  expectLook("toTable", options, tableNames);
  const { top, color = false } = options;
  const width = Math.max(options.width ?? 80, 40);
  const on = paint(color);
  const styles = results.map((result) => styleOf(result, width, top, on));
  const [first] = results;
  const { attributions } = first;
  const lines = [modelLine(first.model, on)];
  if (attributions.length > MAX_TABLES)
    lines.push(
      "",
      ...summaryLines(first, width, on),
      on.dim("toJSON, or --format json, has every row of each"),
    );
  else {
    for (const index of attributions.keys()) {
      lines.push(...headerLines(first, index, width, on));
      for (const [r, result] of results.entries()) {
        const own = result.attributions[index];
        const leftOut = own.leaveOneOut?.data;
        const block = { scores: own.scores.data, standardErrors: null, leftOut, attributions: [own] };
        lines.push("", ...renderBlock(result, block, styles[r]));
        if (own.tokens) lines.push("", ...tokenLines(result, own, width, on));
      }
    }
  }
  if (attributions.length > 1 && results.every(haveOneShape)) {
    lines.push("", field("mean", `of ${attributions.length} attributions, ± its standard error`, on));
    for (const [r, result] of results.entries()) {
      const { scores, standardErrors } = mean(result);
      const errors = standardErrors?.data ?? null;
      const block = { scores: scores.data, standardErrors: errors, attributions: result.attributions };
      lines.push("", ...renderBlock(result, block, styles[r]));
    }
  }
  return layOut(lines, width);
}

/** The prompt, once for all of its attributions, then where and what this one reads. */
function headerLines(result: AttributionResult, index: number, width: number, on: Paint): string[] {
  const { attributions, prompts } = result;
  const attribution = attributions[index];
  const isFirst = attributions[index - 1]?.prompt !== attribution.prompt;
  const same = attributions.filter(({ prompt }) => prompt === attribution.prompt);
  const name = promptName(prompts, attribution.prompt);
  const marked = new Set(same.map(({ pos }) => pos));
  return [
    ...(index > 0 ? [""] : []),
    ...(isFirst ? promptLines(name, prompts[attribution.prompt], marked, width, on) : []),
    ...attributionLines(result, attribution, on),
  ];
}
