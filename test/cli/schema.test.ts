import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { directLogitAttribution, toJSON } from "../../src/index.ts";
import { fromPretrained } from "../../src/node/index.ts";
import { modelFolder } from "../support/fixtures.ts";
import { modelWithTokenizer, run } from "./support.ts";

const schema = JSON.parse(
  readFileSync(new URL("../../docs/attribution.schema.json", import.meta.url), "utf8"),
);
const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);
const expectValid = (value: unknown) => {
  expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
};

const folder = modelWithTokenizer();
const model = ["--model", folder];
const ids = ["--model", modelFolder("base"), "--tokens", "1,2,3", "--answer-id", "3"];

describe("the JSON schema holds for", () => {
  test.each([
    ["the demonstration", []],
    ["several prompts at all positions", [...model, "a b", "c", "--answer", " a", "--pos", "all"]],
    ["a model without a tokenizer", ids],
    ["weights as trained", [...ids, "--raw-weights"]],
    ["rows left out", [...ids, "--leave-one-out", "--unit", "head"]],
    ["two tokens", [...ids, "--wrong-id", "4"]],
    [
      "an answer of several tokens",
      [...model, "a b", "--answer-text", " a b", "--probability", "--unit", "source"],
    ],
    [
      "sets",
      [...model, "a", "--any-of", " a", "--any-of", " b", "--wrong-any-of", " c", "--weights", "softmax"],
    ],
    ["a log-probability", [...ids, "--log-probability", "--probability"]],
    ...["component", "layer", "head", "neuron", "full", "source", "path"].map(
      (unit) => [`unit ${unit}`, [...ids, "--unit", unit]] as const,
    ),
  ] as const)("%s, as a document and as lines", async (_, args) => {
    const json = await run([...args, "--format", "json"]);
    expectValid(JSON.parse(json.stdout));
    const ndjson = await run([...args, "--format", "ndjson"]);
    for (const line of ndjson.stdout.trimEnd().split("\n")) expectValid(JSON.parse(line));
  });

  test.each([
    ["demo", []],
    ["two prompts", [...model, "a b", "c", "--answer", " a", "--pos", "all"]],
    ["ids", ids],
  ] as const)("--lens: %s", async (_, args) => {
    const { stdout } = await run([...args, "--lens", "--format", "json"]);
    expectValid(JSON.parse(stdout));
  });

  test.each([[], ["--unit", "head", "--leave-one-out", "--pos", "all"], ["--unit", "path"]])(
    "--compare %s",
    async (...more) => {
      const args = [...model, "a b", "--compare", "c d", "--answer", " a", ...more, "--format", "json"];
      expectValid(JSON.parse((await run(args)).stdout));
    },
  );

  test.each([["zero"], ["zero", "--unit", "head"], ["mean", "c d"]])(
    "--ablate %s",
    async (replacement, ...more) => {
      const args = [...model, "a b", "--answer", " a", "--ablate", replacement, ...more, "--format", "json"];
      expectValid(JSON.parse((await run(args)).stdout));
    },
  );

  test.each([
    ["--erasures"],
    ["--erasures", "--unit", "head", "--pos", "all", "--wrong", " b"],
    ["--promoted", "L1H0", "--pos", "all"],
    ["--promoted", "L0N1", "--top", "2"],
    ["--promoted", "0_mlp_out"],
  ])("%s", async (...more) => {
    const answer = more[0] === "--promoted" ? [] : ["--answer", " a"];
    const args = [...model, "a b", "c", ...answer, ...more, "--format", "json"];
    expectValid(JSON.parse((await run(args)).stdout));
  });

  test("the lines of --input, with an id of any kind", async () => {
    const stdin = '{"prompt":"a","answer":" a","id":{"any":[1]}}\n{"tokens":[1,2],"answer":3}\n';
    const { stdout } = await run([...model, "--input", "-"], { stdin });
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    for (const line of lines) expectValid(JSON.parse(line));
  });

  test("a direction, which has no tokens", async () => {
    const gpt2 = await fromPretrained(folder, { compatibilityMode: true });
    const direction = new Float64Array(gpt2.config.dModel).fill(1);
    expectValid(JSON.parse(JSON.stringify(toJSON(directLogitAttribution(gpt2, "a", { direction })))));
  });
});

test("and not for what lacks a field, has another, or a number that is none", async () => {
  const { stdout } = await run([...ids, "--format", "json"]);
  const document = JSON.parse(stdout);
  expectValid(document);
  for (const key of Object.keys(document)) {
    const { [key]: _, ...rest } = document;
    expect(validate(rest), `without ${key}`).toBe(false);
  }
  expect(validate({ ...document, more: 1 })).toBe(false);
  expect(validate({ ...document, schemaVersion: 2 })).toBe(false);
  const [attribution] = document.attributions;
  expect(validate({ ...document, attributions: [{ ...attribution, scores: [null] }] })).toBe(false);
});
