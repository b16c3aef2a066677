import {
  type AttributedAnswer,
  type AttributionResult,
  attributionForm,
  expectResult,
  scoreName,
  toJSON,
} from "../dla/index.ts";
import { describe, expectFlags, expectObject, ValueError } from "../errors.ts";
import { visible } from "./text.ts";

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
  const { prompts, attributions, mean: _, ...shared } = toJSON(result);
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

export const csvHeader = "prompt,text,pos,answer,wrong,unit,label,score\r\n";

/**
 * A result as comma-separated values, a line for each row of each attribution. What a terminal would act upon is made visible
 * (↵ for a newline), and what a spreadsheet would compute is marked as text by an apostrophe: who needs a text exactly takes JSON.
 *
 * @param options.header whether the columns' names come first; default true
 * @param options.prompt the number that the result's first prompt is to have; default 0
 * @see RFC 4180
 */
export function toCsv(
  result: AttributionResult,
  options: { readonly header?: boolean; readonly prompt?: number } = {},
): string {
  const where = "toCsv";
  expectResult(where, result, "attribution", attributionForm);
  expectObject(where, options, "options", "Give an object of them.");
  const { header = true, prompt: first = 0 } = options;
  expectFlags(where, { header });
  if (!Number.isSafeInteger(first)) {
    throw new ValueError(
      `${where}: prompt: got ${describe(first)}, expected a whole number. Leave it out for 0.`,
    );
  }
  const { unit, prompts, attributions } = result;
  const lines: string[] = [];
  for (const attribution of attributions) {
    const { prompt, pos, answer, wrong, scores } = attribution;
    const { text } = prompts[prompt];
    const [answered, against] = [answer, wrong].map((one) => (one ? answerText(one) : ""));
    const before = [first + prompt, cell(text ?? ""), pos, cell(answered), cell(against), unit].join(",");
    scores.data.forEach((score, i) => {
      lines.push(`${before},${cell(scoreName(result, [attribution], i))},${score}\r\n`);
    });
  }
  return (header ? csvHeader : "") + lines.join("");
}

/** A token's or a text's own text; of a set all, as JSON. */
function answerText(answer: AttributedAnswer): string {
  if ("anyOf" in answer) return JSON.stringify(answer.anyOf.map(answerText));
  if ("tokens" in answer) return answer.text ?? answer.tokens.map(({ id }) => id).join(" ");
  return answer.text ?? `${answer.id}`;
}

function cell(text: string): string {
  const shown = visible(text);
  const safe = /^[=+\-@]/.test(shown) ? `'${shown}` : shown;
  return /[",]|^ | $/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
