import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { directLogitAttribution, toCsv, toNdjson } from "../../src/index.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { readCsv } from "../support/csv.ts";
import { modelWithTokenizer, run } from "./support.ts";

const folder = modelWithTokenizer();
const model = ["--model", folder];
const gpt2 = await fromPretrained(folder, { compatibilityMode: true });
const files = mkdtempSync(join(tmpdir(), "logitscope-sweep-"));
afterAll(() => rmSync(files, { recursive: true }));

const linesOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
const input = (...lines: unknown[]) =>
  lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");

describe("--input", () => {
  test("each record's lines are the library's, with its line and id", async () => {
    const file = join(files, "records.ndjson");
    const records = [
      { prompt: "a b", answer: " a", id: "first" },
      { tokens: [1, 2, 3], answer: 4, wrong: " b" },
      { prompt: "c d", answer: " a", id: { any: ["thing"] } },
    ];
    writeFileSync(file, input(...records));
    const { code, stdout, stderr } = await run([...model, "--input", file, "--unit", "head", "--pos", "all"]);
    expect([code, stderr]).toEqual([0, ""]);
    const want = [
      ...linesOf(
        toNdjson(directLogitAttribution(gpt2, "a b", { answer: " a", unit: "head", pos: "all" }), {
          line: 1,
          id: "first",
        }),
      ),
      ...linesOf(
        toNdjson(
          directLogitAttribution(gpt2, [1, 2, 3], { answer: 4, wrong: " b", unit: "head", pos: "all" }),
          { line: 2 },
        ),
      ),
      ...linesOf(
        toNdjson(directLogitAttribution(gpt2, "c d", { answer: " a", unit: "head", pos: "all" }), {
          line: 3,
          id: { any: ["thing"] },
        }),
      ),
    ];
    expect(linesOf(stdout)).toEqual(want);
  });

  test("a bad record is told of by its line, and the others are attributed: exit code 3", async () => {
    const stdin = input(
      { prompt: "a b", answer: " a" },
      "",
      "nonsense",
      "[1]",
      { prompt: "a", tokens: [1], answer: " a" },
      { prompt: 7, answer: " a" },
      { prompt: "a", answer: [" a"] },
      { prompt: "a", answer: " nowhere" },
      { tokens: [1, 99], answer: 1 },
      { prompt: "b", answer: " a" },
    );
    const { code, stdout, stderr } = await run([...model, "--input", "-"], { stdin });
    expect(code).toBe(3);
    expect(linesOf(stdout).map(({ line }) => line)).toEqual([1, 10]);
    expect(stderr.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^logitscope: line 3: got no JSON \(.*\), expected an object a line$/),
      expect.stringMatching(/^logitscope: line 4: got a list of 1, expected an object/),
      expect.stringMatching(/^logitscope: line 5: got a record with both or neither/),
      expect.stringMatching(/^logitscope: line 6: prompt: got 7, expected a text/),
      expect.stringMatching(/^logitscope: line 7: answer: got a list of 1, expected a token/),
      expect.stringMatching(/^logitscope: line 8: .*nowhere/),
      expect.stringMatching(/^logitscope: line 9: .*99/),
      "note: 2 of 9 records attributed",
    ]);
  });

  test("csv has one header, and each record's number and id, those at fault and blank lines aside", async () => {
    const stdin = `${input({ prompt: "a b", id: "a,\n" }, "x")}\n\n${input({ prompt: "c", id: [1, null] }, { prompt: "c" })}`;
    const { stdout } = await run([...model, "--input", "-", "--answer", " a", "--format", "csv"], { stdin });
    const { header, rows } = readCsv(stdout);
    const column = (name: string) => rows.map((row) => row[header.indexOf(name)]);
    const each = (...values: unknown[]) => values.flatMap((value) => new Array(6).fill(value));
    expect(column("record")).toEqual(each(0, 2, 3));
    expect(column("id")).toEqual(each('"a,\\n"', "[1,null]", null));
    expect(column("prompt")).toEqual(each(0, 0, 0));
  });

  test("csv of a record is the library's", async () => {
    const stdin = input({ prompt: "a b", id: 7 });
    const asked = ["--answer", " a", "--wrong", " b", "--leave-one-out", "--pos", "all", "--unit", "head"];
    const { stdout } = await run([...model, "--input", "-", ...asked, "--format", "csv"], { stdin });
    const options = { answer: " a", wrong: " b", leaveOneOut: true, pos: "all", unit: "head" } as const;
    expect(stdout).toBe(toCsv(directLogitAttribution(gpt2, "a b", options), { id: "7" }));
  });

  test("lines are read as they come, whatever the chunks", async () => {
    const bytes = new TextEncoder().encode(
      input({ prompt: "a", answer: " a", id: "é" }, { prompt: "b", answer: " a" }),
    );
    const stdin = Array.from({ length: bytes.length }, (_, i) => bytes.subarray(i, i + 1));
    const { code, stdout } = await run([...model, "--input", "-"], { stdin });
    expect(code).toBe(0);
    expect(linesOf(stdout).map(({ id }) => id)).toEqual(["é", undefined]);
  });

  test.each([
    ["no record", "\n\n", "logitscope: -: got no record, expected one a line\n"],
    ["no UTF-8", [Uint8Array.of(0xff, 0x0a)], /^logitscope: stdin: got bytes that are not UTF-8/],
    ["none that is good", "x\n", /^logitscope: line 1: got no JSON.*\nnote: 0 of 1 records attributed\n$/],
  ])("%s: exit code 1", async (_, stdin, message) => {
    const { code, stdout, stderr } = await run([...model, "--input", "-"], { stdin });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(message);
  });

  test("a name that is nearly what a record lacks is told of; others are its writer's own", async () => {
    const lines = [
      '{"prompt": "a", "answer": 3, "wrng": 4}',
      '{"prompt": "a", "answer": 3, "strong": 5, "rng": 6, "token": 7, "answers": 8}',
      '{"prompts": "a", "answer": 3}',
      '{"prompt": "a", "asnwer": 3}',
    ];
    const { code, stdout, stderr } = await run([...model, "--input", "-"], { stdin: lines.join("\n") });
    expect(stderr).toBe(
      'logitscope: line 1: got a record with "wrng", expected "wrong", which it lacks. Rename one of them\n' +
        'logitscope: line 3: got a record with "prompts", expected "prompt", which it lacks. Rename one of them\n' +
        'logitscope: line 4: got a record with "asnwer", expected "answer", which it lacks. Rename one of them\n' +
        "note: 1 of 4 records attributed\n",
    );
    expect([code, stdout.split("\n").length]).toEqual([3, 2]);
    const given = await run([...model, "--input", "-", "--answer", "a"], {
      stdin: '{"prompt": "a", "answers": 3}',
    });
    expect([given.code, given.stderr]).toEqual([0, ""]);
  });

  test("a file that is not there", async () => {
    const { code, stderr } = await run([...model, "--input", join(files, "none")]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^logitscope: --input: .*none could not be read: ENOENT/);
  });

  test.each([
    [["a", "--input", "-"], "got a prompt and --input, expected one of them"],
    [["--input", ""], '--input: got "", expected a file, or - for stdin'],
    [["--input", "-", "--format", "table"], "got --input and --format table, expected ndjson or csv"],
    [["--input", "-", "--answer", "a", "--answer", "b"], "got several answers and --input"],
  ])("%j is a usage error", async (args, message) => {
    const { code, stderr } = await run([...model, ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
