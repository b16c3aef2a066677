import {
  type AttributedAnswer,
  type AttributedToken,
  type Attribution,
  type AttributionResult,
  attributionForm,
  expectResult,
} from "../dla/index.ts";
import { expectFlags, ValueError } from "../errors.ts";
import { describeValue, expectKnown, type NamesOf } from "../model/index.ts";

/** Options of `toCsv`: the header, and where the result comes from. */
export interface CsvOptions {
  /** True puts the columns' names first; the default. */
  readonly header?: boolean | undefined;
  /** The number of the result's first prompt among all records, from 0; default 0. The prompts after it count on. */
  readonly record?: number | undefined;
  /** The record's id, as JSON text; default none. */
  readonly id?: string | undefined;
}

const names: NamesOf<CsvOptions> = { header: true, record: true, id: true };

/** The columns' names, in order. */
const columns = [
  "record",
  "id",
  "prompt",
  "pos",
  "token",
  "answer",
  "answer_id",
  "wrong",
  "wrong_id",
  "unit",
  "label",
  "layer",
  "head",
  "neuron",
  "source_pos",
  "source_token",
  "writer",
  "score",
  "leave_one_out",
  "logit",
  "bias",
  "check",
] as const;

/** The line that `toCsv` begins with. */
export const csvHeader: string = `${columns.join()}\r\n`;

/**
 * A result as comma-separated values, tidy: a line for each score, and every line with all that belongs to it.
 *
 * A text stands in double quotes, exactly as it is. A number does not, and reads back to the same bits. A cell that is empty is
 * missing; an empty text is `""`. Lines end with CR LF; a text may hold any character, line ends among them.
 *
 * | column | |
 * |---|---|
 * | `record` | the number of the prompt among all records of the input, from 0 |
 * | `id` | the record's id, as JSON text |
 * | `prompt` | the prompt's index in the result, from 0, as in JSON |
 * | `pos`, `token` | the position that was read, from 0, and the text of the token there |
 * | `answer`, `wrong` | the text that was attributed, and the one against it; a set is `{"anyOf":[" 33"," 34"],"weights":"mean"}`; both are missing for a direction |
 * | `answer_id`, `wrong_id` | the token's id; several are `{"tokens":[2,5]}`, a set is `{"anyOf":[2,5],"weights":"mean"}`, as records have them |
 * | `unit`, `label` | what the rows are, and which this is |
 * | `layer`, `head`, `neuron` | the label's, from 0, where it has them |
 * | `source_pos`, `source_token` | of the units source and path: the position that the head read, and its token; missing for the bias, which is of no position |
 * | `writer` | of the unit path: who wrote what was read |
 * | `score` | in units of the logit |
 * | `leave_one_out` | as `leaveOneOut`, where it was asked for |
 * | `logit`, `bias` | of the whole attribution, as in its check |
 * | `check` | how far apart Σ score + bias and logit may lie: `bound + roundingBound`. Of unit layer the last score stands for the sum |
 *
 * A text is missing where the model has no tokenizer. A token that is not UTF-8 by itself is its bytes as text, `\xe9`, as in JSON. A
 * lone surrogate, which no UTF-8 file can hold, is U+FFFD. An answer of several tokens has the sum of their rows;
 * the rows of each one, the probability and the weights of a softmax set are in JSON.
 *
 * @throws ValueError for an unknown option, a record that is no whole number, an id that is no text
 * @see RFC 4180
 */
export function toCsv(result: AttributionResult, options: CsvOptions = {}): string {
  expectResult("toCsv", result, "attribution", attributionForm);
  expectKnown("toCsv", options, names);
  expectFlags("toCsv", { header: options.header });
  const { record = 0, id } = options;
  if (!Number.isSafeInteger(record) || record < 0)
    throw new ValueError(`toCsv: record: got ${describeValue(record)}, expected a whole number from 0.`);
  if (id !== undefined && !isJson(id))
    throw new ValueError(
      `toCsv: id: got ${describeValue(id)}, expected JSON text. Give JSON.stringify of it.`,
    );
  return csvLines(result, options);
}

/** `toCsv` of a result and options that are known to be such. */
export function csvLines(result: AttributionResult, { header = true, record = 0, id }: CsvOptions): string {
  const labels = result.labels.map((label) => [quoted(label), ...partsOf(label)].join());
  const writers = result.writers?.map(quoted);
  const lines = header ? [csvHeader] : [];
  for (const attribution of result.attributions) {
    const { prompt, scores, leaveOneOut, check } = attribution;
    const { stringTokens } = result.prompts[prompt];
    const before = [number(record + prompt), text(id), ...siteCells(result, attribution)].join();
    const after = [check.logit, check.bias, check.bound + check.roundingBound].map(number).join();
    const [, sources = 1, depth = 1] = scores.shape;
    scores.data.forEach((score, i) => {
      const source = Math.floor(i / depth) % sources;
      const isBias = source === sources - 1; // or there are no sources
      const read = isBias ? "," : `${source},${text(stringTokens && attribution.sources?.[source])}`;
      const left = leaveOneOut ? number(leaveOneOut.data[i]) : "";
      const label = labels[Math.floor(i / (sources * depth))];
      lines.push(
        `${before},${label},${read},${writers?.[i % depth] ?? ""},${number(score)},${left},${after}\r\n`,
      );
    });
  }
  return lines.join("");
}

function isJson(text: unknown): boolean {
  if (typeof text !== "string") return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The cells that all lines of an attribution begin with, from the column `prompt` to `unit`. */
function siteCells({ prompts, unit }: AttributionResult, attribution: Attribution): string[] {
  const { prompt, pos, answer, wrong } = attribution;
  return [
    number(prompt),
    number(pos),
    text(prompts[prompt].stringTokens?.[pos]),
    ...[answer, wrong].flatMap((one) => (one === null ? ["", ""] : [text(textOf(one)), idOf(one)])),
    quoted(unit),
  ];
}

/** A token's or a text's own text; of a set all of them, as a record's JSON has them. */
function textOf(answer: AttributedAnswer): string | null {
  if (!("anyOf" in answer)) return answer.text;
  const { anyOf, weights } = answer;
  const texts = anyOf.map((token) => token.text);
  return texts.includes(null) ? null : JSON.stringify({ anyOf: texts, weights });
}

function idOf(answer: AttributedAnswer): string {
  if (answer.id !== undefined) return number(answer.id);
  const ids = (tokens: readonly AttributedToken[]) => tokens.map((token) => token.id);
  if ("tokens" in answer) return quoted(JSON.stringify({ tokens: ids(answer.tokens) }));
  return quoted(JSON.stringify({ anyOf: ids(answer.anyOf), weights: answer.weights }));
}

/** The layer, head and neuron of labels such as `L1H0`, `L1N17`, `1_mlp_out` and `1_pre`. */
function partsOf(label: string): string[] {
  const [, layer, letter, part = ""] = /^L(\d+)([HN])(\d+)$/.exec(label) ?? [];
  if (layer === undefined) return [/^(\d+)_/.exec(label)?.[1] ?? "", "", ""];
  return letter === "H" ? [layer, part, ""] : [layer, "", part];
}

function text(value: string | null | undefined): string {
  return value === null || value === undefined ? "" : quoted(value);
}

/** In quotes whatever it holds, so that no reader trims it, or takes "NA" for a missing value. */
function quoted(value: string): string {
  return `"${value.replace(/\p{Cs}/gu, "\ufffd").replaceAll('"', '""')}"`;
}

/** The shortest digits that read back to the same number, of -0 too. */
function number(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
