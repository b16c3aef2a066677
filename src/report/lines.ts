import { type AttributionResult, toJSON } from "../dla/index.ts";

/**
 * A result as newline-delimited JSON: an object a line, one for each attribution, with all that belongs to it, so that lines
 * can be split, merged and sorted like any others.
 *
 * @param mark what each line is to begin with
 * @see https://github.com/ndjson/ndjson-spec
 */
export function toNdjson(result: AttributionResult, mark: Readonly<Record<string, unknown>> = {}): string {
  const { prompts, attributions, mean: _, ...shared } = toJSON(result);
  return attributions
    .map(({ prompt, ...attribution }) => {
      return `${JSON.stringify({ ...mark, ...shared, prompt: prompts[prompt], ...attribution })}\n`;
    })
    .join("");
}
