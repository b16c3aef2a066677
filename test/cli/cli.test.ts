import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { type AttributionOptions, toJSON } from "../../src/dla/index.ts";
import {
  ablationEffects,
  ablationToJSON,
  compare,
  comparisonToJSON,
  directLogitAttribution,
  erasures,
  erasuresToJSON,
  lensToJSON,
  logitLens,
  meanEffects,
  promotedTokens,
  promotedTokensToJSON,
  toAblationTable,
  toComparisonTable,
  toErasuresTable,
  toLensTable,
  toPromotedTable,
} from "../../src/index.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { version } from "../../src/version.ts";
import { readCsv } from "../support/csv.ts";
import { modelFolder } from "../support/fixtures.ts";
import { modelWithTokenizer, run } from "./support.ts";

const folder = modelWithTokenizer();
const model = ["--model", folder] as const;
const ids = ["--model", modelFolder("base"), "--tokens", "18,26,16,10,16,9"] as const;
const long = "a".repeat(40);
const esc = "\x1b";

describe("exit code 0", () => {
  test("--help and --version need no model, and say so on stdout", async () => {
    const load = () => Promise.reject(new Error("loaded"));
    const helped = await run(["--help", "a prompt"], { load });
    expect(helped).toMatchObject({ code: 0, stderr: "" });
    expect(helped.stdout).toContain("usage: logitscope [PROMPT…] [options]");
    expect(await run(["-V"], { load })).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("the help names every option and fits 80 columns", async () => {
    const { stdout } = await run(["--help"]);
    for (const option of "answer wrong pos unit tokens answer-id wrong-id no-bos model raw-weights top format color".split(
      " ",
    ))
      expect(stdout).toContain(`--${option} `);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("ids need no tokenizer", async () => {
    const { code, stdout, stderr } = await run([...ids, "--answer-id", "3", "--wrong-id", "11"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(
      "18│26│16│10│16│[9]\nposition  5 of 0–5, after token 9\nlogit     token 3 − token 11\n",
    );
    expect(stdout).toContain("✓ adds up");
  });

  test("without an answer: the model's own prediction, and a note of it", async () => {
    const gpt2 = await fromPretrained(folder);
    const logits = gpt2.run("a b", { logits: "last" }).data;
    const best = logits.indexOf(Math.max(...logits));
    const { stderr, stdout } = await run([...model, "a b", "--format", "json"]);
    expect(JSON.parse(stdout).attributions[0].answer.id).toBe(best);
    expect(stderr).toBe(
      `note: no --answer given, so the model's top prediction: "${gpt2.toStringTokens([best])[0]}"\n`,
    );
  });

  test("without an answer, at every position: the prediction at each", async () => {
    const gpt2 = await fromPretrained(folder);
    const { shape, data } = gpt2.run("a b a b a b");
    const { stdout, stderr } = await run([...model, "a b a b a b", "--pos", "all", "--format", "json"]);
    const answers = JSON.parse(stdout).attributions.map(
      ({ answer }: { answer: { id: number } }) => answer.id,
    );
    expect(answers).toEqual(
      Array.from({ length: shape[1] }, (_, pos) => {
        const row = data.subarray(pos * shape[2], (pos + 1) * shape[2]);
        return row.indexOf(Math.max(...row));
      }),
    );
    expect(stderr).toBe(
      `note: no --answer given, so each of ${shape[1]} positions has the model's top prediction there\n`,
    );
  });

  test.each([["--pos=-2"], ["--pos", "-2"], ["--pos", "1"]])("%s", async (...pos) => {
    const { stdout } = await run([...model, "a b", "--answer", " a", ...pos]);
    expect(stdout).toContain("position  1 of 0–2");
  });

  test("--no-bos puts nothing in front", async () => {
    const { stdout } = await run([...model, "a b", "--answer", " a", "--no-bos"]);
    expect(stdout).toContain("prompt    a│[ b]\n");
    const every = await run([...model, "a b", "--no-bos", "--pos", "all", "--format", "json"]);
    expect(JSON.parse(every.stdout).attributions).toHaveLength(2);
  });

  test("--raw-weights attributes the weights as trained: another decomposition with a row for beta", async () => {
    const { stdout } = await run([...model, "a b", "--answer", " a", "--wrong", " b", "--raw-weights"]);
    expect(stdout).toMatch(/weights as trained[\s\S]*\nbeta /);
  });

  test("--top and --unit", async () => {
    const { stdout } = await run([...model, "a b", "--answer", " a", "--unit", "head", "--top", "2"]);
    expect(stdout).toMatch(/^5 others +[+-]\d/m);
  });

  test("an answer for all prompts, or one each", async () => {
    const answers = async (...options: string[]) => {
      const { stdout } = await run([...model, "a", "b c", ...options, "--format", "json"]);
      return JSON.parse(stdout).attributions.map(
        (item: { answer: { text: string }; wrong: { text: string } }) => [item.answer.text, item.wrong.text],
      );
    };
    expect(await answers("--answer", " a", "--wrong", " b", "--wrong", " c")).toEqual([
      [" a", " b"],
      [" a", " c"],
    ]);
    expect(await answers("--answer", " a", "--answer", " b", "--wrong-id", "9")).toEqual([
      [" a", " c"],
      [" b", " c"],
    ]);
  });

  test("a wrong token without an answer: against the model's own prediction", async () => {
    const { stdout } = await run([...model, "a", "--wrong", " b"]);
    expect(stdout).toMatch(/^logit {5}".+" − " b"$/m);
  });
});

describe("without a prompt: the demonstration", () => {
  test("by component and by head under one header", async () => {
    const { code, stdout, stderr } = await run([]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^model {5}demo · /);
    expect(stdout).toContain(" gave│ a│ drink│[ to]\n");
    expect(stdout.match(/^logit {5}" Mary" − " John"$/gm)).toHaveLength(1);
    expect(stdout.match(/^by {8}\w+/gm)).toEqual(["by        component", "by        head"]);
    expect(stdout.match(/^✓ adds up/gm)).toHaveLength(2);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("by the unit asked for; with the tokens asked for", async () => {
    expect((await run(["--unit", "layer"])).stdout.match(/^by {8}\w+/gm)).toEqual(["by        layer"]);
    expect((await run(["--answer", " John"])).stdout).toContain('logit     " John", relative to');
  });

  test("a document is by component", async () => {
    const { stdout } = await run(["--format", "json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      unit: "component",
      model: { name: "demo", compatibilityMode: true },
      prompts: [{ text: "When Mary and John went to the store, John gave a drink to" }],
      attributions: [{ answer: { text: " Mary" }, wrong: { text: " John" } }],
    });
  });
});

describe("stdin", () => {
  test("a prompt a line: CRLF, empty lines, a last line without its end, chunks that split a character", async () => {
    const bytes = new TextEncoder().encode("a b\r\n\n\u009b\nc");
    const stdin = [...bytes].map((byte) => Uint8Array.of(byte));
    const { code, stdout } = await run([...model, "d", "-", "e", "--answer", " a", "--format", "json"], {
      stdin,
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).prompts.map(({ text }: { text: string }) => text)).toEqual([
      "d",
      "a b",
      "\u009b",
      "c",
      "e",
    ]);
  });

  test("no line: 1", async () => {
    expect(await run([...model, "-"], { stdin: "\n\r\n" })).toEqual({
      code: 1,
      stdout: "",
      stderr: "logitscope: stdin: got no prompt, expected one a line\n",
    });
  });

  test("no UTF-8: 1", async () => {
    const stdin = [Uint8Array.of(0x61, 0xff)];
    expect(await run([...model, "-"], { stdin })).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "logitscope: stdin: line 1: got bytes that are not UTF-8, expected UTF-8 text. Convert it first: iconv -t utf-8\n",
    });
  });

  test("more answers than lines, or fewer: 2", async () => {
    const argv = [...model, "-", "--answer", " a", "--answer", " b"];
    expect(await run(argv, { stdin: "a\nb\nc\n" })).toEqual({
      code: 2,
      stdout: "",
      stderr:
        "logitscope: got --answer 2 times for 3 prompts, expected it once for all, or once for each. Try logitscope --help\n",
    });
    expect((await run(argv, { stdin: "a" })).stderr).toContain("got --answer 2 times for 1 prompt, expected");
    expect((await run([...argv, "--wrong", "a", "--wrong", "b"], { stdin: "a\nb" })).code).toBe(0);
  });
});

describe("exit code 3: some prompts failed, the others are done", () => {
  const tooLong = "got 41 tokens, expected at most 16 (the model's context). Shorten the prompt.";

  test("each that fails is named by its number", async () => {
    const { code, stdout, stderr } = await run([...model, "a", long, "q", "b", "--answer", " a"]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^prompt 0 .*\[a\]$[\s\S]*^prompt 1 .*\[b\]$/m);
    expect(stderr).toContain(`logitscope: prompt 1: ${tooLong}\n`);
    expect(stderr).toContain('logitscope: prompt 2: encode: got the byte 0x71 in "q"');
    expect(stderr).toContain("note: 2 of 4 prompts attributed; the output numbers these alone, from 0\n");
  });

  test("its own answer or position may be what fails", async () => {
    const { code, stderr } = await run([...model, "a", "b", "--answer", " a", "--answer", "a c"]);
    expect(code).toBe(3);
    expect(stderr).toContain(
      'logitscope: prompt 1: --answer: got "a c", which is 2 tokens ["a", " c"], expected one. Give all of them: --answer-text "a c".\n',
    );
    const short = await run([...model, "a", "a b c", "--answer", " a", "--pos", "3"]);
    expect(short.code).toBe(3);
    expect(short.stderr).toContain("logitscope: prompt 0: --pos: got position 3, expected one from -2 to 1");
  });

  test("all fail, or the only one: 1", async () => {
    const all = await run([...model, long, long, "--answer", " a"]);
    expect(all).toMatchObject({ code: 1, stdout: "" });
    expect(all.stderr).toBe(`logitscope: prompt 0: ${tooLong}\nlogitscope: prompt 1: ${tooLong}\n`);
    expect(await run([...model, long, "--answer", " a"])).toEqual({
      code: 1,
      stdout: "",
      stderr: `logitscope: ${tooLong}\n`,
    });
  });
});

describe("exit code 1", () => {
  test.each([
    [
      [...model, "a", "--answer", "bc"],
      '--answer: got "bc", which is 2 tokens ["b", "c"], expected one. Give all of them: --answer-text "bc".',
    ],
    [
      [...model, "a", "--answer", " a", "--wrong", "bc"],
      '--wrong: got "bc", which is 2 tokens ["b", "c"], expected one. Give all of them: --wrong-text "bc".',
    ],
    [
      [...model, "a", "--any-of", "bc"],
      '--any-of: got "bc", which is 2 tokens ["b", "c"], expected one. Give a text that is one token, or an id.',
    ],
    [
      [...model, "a", "--answer", ""],
      '--answer: got "", which is 0 tokens [], expected one. Give a text that is one token',
    ],
    [[...model, "a b", "--answer", "q"], '--answer: encode: got the byte 0x71 in "q"'],
    [[...model, "a", "--answer-id", "29"], "--answer-id: got token id 29, expected an integer from 0 to 28"],
    [[...model, "a", "--answer", " a", "--wrong-id", "29"], "--wrong-id: got token id 29"],
    [["--model", "/nowhere", "a"], "/nowhere: got nothing there, expected a folder with a model's files."],
    [
      ["--model", modelFolder("base"), "a"],
      "this model has no tokenizer files: give --tokens 1,2,3 (and --answer-id N)",
    ],
    [[...ids, "--answer", "a"], "--answer: got a text, expected ids"],
    [[...ids.slice(0, 2), "--tokens", "99"], "position 0: got token id 99"],
  ])("%j", async (argv, message) => {
    const { code, stdout, stderr } = await run(argv);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.startsWith(`logitscope: ${message}`), stderr).toBe(true);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });

  test("a text for a model whose tokenizer is of another kind, which is named; its ids are attributed", async () => {
    const folder = fileURLToPath(new URL("../fixtures/checkpoints/foreign-unigram", import.meta.url));
    const { code, stderr } = await run(["--model", folder, "The river", "--answer-id", "3"]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'logitscope: this model\'s tokenizer is of a kind that is not read (tokenizer.json: model.type "Unigram"): ' +
        "give --tokens 1,2,3 (and --answer-id N)\n",
    );
    const read = await run(["--model", folder, "--tokens", "3,17,80", "--answer-id", "3"]);
    expect(read.code).toBe(0);
  });

  test("a folder without a tokenizer is not asked for the demonstration's answer", async () => {
    const { code, stderr } = await run(["--model", modelFolder("base")]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      "logitscope: this model has no tokenizer files: give --tokens 1,2,3 (and --answer-id N)\n",
    );
  });

  test("an error nobody expected has no stack either", async () => {
    const load = () => Promise.reject(new TypeError(`a ${esc}[31mbug`));
    expect(await run(["a"], { load })).toEqual({ code: 1, stdout: "", stderr: "logitscope: a ␛[31mbug\n" });
  });

  test("stdout that cannot be written to", async () => {
    const stdout = {
      write: (_: string, done: (error: Error) => void) => done(new Error("ENOSPC: disk full")),
    };
    expect(await run(["--help"], { stdout })).toMatchObject({
      code: 1,
      stderr: "logitscope: ENOSPC: disk full\n",
    });
  });
});

describe("streams", () => {
  const gone = {
    write: (_: string, done: (error: Error) => void) => done(Object.assign(new Error(), { code: "EPIPE" })),
  };

  test("a reader that has gone is no failure", async () => {
    const argv = [...ids, "--answer-id", "1"];
    expect(await run(argv, { stdout: gone })).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await run(["--help"], { stdout: gone })).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("notes that nobody reads change nothing", async () => {
    expect(await run([...ids], { stderr: gone })).toMatchObject({ code: 0, stderr: "" });
    expect((await run(["--foo"], { stderr: gone })).code).toBe(2);
  });

  test("progress is for a terminal", async () => {
    const { stderr } = await run([...ids, "--answer-id", "1"], { stderr: { isTTY: true } });
    expect(stderr).toBe(`loading the model… its weights take 18 kB\r${esc}[2K`);
    const failed = await run(["--model", "/nowhere", "a"], { stderr: { isTTY: true } });
    expect(failed.stderr).toContain(`${esc}[2Klogitscope: /nowhere`);
  });

  test("the table is as wide as the terminal, within reason, or as COLUMNS says", async () => {
    const widest = async (stdout: { isTTY?: boolean; columns?: number }, COLUMNS?: string) => {
      const env = { NO_COLOR: "1", COLUMNS };
      const { stdout: text } = await run([...ids, "--answer-id", "1"], { stdout, env });
      return Math.max(
        ...text
          .split("\n")
          .filter((line) => /│.*█|█│/.test(line))
          .map((line) => line.length),
      );
    };
    expect(await widest({})).toBe(80);
    expect(await widest({ isTTY: true, columns: 100 })).toBe(100);
    expect(await widest({ isTTY: true, columns: 400 })).toBe(120);
    expect(await widest({ isTTY: false, columns: 100 })).toBe(80);
    expect(await widest({ isTTY: true, columns: 100 }, "60")).toBe(100);
    expect(await widest({}, "60")).toBe(60);
    expect(await widest({}, "150")).toBe(150);
    for (const none of ["", "0", "-1", "wide", "1e2"]) expect(await widest({}, none), none).toBe(80);
  });
});

describe("colour", () => {
  const colored = async (argv: string[], isTTY: boolean, env: Record<string, string>) =>
    (await run([...ids, "--answer-id", "1", ...argv], { stdout: { isTTY }, env })).stdout.includes(esc);

  test.each<[boolean, string[], boolean, Record<string, string>]>([
    [true, [], true, {}],
    [false, [], false, {}],
    [false, [], true, { NO_COLOR: "1" }],
    [true, [], true, { NO_COLOR: "" }],
    [false, [], true, { TERM: "dumb" }],
    [true, [], false, { FORCE_COLOR: "1" }],
    [true, [], false, { FORCE_COLOR: "1", NO_COLOR: "1" }],
    [true, [], false, { FORCE_COLOR: "" }],
    [false, [], true, { FORCE_COLOR: "0" }],
    [true, ["--color", "always"], false, { NO_COLOR: "1" }],
    [false, ["--color", "never"], true, { FORCE_COLOR: "1" }],
    [false, ["--format", "json", "--color", "always"], true, {}],
  ])("%s: %j, terminal %s, %j", async (expected, argv, isTTY, env) => {
    expect(await colored(argv, isTTY, env)).toBe(expected);
  });
});

describe("what a terminal would act upon is shown", () => {
  const prompt = `a${esc}[31m\n\u009b b`;

  test("in tables and notes", async () => {
    const { code, stdout, stderr } = await run([...model, prompt, "--answer-id", "12", "--wrong", "\n"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain('"␛" − "↵"');
    expect(stdout).toContain("│␛│[│3│1│m│↵│");
    expect(`${stdout}${stderr}`.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });

  test("in errors", async () => {
    const { stderr } = await run([...model, "a", "--answer", `b${esc}[31m\u009b`]);
    expect(stderr.trimEnd()).not.toMatch(/\p{Cc}/u);
    const folder = await run(["--model", `/no${esc}[2Jwhere`, "a"]);
    expect(folder.stderr).toContain("/no␛[2Jwhere");
  });

  test("in documents, which still say the same", async () => {
    const { stdout } = await run([...model, prompt, "--answer", " a", "--format", "json"]);
    expect(stdout.trimEnd()).not.toMatch(/\p{Cc}/u);
    expect(stdout).toContain("\\u009b");
    expect(JSON.parse(stdout).prompts[0].text).toBe(prompt);
  });
});

describe("a token without its leading space", () => {
  const note = 'note: "a" and " a" are different tokens; a word that follows in a text is " a"\n';

  test.each<[string, string[]]>([
    [note, ["b", "--answer", "a"]],
    [note, ["b", "--answer", " b", "--wrong", "a"]],
    [note, ["b", "b", "--answer", "a", "--answer", "a"]],
    ["", ["b", "--answer", " a"]],
    ["", ["b ", "--answer", "a"]],
    ["", ["b\n", "--answer", "a"]],
    ["", ["", "--answer", "a"]],
    ["", ["b", "--answer", "e"]],
    ["", ["b", "--answer", "."]],
    ["", ["b", "--answer-id", "1"]],
  ])("notes %j for %j", async (expected, argv) => {
    expect(await run([...model, ...argv])).toMatchObject({ code: 0, stderr: expected });
  });
});

describe("--format json", () => {
  const keys = (value: object) => Object.keys(value).sort();

  test("the document has the keys of the design, and no others", async () => {
    const { stdout } = await run([...model, "a b", "c", "--answer", " a", "--format", "json"]);
    const document = JSON.parse(stdout);
    expect(stdout).toMatch(/\}\n$/);
    expect(keys(document)).toEqual([
      "attributions",
      "axes",
      "labels",
      "mean",
      "model",
      "prompts",
      "schemaVersion",
      "unit",
      "version",
    ]);
    expect(document).toMatchObject({ schemaVersion: 1, version, unit: "component", axes: ["component"] });
    expect(keys(document.model)).toEqual([
      "backend",
      "compatibilityMode",
      "dModel",
      "dVocab",
      "heads",
      "layers",
      "name",
    ]);
    expect(document.labels).toEqual([
      "embed",
      "pos_embed",
      "0_attn_out",
      "0_mlp_out",
      "1_attn_out",
      "1_mlp_out",
    ]);
    for (const prompt of document.prompts) expect(keys(prompt)).toEqual(["stringTokens", "text", "tokens"]);
    for (const attribution of document.attributions) {
      expect(keys(attribution)).toEqual(["answer", "check", "pos", "prompt", "scores", "wrong"]);
      expect(attribution.answer).toEqual({ id: 7, text: " a" });
      expect(attribution.wrong).toBeNull();
      expect(attribution.scores).toHaveLength(6);
      expect(keys(attribution.check)).toEqual([
        "bias",
        "bound",
        "error",
        "logit",
        "rounding",
        "roundingBound",
        "sum",
      ]);
      for (const number of [...attribution.scores, ...Object.values(attribution.check)])
        expect(number).toBeTypeOf("number");
    }
    expect(keys(document.mean)).toEqual(["scores", "standardErrors"]);
  });

  test("it is toJSON of the library's result, to the bit", async () => {
    const gpt2 = await fromPretrained(folder, { compatibilityMode: true });
    const prompts = ["a b", "c", "b c"];
    const options = { answer: " a", wrong: " b", unit: "head", pos: "all" } as const;
    const argv = [...prompts, "--answer", " a", "--wrong", " b", "--unit", "head", "--pos", "all"];
    const { stdout } = await run([...model, ...argv, "--format", "json"]);
    const want = toJSON(directLogitAttribution(gpt2, prompts, options));
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(want)));
  });

  test("one attribution has no mean; ids have no text", async () => {
    const { stdout } = await run([...ids, "--answer-id", "3", "--format", "json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      prompts: [{ text: null, tokens: [18, 26, 16, 10, 16, 9], stringTokens: null }],
      attributions: [{ prompt: 0, pos: 5, answer: { id: 3, text: null }, wrong: null }],
      mean: null,
    });
  });
});

test("what the loader warns of is a note on stderr", async () => {
  const argv = ["--model", modelFolder("tied-differs"), "--tokens", "1,2", "--answer-id", "3"];
  const { code, stdout, stderr } = await run(argv);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^note: lm_head\.weight: .*\n$/);
  expect(stdout).not.toContain("lm_head");
});

describe("--format ndjson and csv", () => {
  test("are the document's attributions, a line each or a line a row", async () => {
    const args = [...model, "a b", "c d e", "--answer", " a", "--pos", "all"];
    const [json, ndjson, csv] = await Promise.all(
      ["json", "ndjson", "csv"].map(async (format) => run([...args, "--format", format])),
    );
    expect([json, ndjson, csv].map(({ code }) => code)).toEqual([0, 0, 0]);
    const { attributions, labels, prompts } = JSON.parse(json.stdout);
    const lines = ndjson.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ scores }) => scores)).toEqual(
      attributions.map(({ scores }: { scores: number[] }) => scores),
    );
    expect(lines.map(({ prompt }) => prompt)).toEqual(
      attributions.map(({ prompt }: { prompt: number }) => prompts[prompt]),
    );
    expect(csv.stdout.trimEnd().split("\r\n")).toHaveLength(1 + attributions.length * labels.length);
  });

  test("ndjson has no character that a terminal would act upon", async () => {
    const { stdout } = await run([...model, "a\u001b[31m b", "--answer", " a", "--format", "ndjson"]);
    expect(stdout.replaceAll(/\r?\n/g, "")).not.toMatch(/\p{Cc}/u);
  });

  test("csv has every text as it is in a file, and nothing that a terminal would act upon on one", async () => {
    const args = ["a\u001b", "--answer", " a", "--format", "csv"];
    const file = await run([...model, ...args]);
    const { header, rows } = readCsv(file.stdout);
    const cell = (name: string) => rows[0][header.indexOf(name)];
    expect([cell("token"), cell("answer"), cell("prompt"), cell("record"), cell("id")]).toEqual([
      ...["\u001b", " a"],
      ...[0, 0, null],
    ]);
    const shown = await run([...model, ...args], { stdout: { isTTY: true } });
    expect(shown.stdout).toBe(file.stdout.replaceAll("\u001b", "␛"));
    const sweep = await run([...model, "--input", "-", "--format", "csv"], {
      stdin: JSON.stringify({ prompt: "a\u001b", answer: " a" }),
      stdout: { isTTY: true },
    });
    expect(sweep.stdout).toBe(shown.stdout);
  });
});

test("--leave-one-out has the library's numbers, and is refused where rows are cumulative", async () => {
  const { stdout } = await run([...model, "a b", "--answer", " a", "--leave-one-out", "--format", "json"]);
  const gpt2 = await fromPretrained(folder, { compatibilityMode: true });
  const want = directLogitAttribution(gpt2, "a b", { answer: " a", leaveOneOut: true }).attributions[0];
  expect(JSON.parse(stdout).attributions[0].leaveOneOut).toEqual([...want.leaveOneOut!.data]);
  const refused = await run([...model, "a b", "--answer", " a", "--leave-one-out", "--unit", "layer"]);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toContain('unit "layer"');
});

describe("what an answer may be", () => {
  const argv = [...model, "a b", "--format", "json"];
  test.each<[string[], AttributionOptions]>([
    [
      ["--answer-text", " a b", "--wrong-text", " b a"],
      { answer: { text: " a b" }, wrong: { text: " b a" } },
    ],
    [["--any-of", " a", "--any-of", " b"], { answer: { anyOf: [" a", " b"] } }],
    [
      ["--answer", " c", "--wrong-any-of", " a", "--wrong-any-of", " b", "--weights", "softmax"],
      { answer: " c", wrong: { anyOf: [" a", " b"], weights: "softmax" } },
    ],
    [["--answer", " a", "--log-probability"], { answer: " a", target: "logProbability" }],
    [["--answer", " a", "--probability"], { answer: " a", probability: true }],
  ])("%j: the library's numbers", async (more, options) => {
    const { stdout, code } = await run([...argv, ...more]);
    const gpt2 = await fromPretrained(folder, { compatibilityMode: true });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(
      JSON.parse(JSON.stringify(toJSON(directLogitAttribution(gpt2, "a b", options)))),
    );
  });

  test("without a prompt --log-probability is of the demonstration's answer alone", async () => {
    const { stdout, code } = await run(["--log-probability"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/log prob {2}" Mary"\n/);
  });

  test("a text that one prompt has no room for keeps no other from being attributed", async () => {
    const { nCtx } = (await fromPretrained(folder, { compatibilityMode: true })).config;
    const long = " a".repeat(nCtx - 2);
    const { stdout, stderr, code } = await run([
      ...model,
      "a",
      long,
      "--answer-text",
      " a b c",
      "--format",
      "json",
    ]);
    expect(code).toBe(3);
    expect(JSON.parse(stdout).attributions).toHaveLength(1);
    expect(stderr).toContain("prompt 1: --answer-text: got");
  });

  test("a token twice in a set is a usage error", async () => {
    const { code, stderr } = await run([...model, "a", "--any-of", " a", "--any-of", " a"]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining("got one token twice by --any-of, expected a set"),
    ]);
  });

  test("a token of a set that is none is told of by its option", async () => {
    const { code, stderr } = await run([...model, "a b", "--any-of", "a b c d"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^logitscope: --any-of: got "a b c d"/);
  });

  test("records have them in the library's form", async () => {
    const stdin =
      '{"prompt":"a","answer":{"text":" a b"}}\n{"prompt":"a","answer":[1]}\n{"prompt":"a","answer":{"any":1}}\n';
    const { stdout, stderr, code } = await run([...model, "--input", "-", "--probability"], { stdin });
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ answer: { text: " a b" }, tokens: [{ pos: 1 }, { pos: 2 }] });
    expect(stderr).toContain("line 2: answer: got a list of 1, expected a token as text or id");
    expect(stderr).toMatch(/line 3: answer: .*expected a token, \{ text \}/);
  });
});

describe("--lens", () => {
  test("is the library's logit lens, as a table and as a document", async () => {
    const gpt2 = await fromPretrained(folder, { compatibilityMode: true });
    const lens = logitLens(gpt2, ["a b", "c"], { answer: " a", pos: "all" });
    const args = [...model, "a b", "c", "--answer", " a", "--pos", "all", "--lens"];
    expect((await run(args)).stdout).toBe(toLensTable(lens));
    const { stdout } = await run([...args, "--format", "json"]);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(lensToJSON(lens))));
    expect(JSON.parse(stdout).lenses[0].ranks).toEqual([...lens.lenses[0].ranks!]);
  });

  test.each([
    [["--unit", "head"], "got --lens and --unit, expected one of them"],
    [["--leave-one-out"], "got --lens and --leave-one-out"],
    [["--top", "3"], "got --lens and --top"],
    [["--format", "csv"], "got --lens and --format csv, expected table or json"],
  ])("with %j is a usage error", async (more, message) => {
    const { code, stderr } = await run([...model, "a", "--lens", ...more]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("--erasures and --promoted", () => {
  test("are the library's, as a table and as a document", async () => {
    const gpt2 = await fromPretrained(folder, { compatibilityMode: true });
    const erased = erasures(gpt2, ["a b", "c"], { answer: " a", pos: "all", unit: "head" });
    const asked = [...model, "a b", "c", "--pos", "all"];
    const args = [...asked, "--erasures", "--answer", " a", "--unit", "head"];
    expect((await run(args)).stdout).toBe(toErasuresTable(erased));
    const json = await run([...args, "--format", "json"]);
    expect(JSON.parse(json.stdout)).toEqual(JSON.parse(JSON.stringify(erasuresToJSON(erased))));

    const promoted = promotedTokens(gpt2, ["a b", "c"], { component: "L1N2", pos: "all", top: 2 });
    const more = [...asked, "--promoted", "L1N2", "--top", "2"];
    const table = await run(more);
    expect(table.stdout).toBe(toPromotedTable(promoted));
    expect(table.stderr).toBe("");
    const document = await run([...more, "--format", "json"]);
    expect(JSON.parse(document.stdout)).toEqual(JSON.parse(JSON.stringify(promotedTokensToJSON(promoted))));
  });

  test("a component that the model does not have is told of", async () => {
    const { code, stdout, stderr } = await run([...model, "a", "--promoted", "L9H9"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^logitscope: promotedTokens: got component "L9H9", expected one of "embed"/);
  });
});

describe("--compare", () => {
  test("is the library's comparison, as a table and as a document", async () => {
    const gpt2 = await fromPretrained(folder, { compatibilityMode: true });
    const [a, b] = ["a b", "c d"].map((prompt) =>
      directLogitAttribution(gpt2, prompt, { answer: " a", unit: "head" }),
    );
    const args = [...model, "a b", "--compare", "c d", "--answer", " a", "--unit", "head"];
    expect((await run(args)).stdout).toBe(toComparisonTable(compare(a, b)));
    const { stdout } = await run([...args, "--format", "json"]);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(comparisonToJSON(compare(a, b)))));
  });

  test("by source: tokens that differ are named side by side; prompts of other lengths are refused", async () => {
    const args = [...model, "a b", "--compare", "a c", "--answer", " a", "--unit", "source"];
    const { stdout, code } = await run(args);
    expect(code).toBe(0);
    expect(stdout).toContain('" b/ c"(2)');
    const document = JSON.parse((await run([...args, "--format", "json"])).stdout);
    expect(document.attributions[0].scores[0]).toHaveLength(document.attributions[0].sources.length);
    const longer = await run([...model, "a b", "--compare", "a b c", "--answer", " a", "--unit", "source"]);
    expect(longer.code).toBe(1);
    expect(longer.stderr).toMatch(/compare: prompt 0: shape of a row: got \d in A and \d in B/);
  });

  test("a prompt that cannot be attributed fails both", async () => {
    const { code, stdout, stderr } = await run([...model, "a b", "--compare", "q", "--answer", " a"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^logitscope: prompt 1: /);
  });

  test.each([
    [["--compare", "b"], "got --compare without one prompt as text beside it"],
    [["a", "c", "--compare", "b"], "got --compare without one prompt as text beside it"],
    [["--tokens", "1", "--compare", "b"], "got --compare without one prompt as text beside it"],
    [["a", "--compare", ""], '--compare: got "", expected a prompt'],
    [["a", "--compare", "b", "--format", "csv"], "got --compare and --format csv, expected table or json"],
    [["--input", "-", "--compare", "b"], "got --compare and --input"],
    [["a", "--compare", "b", "--lens"], "got --lens and --compare"],
  ])("%j is a usage error", async (args, message) => {
    const { code, stderr } = await run([...model, ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("--ablate", () => {
  const prompts = ["a b", "b a"];
  const asked = [...model, ...prompts, "--answer", " a", "--wrong", " b"];

  test.each([
    ["zero", "component"],
    ["zero", "head"],
    ["mean", "component"],
    ["mean", "head"],
  ] as const)("%s, by %s: the library's numbers, as a document and in the table", async (ablate, unit) => {
    const gpt2 = await fromPretrained(folder, { compatibilityMode: true });
    const options = {
      answer: " a",
      wrong: " b",
      unit,
      replace: ablate === "zero" ? ablate : { mean: prompts },
    };
    const want = await ablationEffects(gpt2, prompts, options);
    const { code, stdout } = await run([...asked, "--ablate", ablate, "--unit", unit, "--format", "json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(ablationToJSON(want))));
    expect(JSON.parse(stdout)).toMatchObject({ version, ablate, at: "all" });
    const table = await run([...asked, "--ablate", ablate, "--unit", unit]);
    expect(table.stdout).toBe(toAblationTable(want));
    const lines = table.stdout.split("\n");
    for (const [k, label] of want.labels.entries()) {
      const shown = lines
        .filter((line) => line.startsWith(`${label} `))
        .map((line) => line.split(/\s+/).slice(1));
      expect(shown, label).toHaveLength(3); // and the mean
      for (const [i, { total, direct, indirect, frozen }] of want.attributions.entries()) {
        for (const [e, effect] of [total, direct, indirect, frozen].entries())
          expect(Number(shown[i][e]), label).toBeCloseTo(effect[k], 3);
      }
      const means = meanEffects(want);
      for (const [e, effect] of (["total", "direct", "indirect"] as const).entries()) {
        expect(Number(shown[2][3 * e]), label).toBeCloseTo(means[effect].scores.data[k], 3);
        expect(shown[2][3 * e + 1]).toBe("±");
        expect(Number(shown[2][3 * e + 2]), label).toBeCloseTo(means[effect].standardErrors!.data[k], 3);
      }
    }
  });

  test("zero says of a head what --leave-one-out says, sign and digits alike", async () => {
    const ablated = await run(["--ablate", "zero", "--unit", "head"]);
    const left = await run(["--leave-one-out", "--unit", "head"]);
    const number = (text: string, pattern: RegExp) => pattern.exec(text)?.[1];
    const direct = number(ablated.stdout, /^L2H1 +\S+ +(\S+)/m);
    expect(direct).toMatch(/^-2\.48\d\d$/);
    expect(number(left.stdout, /^L2H1 +\S+ +\((\S+)\)/m)).toBe(direct);
  });

  test("tells a terminal how far it is, and clears that line; tells nobody else", async () => {
    const args = ["--ablate", "zero", "--unit", "head"];
    const shown = await run(args, { stderr: { isTTY: true } });
    expect(shown.stderr).toContain("ablating each head… 16%");
    expect(shown.stderr.endsWith("\r\x1b[2K")).toBe(true);
    expect((await run(args)).stderr).not.toContain("ablating");
  });

  test("zero of folded heads says that their value biases stay; kept, it is that of the weights as trained", async () => {
    const note =
      "note: folding moved each head's value bias into b_O, where a head at zero leaves it; --keep-value-biases takes it along, " +
      "as on the weights as trained\n";
    const zero = ["--ablate", "zero", "--unit", "head", "--format", "json"];
    const totals = ({ stdout }: { stdout: string }) => JSON.parse(stdout).attributions[0].total as number[];
    const folded = await run(zero);
    expect(folded.stderr).toBe(note);
    const kept = await run([...zero, "--keep-value-biases"]);
    const raw = await run([...zero, "--raw-weights"]);
    expect([kept.stderr, raw.stderr]).toEqual(["", ""]);
    expect(JSON.parse(kept.stdout).model.valueBiases).toBe("kept");
    const off = (one: number[]) => Math.max(...one.map((value, k) => Math.abs(value - totals(raw)[k])));
    expect(off(totals(kept))).toBeLessThan(1e-4);
    expect(off(totals(folded))).toBeGreaterThan(2);
    expect((await run(["--ablate", "zero"])).stderr).toBe("");
    expect((await run(["--keep-value-biases"])).stdout).toMatch(/compatibility mode ·\s+value biases kept/);
    expect(await run(["--raw-weights", "--keep-value-biases"])).toMatchObject({ code: 2 });
  });

  test("--top takes those of the greatest total, and the table is what it is", async () => {
    const { stdout } = await run([...model, "a b", "--answer", " a", "--ablate", "zero", "--top", "2"]);
    const gpt2 = await fromPretrained(folder, { compatibilityMode: true });
    const { labels, attributions } = await ablationEffects(gpt2, "a b", { answer: " a" });
    const [{ total }] = attributions;
    const greatest = [...labels.keys()].sort((a, b) => Math.abs(total[b]) - Math.abs(total[a])).slice(0, 2);
    const start = stdout.indexOf("ablated");
    const lines = stdout.slice(start).split("\n");
    expect(lines[0]).toBe("ablated   component · zero at every position");
    expect(lines[1].trim().split(/\s+/)).toEqual(["total", "direct", "indirect", "frozen"]);
    expect(lines.slice(2, 4).map((line) => line.split(" ")[0])).toEqual(greatest.map((row) => labels[row]));
    expect(lines.slice(4)).toEqual([
      "",
      "total: the change of the logit, all later layers computed anew",
      "direct: the same in the final residual stream alone, LayerNorm computed anew",
      "indirect: total − direct, of the digits shown",
      "frozen: the change of the attribution's row, LayerNorm's scale held",
      "",
    ]);
  });

  test("the mean over one prompt, or over shorter ones, is refused", async () => {
    const alone = await run([...model, "a b", "--answer", " a", "--ablate", "mean"]);
    expect(alone).toMatchObject({ code: 2, stdout: "" });
    expect(alone.stderr).toBe(
      "logitscope: --ablate mean: got one prompt, expected several, as many tokens each. Try logitscope --help\n",
    );
    const uneven = await run([...model, "a b", "a", "--answer", " a", "--ablate", "mean"]);
    expect(uneven).toMatchObject({ code: 1, stdout: "" });
    expect(uneven.stderr).toContain("replace.mean: got a reference prompt (1) of 2 tokens for a prompt of 3");
  });

  test("the demonstration, by component", async () => {
    const { code, stdout } = await run(["--ablate", "zero"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/2_mlp_out +-3\.9959 +-3\.9959 +-?0\.0000 +-4\.2295/);
  });
});

describe("next, the token that follows", () => {
  const prompt = "The capital of France is";
  const json = async (args: string[]) => {
    const { stdout, stderr, code } = await run([...args, "--format", "json"]);
    return { document: code === 0 ? JSON.parse(stdout) : null, stderr, code };
  };
  const answers = (document: { attributions: { pos: number; answer: { text: string } | null }[] }) =>
    document.attributions.map(({ pos, answer }) => [pos, answer?.text]);

  test("is what it is in the library, as answer and as wrong one, at a position or all that have one", async () => {
    const model = await demoModel({ compatibilityMode: true });
    const all = await json([prompt, "--answer", "next", "--pos", "all"]);
    const want = toJSON(directLogitAttribution(model, [prompt], { answer: "next", pos: "all" }));
    expect(all.document.attributions).toEqual(JSON.parse(JSON.stringify(want.attributions)));
    const follow = ["The", " capital", " of", " France", " is"];
    expect(answers(all.document)).toEqual(follow.map((text, pos) => [pos, text]));
    const one = await json([prompt, "--answer", " Rome", "--wrong", "next", "--pos", "3"]);
    expect(one.document.attributions[0].wrong.text).toBe(" France");
    const mixed = await json([prompt, prompt, "--answer", "next", "--answer", " Rome", "--pos", "2"]);
    expect(answers(mixed.document)).toEqual([
      [2, " of"],
      [2, " Rome"],
    ]);
  });

  test("is said in the table, and is asked by every question that has an answer", async () => {
    const { stdout } = await run([prompt, "--answer", "next", "--pos", "3"]);
    expect(stdout).toMatch(/logit {5}" France".*\n +" France" is the token that follows\n/);
    for (const question of [["--lens"], ["--erasures"], ["--ablate", "zero"], ["--compare", prompt]]) {
      const { document } = await json([prompt, "--answer", "next", "--pos", "3", ...question]);
      const one = document.lenses?.[0] ?? document.attributions[0];
      expect((one.a ?? one).answer.text, question[0]).toBe(" France");
    }
  });

  test("is so in a record", async () => {
    const record = JSON.stringify({ prompt, answer: "next" });
    const { stdout } = await run(["--input", "-", "--pos", "3"], { stdin: `${record}\n` });
    expect(JSON.parse(stdout).answer.text).toBe(" France");
  });

  test("after the last token there is none, which keeps no other prompt back", async () => {
    const last = await run([prompt, "--answer", "next"]);
    expect(last).toMatchObject({ code: 1, stdout: "" });
    expect(last.stderr).toBe(
      'logitscope: got "next", the token that follows, at position 5, the prompt\'s last, expected one that a token follows: ' +
        'choose it by --pos, or --pos all; the token spelt "next" is given by its id, --answer-id or --wrong-id\n',
    );
    const some = await run([prompt, "The", "--answer", "next", "--pos", "2"]);
    expect(some.code).toBe(3);
  });
});

test("--compare of rows left out says that the numbers beside them are differences too", async () => {
  const prompts = ["The capital of France is", "--compare", "The capital of Italy is"];
  const { stdout } = await run([...prompts, "--answer", " Paris", "--leave-one-out"]);
  expect(stdout.replace(/\s+/g, " ")).toContain(
    "(…) the change in A if it were left out, less that in B, LayerNorm",
  );
});

test("what is said of the demonstration's heads is said of the demonstration alone", async () => {
  const said = "L2H1 lowers both";
  expect((await run([])).stdout).toContain(said);
  const others = [
    ["--answer", " Anna", "--wrong", " Tom"],
    ["--pos", "3"],
    ["--no-bos"],
    ["--raw-weights"],
    ["--keep-value-biases"],
    ["--log-probability"],
    ["The capital of France is", "--answer", " Paris", "--wrong", " Rome"],
  ];
  for (const args of others) expect((await run(args)).stdout, args.join(" ")).not.toContain(said);
});
