import { describe, expect, test } from "vitest";
import { parseArguments } from "../../src/cli/args.ts";
import { run } from "./support.ts";

describe("usage errors: exit code 2, one line, nothing on stdout", () => {
  test.each([
    [["--foo"], "unknown option --foo"],
    [["--anser", "x"], "unknown option --anser (did you mean --answer?)"],
    [["-x"], "unknown option -x"],
    [["--tpo", "3"], "unknown option --tpo (did you mean --top?)"],
    [["--position", "3"], "unknown option --position (did you mean --pos?)"],
    [["-a b"], 'unknown option -a. A prompt that begins with a dash goes last, after --: -- "-a b"'],
    [
      ["--is it so"],
      'unknown option --is it so. A prompt that begins with a dash goes last, after --: -- "--is it so"',
    ],
    [["--workers", "2"], "unknown option --workers"],
    [["--threads", "0"], '--threads: got "0", expected an integer from 1 to 256'],
    [["--threads", "1000000"], '--threads: got "1000000", expected an integer from 1 to 256'],
    [
      ["--precision", "fats"],
      '--precision: got "fats", expected one of reproducible, fast (did you mean fast?)',
    ],
    [["--constructor"], "unknown option --constructor"],
    [["--answer"], "--answer needs a value"],
    [["--model", "--help"], "--model needs a value; a value with a dash in front is given as --model=--help"],
    [["--no-bos=1"], '--no-bos takes no value, got "1"'],
    [["--unit", "head", "--unit", "layer"], "--unit was given twice, expected it once"],
    [
      ["--unit", "heads"],
      '--unit: got "heads", expected one of component, layer, head, neuron, full, source, path (did you mean head?)',
    ],
    [["--unit", ""], '--unit: got "", expected one of component, layer, head, neuron, full, source, path'],
    [["--format", "xml"], '--format: got "xml", expected one of table, json, ndjson, csv'],
    [["--color", "maybe"], '--color: got "maybe", expected one of auto, always, never'],
    [["--model", ""], '--model: got "", expected demo, a folder or a name'],
    [["--revision", "main"], "got --revision without a --model from the hub, expected one"],
    [["--model", "demo", "--offline"], "got --offline without a --model from the hub, expected one"],
    [["--model", "gpt2", "--revison", "v1"], "unknown option --revison (did you mean --revision?)"],
    [["--pos", "last"], '--pos: got "last", expected an integer or "all"'],
    [["--pos", "1.5"], '--pos: got "1.5", expected an integer or "all"'],
    [["--pos="], '--pos: got "", expected an integer or "all"'],
    [["--pos", "9999999999999999"], '--pos: got "9999999999999999", expected an integer or "all"'],
    [["--top", "0"], '--top: got "0", expected an integer from 1'],
    [["--top=-1"], '--top: got "-1", expected an integer from 1'],
    [["--top", "3", "--format", "json"], "got --top and --format json, which always has every row"],
    [["--answer-id", "x"], '--answer-id: got "x", expected an integer from 0'],
    [["--wrong-id", "1e3"], '--wrong-id: got "1e3", expected an integer from 0'],
    [["--tokens", "1,,2"], '--tokens: got "1,,2", expected ids with commas between: 1,2,3'],
    [["--tokens", ""], '--tokens: got "", expected ids with commas between: 1,2,3'],
    [["--tokens", "1", "a prompt"], "got a prompt and --tokens, expected one of them"],
    [["--answer", "a", "--answer-id", "1"], "got --answer and --answer-id, expected one of them"],
    [["--wrong", "a", "--wrong-id", "1"], "got --wrong and --wrong-id, expected one of them"],
    [["--answer-text", "a b", "--any-of", "c"], "got --answer-text and --any-of, expected one of them"],
    [["--wrong", "a", "--wrong-any-of", "c"], "got --wrong and --wrong-any-of, expected one of them"],
    [["--answer-text", ""], '--answer-text: got "", expected a text'],
    [["--weights", "mean"], "got --weights without --any-of or --wrong-any-of, expected a set"],
    [
      ["--any-of", "a", "--weights", "max"],
      '--weights: got "max", expected one of mean, softmax (did you mean mean?)',
    ],
    [
      ["--log-probability", "--wrong", "a"],
      "got --log-probability and --wrong, expected one: two log-probabilities differ by what the logits do",
    ],
    [
      ["--log-probability", "--leave-one-out"],
      "got --log-probability and --leave-one-out, expected one: the probabilities would change",
    ],
    [["--log-probability", "--ablate", "zero"], "got --ablate and --log-probability, expected one of them"],
    [["--probability", "--lens"], "got --lens and --probability, expected one of them"],
    [["a", "--probability", "--compare", "b"], "got --compare and --probability, expected one of them"],
    [["--erasures", "--lens"], "got --lens and --erasures, expected one of them"],
    [["--erasures", "--unit", "neuron"], "got --erasures and --unit neuron, expected component or head"],
    [["--erasures", "--leave-one-out"], "got --erasures and --leave-one-out, expected one of them"],
    [["--erasures", "--format", "csv"], "got --erasures and --format csv, expected table or json"],
    [["--promoted", ""], '--promoted: got "", expected a component, as 1_mlp_out or L1H0'],
    [["--promoted", "L1H0", "--answer", "a"], "got --promoted and --answer, expected one of them"],
    [["--promoted", "L1H0", "--any-of", "a"], "got --promoted and --any-of, expected one of them"],
    [["--promoted", "L1H0", "--unit", "head"], "got --promoted and --unit, expected one of them"],
    [["--promoted", "L1H0", "--ablate", "zero"], "got --promoted and --ablate, expected one of them"],
    [["--ablate", "one"], '--ablate: got "one", expected one of zero, mean'],
    [["--ablate", "zero", "--unit", "full"], "got --ablate and --unit full, expected component or head"],
    [
      ["--ablate", "zero", "--leave-one-out"],
      "got --ablate and --leave-one-out, expected one: --ablate zero shows it as direct",
    ],
    [["--ablate", "zero", "--input", "-"], "got --ablate and --input, expected one of them"],
    [["--ablate", "mean", "--format", "csv"], "got --ablate and --format csv, expected table or json"],
    [["-", "-"], 'got "-" twice, expected one: stdin is read once'],
  ])("%j", async (argv, message) => {
    expect(await run(argv)).toEqual({
      code: 2,
      stdout: "",
      stderr: `logitscope: ${message}. Try logitscope --help\n`,
    });
  });
});

describe("what is read", () => {
  test("nothing: the defaults", () => {
    expect(parseArguments([])).toEqual({
      help: false,
      version: false,
      prompts: [],
      input: undefined,
      model: "demo",
      revision: undefined,
      offline: false,
      answers: [],
      wrongs: [],
      logProbability: false,
      probability: false,
      unit: undefined,
      pos: -1,
      bos: true,
      leaveOneOut: false,
      compare: undefined,
      lens: false,
      erasures: false,
      promoted: undefined,
      ablate: undefined,
      rawWeights: false,
      keepValueBiases: false,
      threads: undefined,
      precision: undefined,
      top: undefined,
      format: "table",
      color: "auto",
    });
  });

  test("answers of several tokens, and sets", () => {
    expect(parseArguments(["--answer-text", " a b", "--answer-text", "c"]).answers).toEqual([
      { text: " a b" },
      { text: "c" },
    ]);
    const sets = ["--any-of", "a", "--any-of", "b", "--wrong-any-of", "c", "--weights", "softmax"];
    expect(parseArguments(sets)).toMatchObject({
      answers: [{ anyOf: ["a", "b"], weights: "softmax" }],
      wrongs: [{ anyOf: ["c"], weights: "softmax" }],
    });
  });

  test("a position with a minus, with or without the equals sign", () => {
    expect(parseArguments(["--pos", "-2"]).pos).toBe(-2);
    expect(parseArguments(["--pos=-2", "x"])).toMatchObject({ pos: -2, prompts: ["x"] });
    expect(parseArguments(["--pos", "3"]).pos).toBe(3);
    expect(parseArguments(["--pos", "all"]).pos).toBe("all");
  });

  test("tokens with a dash: by the equals sign, alone, or where no option could be meant", () => {
    expect(parseArguments(["--answer=--", "--wrong", "-"])).toMatchObject({ answers: ["--"], wrongs: ["-"] });
    expect(parseArguments(["--answer", "-1", "--wrong", "- a"])).toMatchObject({
      answers: ["-1"],
      wrongs: ["- a"],
    });
  });

  test("how it computes", () => {
    expect(parseArguments(["--threads", "4", "--precision", "fast"])).toMatchObject({
      threads: 4,
      precision: "fast",
    });
  });

  test("what follows -- is prompts", () => {
    expect(parseArguments(["a", "--", "--help"]).prompts).toEqual(["a", "--help"]);
  });

  test("options that repeat", () => {
    expect(
      parseArguments(["--answer", "a", "--answer", "b", "--wrong-id", "1", "--wrong-id", "2"]),
    ).toMatchObject({
      answers: ["a", "b"],
      wrongs: [1, 2],
    });
    expect(parseArguments(["--tokens", "1, 2", "--tokens", "3"]).prompts).toEqual([[1, 2], [3]]);
  });

  test("switches, alone and together", () => {
    expect(parseArguments(["--no-bos", "--raw-weights", "-h", "-V"])).toMatchObject({
      bos: false,
      rawWeights: true,
      keepValueBiases: false,
      help: true,
      version: true,
    });
  });
});

test("a prompt that begins with a dash is one where it can be no option, and after --", () => {
  const promptsOf = (...argv: string[]) => parseArguments(argv).prompts;
  expect(promptsOf("-5 + 3")).toEqual(["-5 + 3"]);
  expect(promptsOf("- 5", "-5", "--top", "3", "-.5 is", "-", "–5")).toEqual([
    "- 5",
    "-5",
    "-.5 is",
    "-",
    "–5",
  ]);
  expect(promptsOf("--", "-a b", "--answer", "-1")).toEqual(["-a b", "--answer", "-1"]);
  const { pos, answers } = parseArguments([
    "-1 and",
    "--pos",
    "-2",
    "--answer",
    "-5",
    "--answer=-6 x",
    "--no-bos",
  ]);
  expect([pos, answers]).toEqual([-2, ["-5", "-6 x"]]);
});
