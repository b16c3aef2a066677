import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { type AttributionResult, directLogitAttribution, toCsv } from "../../src/index.ts";
import { attributionOf, resultOf } from "../report/support.ts";
import { type Cell, readCsv } from "../support/csv.ts";
import { hardNumbers, hardTexts } from "../support/hardTexts.ts";
import { blocksOf } from "../support/markdown.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const interpreter = here(process.platform === "win32" ? ".venv/Scripts/python.exe" : ".venv/bin/python");
const folder = mkdtempSync(join(tmpdir(), "logitscope-csv-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Read = { text: number[] } | { bits: string } | number | null;
type Reader = "pandas" | "duckdb";

/** What each reader has of the columns and rows, by the code of docs/csv.md. */
function readBy(csv: string, ...more: string[]): Record<Reader, [string[], Read[][]]> {
  const file = join(folder, "rows.csv");
  writeFileSync(file, csv);
  const blocks = blocksOf("docs/csv.md").map(({ code }) => code);
  const args = [here("read_csv.py"), file, JSON.stringify(blocks), ...more];
  return JSON.parse(execFileSync(interpreter, args, { encoding: "utf8", maxBuffer: 2 ** 30 }));
}

const numbers = new Set(["score", "leave_one_out", "logit", "bias", "check"]);
const whole = new Set(["record", "prompt", "pos", "layer", "head", "neuron", "source_pos"]);

/** The same of the parser that the other tests have. pandas, before version 3, ends a text at a NUL, and does not tell a missing one from an empty one. */
function expected(csv: string, reader: Reader): [string[], Read[][]] {
  const { header, rows } = readCsv(csv);
  const textOf = (text: string) => ({ text: Array.from(text, (char) => char.codePointAt(0)!) });
  const plain = (cell: Cell, name: string): Read => {
    const isText = !numbers.has(name) && !whole.has(name);
    if (cell === null) return isText && reader === "pandas" ? textOf("") : null;
    const text = String(cell); // an answer_id may be a number
    if (isText) return textOf(reader === "pandas" ? text.split("\0")[0] : text);
    if (typeof cell === "string") throw new Error(`${name}: ${cell} is a text`);
    if (whole.has(name)) return cell;
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(cell);
    return { bits: bytes.toString("hex") };
  };
  return [header, rows.map((row) => row.map((cell, i) => plain(cell, header[i])))];
}

const model = await demoModel({ compatibilityMode: true });

describe.each(["component", "head", "full", "source", "path"] as const)("by %s", (unit) => {
  test("pandas and DuckDB read every text and every bit, and that the rows add up", () => {
    const prompts = ["The capital of France is", "The bags near the cabinet"];
    const asked = {
      answer: [" Paris", { text: " are." }],
      wrong: [" Rome", { text: " is." }],
      unit,
      leaveOneOut: unit === "head",
    };
    const csv = toCsv(directLogitAttribution(model, prompts, asked), { record: 3, id: '"a"' });
    const { pandas, duckdb } = readBy(csv, "check");
    expect(pandas).toEqual(expected(csv, "pandas"));
    expect(duckdb).toEqual(expected(csv, "duckdb"));
  });
});

test("texts that readers are known to stumble on, and numbers at the ends of float64's range", () => {
  const one = (token: string, i: number): AttributionResult => {
    const score = hardNumbers[i % hardNumbers.length];
    return resultOf([token], [], {
      prompts: [{ text: null, tokens: [0, 1, 2], stringTokens: ["", "", token] }],
      attributions: [
        {
          ...attributionOf([1]),
          scores: { shape: [1], data: Float64Array.of(score) },
          leaveOneOut: { shape: [1], data: Float64Array.of(-score) },
          answer: { id: 3, text: token },
          wrong: i % 2 === 0 ? null : { id: 4, text: hardTexts[i - 1] },
        },
      ],
    });
  };
  const csv = hardTexts
    .map((token, i) => toCsv(one(token, i), { header: i === 0, record: i, id: JSON.stringify(token) }))
    .join("");
  const { pandas, duckdb } = readBy(csv);
  expect(duckdb).toEqual(expected(csv, "duckdb"));
  expect(pandas).toEqual(expected(csv, "pandas"));
});
