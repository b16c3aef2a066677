import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { eachLine, type Output } from "../../src/cli/io.ts";
import { type AttributionOptions, directLogitAttribution, toCsv, toNdjson } from "../../src/index.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { csvHeader } from "../../src/report/index.ts";
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
    [
      "no UTF-8",
      [Uint8Array.of(0xff, 0x0a)],
      /^logitscope: line 1: got bytes that are not UTF-8, expected UTF-8 text\. Convert it first: iconv -t utf-8\nnote: 0 of 1/,
    ],
    ["none that is good", "x\n", /^logitscope: line 1: got no JSON.*\nnote: 0 of 1 records attributed\n$/],
  ])("%s: exit code 1", async (_, stdin, message) => {
    const { code, stdout, stderr } = await run([...model, "--input", "-"], { stdin });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(message);
  });

  test.each(["", "\n\n", "\ufeff", "\ufeff\n \n"])(
    "no record, as of an empty shard, is no fault: %j",
    async (stdin) => {
      const { code, stdout, stderr } = await run([...model, "--input", "-"], { stdin });
      expect([code, stdout]).toEqual([0, ""]);
      expect(stderr).toBe("note: stdin has no record: nothing to attribute\n");
      const file = join(files, "empty.ndjson");
      writeFileSync(file, stdin);
      const csv = await run([...model, "--input", file, "--format", "csv"]);
      expect([csv.code, csv.stdout]).toEqual([0, csvHeader]);
      expect(csv.stderr).toBe(`note: ${file} has no record: nothing to attribute\n`);
    },
  );

  test("a line that is not UTF-8 is told of, and all others are attributed", async () => {
    const good = new TextEncoder().encode(input({ prompt: "a b", answer: " a" }));
    const bad = Uint8Array.from([
      ...new TextEncoder().encode('{"prompt": "caf'),
      0xe9,
      ...new TextEncoder().encode('"}\n'),
    ]);
    const stdin = [...Array(99).fill(good), bad, ...Array(99).fill(good)];
    const { code, stdout, stderr } = await run([...model, "--input", "-"], { stdin });
    expect(code).toBe(3);
    expect(linesOf(stdout).map(({ line }) => line)).toEqual([
      ...Array.from({ length: 99 }, (_, i) => i + 1),
      ...Array.from({ length: 99 }, (_, i) => i + 101),
    ]);
    expect(stderr).toMatch(/^logitscope: line 100: got bytes that are not UTF-8/);
  });

  test("a byte-order mark at the start of any line is left out, as in files put together", async () => {
    const part = `\ufeff${input({ prompt: "a b", answer: " a" }, { prompt: "a", answer: " a" })}`;
    const marked = await run([...model, "--input", "-"], { stdin: part + part });
    const plain = await run([...model, "--input", "-"], { stdin: (part + part).replaceAll("\ufeff", "") });
    expect(marked).toEqual({ ...plain, code: 0, stderr: "" });
  });

  test("lines of any bytes, in any chunks, are those of a decoder of the whole", async () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "é", "\u{1f600}", "\r", "\n", "\ufeff", "\u2028", " "),
    });
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }),
        async (text, sizes) => {
          const bytes = new TextEncoder().encode(text);
          const chunks = async function* () {
            const shared = new Uint8Array(5); // as a source that gives the same buffer again
            for (let at = 0, i = 0; at < bytes.length; i++) {
              const piece = bytes.subarray(at, at + sizes[i % sizes.length]);
              shared.set(piece);
              yield shared.subarray(0, piece.length);
              at += piece.length;
            }
          };
          const found = [];
          for await (const line of eachLine(chunks())) found.push(line);
          const want = text.split("\n").map((line) => line.replace(/^\ufeff/, "").replace(/\r$/, ""));
          expect(found).toEqual(want.at(-1) === "" ? want.slice(0, -1) : want);
        },
      ),
    );
  });

  test("a record's output is there before the next record comes", { timeout: 20_000 }, async () => {
    let answered = 0;
    const stdin = async function* () {
      for (let sent = 0; sent < 3; sent++) {
        while (answered < sent) await new Promise((resolve) => setTimeout(resolve, 1));
        yield input({ prompt: "a b", answer: " a", id: sent });
      }
    };
    const stdout: Partial<Output> = {
      write(text, callback) {
        expect(linesOf(text).map(({ id }) => id)).toEqual([answered++]);
        callback();
      },
    };
    const { code } = await run([...model, "--input", "-"], { stdin: stdin(), stdout });
    expect([code, answered]).toEqual([0, 3]);
  });

  test.each([
    ...[
      "3791411052119578828",
      "1.0",
      "1e400",
      "-0",
      '"\\u0061\\/"',
      '{"a" : [1.50, "}"]}',
      "null",
      '"\u2028"',
    ],
  ])("an id comes back as it was written: %s", async (id) => {
    const stdin = `{"id": ${id} , "prompt": "a b"}\n`;
    const args = [...model, "--input", "-", "--answer", " a", "--pos", "all"];
    const { code, stdout } = await run(args, { stdin });
    const lines = stdout.split("\n").slice(0, -1);
    expect([code, lines.length]).toEqual([0, 3]);
    for (const line of lines) {
      expect(line.startsWith(`{"line":1,"id":${id},"schemaVersion":`)).toBe(true);
      JSON.parse(line);
    }
    const plain = await run(args, { stdin: '{"prompt": "a b"}\n' });
    expect(stdout.replaceAll(`"id":${id},`, "")).toBe(plain.stdout);
  });

  test("a record's own options go over the command's", async () => {
    const direction = Array.from({ length: gpt2.config.dModel }, (_, i) => i / 7 - 1);
    const records = [
      { prompt: "a b", answer: " a", pos: 0, unit: "head" },
      { prompt: "a b" },
      { tokens: [1, 2, 3], wrong: " b", pos: [0, -1], leaveOneOut: true, unit: "head" },
      { prompt: "a b", answer: 3, pos: "all", target: "logProbability" },
      { prompt: "a b", direction, probability: false },
      { prompt: "a b", prependBos: false, answer: { anyOf: [" a", 4], weights: "softmax" } },
      {
        prompt: "a b",
        answer: { text: " a b" },
        probability: false,
        allowRawWeights: true,
        unit: "component",
      },
    ];
    const { code, stdout, stderr } = await run(
      [...model, "--input", "-", "--answer", " c", "--unit", "layer", "--probability", "--pos", "1"],
      { stdin: input(...records) },
    );
    expect([code, stderr]).toEqual([0, ""]);
    const shared = { answer: " c", unit: "layer", probability: true, pos: 1 } as const;
    const want = records.flatMap(({ prompt, tokens, ...own }, i) => {
      const asked = own.direction
        ? { ...own, answer: undefined, direction: Float64Array.from(direction) }
        : own;
      const options = { ...shared, ...asked } as AttributionOptions;
      return linesOf(toNdjson(directLogitAttribution(gpt2, prompt ?? tokens, options), { line: i + 1 }));
    });
    expect(linesOf(stdout)).toEqual(want);
  });

  const known =
    "prompt, tokens, answer, wrong, direction, target, unit, pos, leaveOneOut, probability, allowRawWeights, prependBos, id";
  test.each([
    ["position", '"pos"'],
    ["positions", '"pos"'],
    ["units", '"unit"'],
    ["wrng", '"wrong"'],
    ["prompts", '"prompt"'],
    ["asnwer", '"answer"'],
    ["answers", '"answer"'],
    ["answer_id", '"answer"'],
    ["answer-text", '"answer": {"text": "…"}'],
    ["logProbability", '"target": "logProbability"'],
    ["leave_one_out", '"leaveOneOut"'],
    ["no_bos", '"prependBos": false'],
    ["token", '"tokens"'],
    ["text", '"prompt"'],
    ["idx", '"id"'],
    ["source", undefined],
    ["__proto__", undefined],
  ])("a name that there is not: %s", async (name, meant) => {
    const stdin = `{"prompt": "a", "answer": 3, ${JSON.stringify(name)}: 4}\n{"prompt": "a", "answer": 3}\n`;
    const { code, stderr } = await run([...model, "--input", "-"], { stdin });
    const hint = meant === undefined ? "" : `Did you mean ${meant}? `;
    expect(stderr).toBe(
      `logitscope: line 1: got a record with "${name}", expected ${known}. ${hint}What is your own goes under "id", as any JSON value.\n` +
        "note: 1 of 2 records attributed\n",
    );
    expect(code).toBe(3);
  });

  test.each<[object, string]>([
    [{ pos: 9 }, "got position 9, expected one from -2 to 1 in a prompt of 2 tokens"],
    [{ pos: null }, "got null, expected a number"],
    [{ unit: "heads" }, 'got unit "heads", expected'],
    [{ leaveOneOut: "false" }, 'leaveOneOut: got "false", expected true or false'],
    [{ probability: 1 }, "probability: got 1, expected true or false"],
    [{ direction: "up" }, 'direction: got "up", expected a list of numbers, one for each of dModel'],
    [{ direction: [1, "2"] }, "direction: got a list of 2, expected a list of numbers"],
    [{ answer: 99 }, "answer: got token id 99"],
    [
      { target: "logit", answer: "a b" },
      'answer: got "a b", which is 2 tokens ["a", " b"], expected one. Give all of them: "answer": {"text":"a b"}.',
    ],
    [
      { wrong: "a b" },
      'wrong: got "a b", which is 2 tokens ["a", " b"], expected one. Give all of them: "wrong": {"text":"a b"}.',
    ],
    [
      { answer: { anyOf: ["a b"] } },
      'answer: anyOf: 0: got "a b", which is 2 tokens ["a", " b"], expected one. Give a text that is one token, or an id.',
    ],
  ])("a value that cannot be: %j", async (own, message) => {
    const { code, stderr } = await run([...model, "--input", "-"], {
      stdin: input({ prompt: "a", answer: 3, ...own }),
    });
    expect(code).toBe(1);
    expect(stderr.startsWith(`logitscope: line 1: ${message}`)).toBe(true);
  });

  test("tokens as a text are refused, not read as one", async () => {
    const { stderr } = await run([...model, "--input", "-"], { stdin: '{"tokens": "a b", "answer": 3}' });
    expect(stderr).toContain(
      'line 1: tokens: got "a b", expected a list of ids. A text is given as "prompt".',
    );
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
