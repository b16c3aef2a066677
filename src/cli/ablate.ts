import { ablationEffects, ablationToJSON } from "../dla/index.ts";
import type { Gpt2 } from "../model/index.ts";
import { type TableOptions, toAblationTable } from "../report/index.ts";
import { type Arguments, UsageError } from "./args.ts";
import { escapeControls } from "./io.ts";
import { attributionOf, type Record } from "./records.ts";

/**
 * What `--ablate` prints: a table of the effects, or one document.
 *
 * @throws UsageError for the mean over a single prompt, by which nothing changes
 */
export function ablate(
  model: Gpt2,
  records: readonly Record[],
  args: Arguments & { readonly ablate: "zero" | "mean" },
  style: TableOptions,
): string {
  if (args.ablate === "mean" && records.length < 2)
    throw new UsageError("--ablate mean: got one prompt, expected several, as many tokens each");
  const { input, ...options } = attributionOf(records, args);
  const unit = args.unit === "head" ? "head" : "component";
  const replace = args.ablate === "zero" ? args.ablate : { mean: input };
  const result = ablationEffects(model, input, { ...options, unit, replace });
  if (args.format === "table") return toAblationTable(result, style);
  return `${escapeControls(JSON.stringify(ablationToJSON(result)))}\n`;
}
