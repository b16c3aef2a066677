import { type AblationResult, ablationEffects } from "../dla/index.ts";
import type { Gpt2 } from "../model/index.ts";
import type { Arguments } from "./args.ts";
import { attributionOf, type Record } from "./records.ts";
import { UsageError } from "./usageError.ts";

/**
 * What `--ablate` asks.
 *
 * @throws UsageError for the mean over a single prompt, by which nothing changes
 */
export function ablate(
  model: Gpt2,
  records: readonly Record[],
  args: Arguments & { readonly ablate: "zero" | "mean" },
): AblationResult {
  if (args.ablate === "mean" && records.length < 2)
    throw new UsageError("--ablate mean: got one prompt, expected several, as many tokens each");
  const { input, ...options } = attributionOf(records, args);
  const unit = args.unit === "head" ? "head" : "component";
  const replace = args.ablate === "zero" ? args.ablate : { mean: input };
  return ablationEffects(model, input, { ...options, unit, replace });
}
