import { type AblationResult, ablationEffects } from "../dla/index.ts";
import type { Gpt2 } from "../model/index.ts";
import type { Arguments } from "./args.ts";
import type { Io } from "./io.ts";
import { progressLine } from "./progress.ts";
import { attributionOf, type Record } from "./records.ts";
import { UsageError } from "./usageError.ts";

/**
 * Answers `--ablate`, and tells a terminal how far it is.
 *
 * @throws UsageError for the mean over a single prompt, by which nothing changes
 */
export async function ablate(
  model: Gpt2,
  records: readonly Record[],
  args: Arguments & { readonly ablate: "zero" | "mean" },
  io: Io,
): Promise<AblationResult> {
  if (args.ablate === "mean" && records.length < 2)
    throw new UsageError("--ablate mean: got one prompt, expected several, as many tokens each");
  const { input, ...options } = attributionOf(records, args);
  const unit = args.unit === "head" ? "head" : "component";
  const replace = args.ablate === "zero" ? args.ablate : { mean: input };
  const line = progressLine(io.stderr);
  const percent = (done: number, total: number) => Math.floor((100 * done) / total);
  try {
    return await ablationEffects(model, input, {
      ...{ ...options, unit, replace },
      onProgress: ({ done, total }) => line.show(`ablating each ${unit}… ${percent(done, total)}%`),
    });
  } finally {
    await line.end();
  }
}
