import { type AttributionResult, attributionDocument, attributionForm, expectResult } from "../dla/index.ts";
import { expectObject, ValueError } from "../errors.ts";

/**
 * A result as newline-delimited JSON: an object a line, one for each attribution, with all that belongs to it, so that lines
 * can be split, merged and sorted like any others.
 *
 * @param mark what each line is to begin with
 * @see https://github.com/ndjson/ndjson-spec
 */
export function toNdjson(result: AttributionResult, mark: Readonly<Record<string, unknown>> = {}): string {
  expectResult("toNdjson", result, "attribution", attributionForm);
  expectObject("toNdjson", mark, "what each line begins with", "Give an object, as { id: 1 }.");
  expectPlain("toNdjson", mark);
  return ndjsonLines(result, mark);
}

/** `toNdjson` of a result and a mark that are known to be such. */
export function ndjsonLines(result: AttributionResult, mark: Readonly<Record<string, unknown>>): string {
  const { prompts, attributions, mean: _, ...shared } = attributionDocument(result);
  return attributions
    .map(({ prompt, ...attribution }) => {
      return `${JSON.stringify({ ...mark, ...shared, prompt: prompts[prompt], ...attribution })}\n`;
    })
    .join("");
}

function expectPlain(where: string, mark: object): void {
  try {
    JSON.stringify(mark);
  } catch (error) {
    throw new ValueError(
      `${where}: got a mark that JSON cannot hold, expected plain data. Give numbers and texts.`,
      {
        cause: error,
      },
    );
  }
}
