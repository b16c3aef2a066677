import type { AttributionResult } from "../dla/index.ts";
import { modelLine } from "./header.ts";
import type { Paint } from "./paint.ts";
import { promptLines, promptName } from "./prompt.ts";

/**
 * The lines of each prompt's positions in turn, under the model's: a prompt is shown once, with all its positions marked.
 *
 * @param linesOf what is said of one position
 */
export function siteLines<Site extends { readonly prompt: number; readonly pos: number }>(
  { model, prompts }: Pick<AttributionResult, "model" | "prompts">,
  sites: readonly Site[],
  width: number,
  on: Paint,
  linesOf: (site: Site) => readonly string[],
): string[] {
  const lines = [modelLine(model, on)];
  for (const [index, site] of sites.entries()) {
    if (index > 0) lines.push("");
    if (sites[index - 1]?.prompt !== site.prompt) {
      const own = sites.filter(({ prompt }) => prompt === site.prompt);
      const name = promptName(prompts, site.prompt);
      lines.push(...promptLines(name, prompts[site.prompt], new Set(own.map(({ pos }) => pos)), width, on));
    }
    lines.push(...linesOf(site));
  }
  return lines;
}
