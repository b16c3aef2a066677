import fc from "fast-check";
import { expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { type AttributionResult, directLogitAttribution, toCsv, toJSON, toNdjson } from "../../src/index.ts";

const model = await demoModel({ compatibilityMode: true });
const prompts = ["The capital of France is", "The bags near the cabinet"];
const result = directLogitAttribution(model, prompts, {
  answer: [" Paris", " are"],
  wrong: " is",
  pos: [0, -1],
});

/** RFC 4180, as a reader of it would have it. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const cell = /("(?:[^"]|"")*"|[^,"\r\n]*)(,|\r\n)/gy;
  for (const [, raw, end] of text.matchAll(cell)) {
    rows.at(-1)!.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    if (end !== ",") rows.push([]);
  }
  return rows.slice(0, -1);
}

const withText = (text: string): AttributionResult => ({
  ...result,
  prompts: result.prompts.map((prompt) => ({ ...prompt, text })),
  attributions: result.attributions.map((one) => ({ ...one, answer: { id: 1, text }, wrong: null })),
});

test("ndjson has a line for each attribution, with its prompt and the document's fields", () => {
  const { attributions, prompts: described, mean, ...shared } = toJSON(result);
  const lines = toNdjson(result).split("\n");
  expect(lines.pop()).toBe("");
  expect(lines.map((line) => JSON.parse(line))).toEqual(
    JSON.parse(
      JSON.stringify(attributions.map((one) => ({ ...shared, ...one, prompt: described[one.prompt] }))),
    ),
  );
  expect(lines).toHaveLength(4);
  expect(mean).not.toBeNull();
});

test("ndjson of paths says who wrote, on every line", () => {
  const paths = directLogitAttribution(model, prompts, { answer: [" Paris", " are"], unit: "path" });
  for (const line of toNdjson(paths).trimEnd().split("\n"))
    expect(JSON.parse(line).writers).toEqual(paths.writers);
});

test("csv has a line for each row, under a header", () => {
  const [header, ...rows] = readCsv(toCsv(result));
  expect(header).toEqual(["prompt", "text", "pos", "answer", "wrong", "unit", "label", "score"]);
  expect(rows).toEqual(
    result.attributions.flatMap(({ prompt, pos, answer, wrong, scores }) =>
      result.labels.map((label, row) => [
        ...[`${prompt}`, prompts[prompt], `${pos}`, answer!.text, wrong!.text],
        ...["component", label, `${scores.data[row]}`],
      ]),
    ),
  );
});

test("csv of several axes has a line for each score, by the name that tables have", () => {
  const sources = directLogitAttribution(model, prompts[0], { answer: " Paris", unit: "source" });
  const rows = readCsv(toCsv(sources)).slice(1);
  expect(rows.map((row) => Number(row[7]))).toEqual([...sources.attributions[0].scores.data]);
  expect(rows.map((row) => row[6])).toContain('L1H0 ← " France"(4)');
});

test.each([
  ["=1+1", "'=1+1"],
  ["+1", "'+1"],
  ["-1", "'-1"],
  ["@SUM(A1)", "'@SUM(A1)"],
  ['say "a, b"', 'say "a, b"'],
  ["a\nb\r\u001b[31m", "a↵b␍␛[31m"],
  ["\t=1", "⇥=1"],
])("csv: the text %j is the cell %j", (text, cell) => {
  const rows = readCsv(toCsv(withText(text))).slice(1);
  for (const row of rows) expect([row[1], row[3], row[4]]).toEqual([cell, cell, ""]);
});

test("csv and ndjson of any text have as many lines and columns, and no control character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 20 }), (text) => {
      const csv = toCsv(withText(text));
      const rows = readCsv(csv);
      expect(rows).toHaveLength(1 + result.attributions.length * result.labels.length);
      for (const row of rows) expect(row).toHaveLength(8);
      expect(csv.replaceAll("\r\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      for (const line of toNdjson(withText(text)).trimEnd().split("\n")) {
        expect(JSON.parse(line).prompt.text).toBe(text);
      }
    }),
  );
});
