import { type AttributionResult, toJSON } from "../dla/index.ts";
import { visible } from "./text.ts";

/**
 * A result as newline-delimited JSON: an object a line, one for each attribution, with all that belongs to it, so that lines
 * can be split, merged and sorted like any others.
 *
 * @see https://github.com/ndjson/ndjson-spec
 */
export function toNdjson(result: AttributionResult): string {
  const { schemaVersion, version, model, unit, axes, labels, prompts, attributions } = toJSON(result);
  return attributions
    .map(({ prompt, ...attribution }) => {
      const record = {
        schemaVersion,
        version,
        model,
        unit,
        axes,
        labels,
        prompt: prompts[prompt],
        ...attribution,
      };
      return `${JSON.stringify(record)}\n`;
    })
    .join("");
}

/**
 * A result as comma-separated values, a line for each row of each attribution. What a terminal would act upon is made visible
 * (↵ for a newline), and what a spreadsheet would compute is marked as text by an apostrophe: who needs a text exactly takes JSON.
 *
 * @see RFC 4180
 */
export function toCsv(result: AttributionResult): string {
  const { unit, labels, prompts, attributions } = result;
  const lines = [["prompt", "text", "pos", "answer", "wrong", "unit", "label", "score"].join(",")];
  for (const { prompt, pos, answer, wrong, scores } of attributions) {
    const { text } = prompts[prompt];
    const [answered, against] = [answer, wrong].map((token) => (token ? (token.text ?? `${token.id}`) : ""));
    const before = [prompt, cell(text ?? ""), pos, cell(answered), cell(against), unit].join(",");
    labels.forEach((label, row) => {
      lines.push(`${before},${cell(label)},${scores.data[row]}`);
    });
  }
  return `${lines.join("\r\n")}\r\n`;
}

function cell(text: string): string {
  const shown = visible(text);
  const safe = /^[=+\-@]/.test(shown) ? `'${shown}` : shown;
  return /[",]|^ | $/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
