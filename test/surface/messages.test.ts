import { describe, expect, test } from "vitest";
import * as root from "../../src/index.ts";
import { surface } from "./calls.ts";

const { model, raw, cache, results, summary } = await surface();
const { attribution, comparison, lens, promoted, ablation, erasures } = results;
const later = async () => attribution;

describe("what is given to the wrong function: a ValueError that says what it is and where it belongs", () => {
  test.each<[string, () => unknown, string]>([
    [
      "a lens's result",
      () => root.toTable(lens as never),
      "toTable: got the result of logitLens, expected the result of directLogitAttribution. Use toLensTable for it.",
    ],
    [
      "an ablation's to JSON",
      () => root.toJSON(ablation as never),
      "toJSON: got the result of ablationEffects, expected the result of directLogitAttribution. Use ablationToJSON for it.",
    ],
    [
      "an ablation's to CSV",
      () => root.toCsv(ablation as never),
      "toCsv: got the result of ablationEffects, expected the result of directLogitAttribution. Use toAblationTable or ablationToJSON for it.",
    ],
    [
      "a comparison's to a table",
      () => root.toTable(comparison as never),
      "toTable: got the result of compare, expected the result of directLogitAttribution. Use toComparisonTable for it.",
    ],
    [
      "promoted tokens to a mean",
      () => root.mean(promoted as never),
      "mean: got the result of promotedTokens, expected",
    ],
    ["erasures to top", () => root.top(erasures as never, 1), "top: got the result of erasures, expected"],
    [
      "an ablation to compare",
      () => root.compare(attribution, ablation as never),
      "compare: B: got the result of ablationEffects",
    ],
    [
      "an attribution to the lens's table",
      () => root.toLensTable(attribution as never),
      "Use toTable for it.",
    ],
    [
      "a lens to a summary",
      () => summary.add(lens as never),
      "summary.add: got the result of logitLens, expected",
    ],
    [
      "a forgotten await of a result",
      () => root.toTable(later() as never),
      "toTable: got a Promise (did you forget await?), expected the result of directLogitAttribution.",
    ],
    [
      "a forgotten await of a model",
      () => root.directLogitAttribution(Promise.resolve(model) as never, "hat", { answer: 1 }),
      "directLogitAttribution: got a Promise (did you forget await?), expected a model first.",
    ],
    [
      "attributeAll's records, not iterated",
      () => root.toTable(root.attributeAll(model, []) as never),
      "toTable: got an async iterator (read it with for await), expected the result",
    ],
    [
      "one of attributeAll's records",
      () => root.toTable({ index: 0, record: { input: "hat" }, result: attribution } as never),
      "Give the record's result.",
    ],
    ["a list of results", () => root.toTable([attribution] as never), "Give one result at a time."],
    [
      "a decoded document",
      () => root.toTable(JSON.parse(JSON.stringify(root.toJSON(attribution)))),
      "toTable: got a document, as it is written to a file, expected the result of directLogitAttribution. Its arrays are lists",
    ],
    [
      "a result that went through JSON",
      () => root.toTable(JSON.parse(JSON.stringify(attribution))),
      "toTable: result.attributions[0].scores: got an object, expected what directLogitAttribution has there.",
    ],
    [
      "a result without attributions",
      () => root.mean({ ...attribution, attributions: [] }),
      "mean: got no attribution, expected scores. Give a result with one attribution at least.",
    ],
    [
      "records to directLogitAttribution",
      () => root.directLogitAttribution(model, [{ input: "hat" }] as never, { answer: 1 }),
      "directLogitAttribution: got a list with an object in it, expected a text, texts, ids or lists of ids. To attribute records, use attributeAll.",
    ],
    [
      "a record to directLogitAttribution",
      () => root.directLogitAttribution(model, { input: "hat" } as never, { answer: 1 }),
      "To attribute a record, use attributeAll.",
    ],
    [
      "ids that are no model",
      () => root.logitLens([1, 2] as never, "hat"),
      "logitLens: got a list of 2, expected a model first. Give what modelFromFiles, fromPretrained or demoModel resolves to.",
    ],
    [
      "logits for a cache",
      () => root.directLogitAttribution(model, [1, 2], { answer: 1, cache: model.run([1, 2]) as never }),
      "directLogitAttribution: cache: got an object, expected activations. Give the `cache` that runWithCache returns.",
    ],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(root.ValueError);
    expect(call).toThrow(message);
  });
});

describe("a direction that is none", () => {
  const { dModel } = model.config;
  const direct = (direction: unknown) =>
    root.directLogitAttribution(model, [1, 2], { direction: direction as Float64Array });
  test.each<[string, unknown, string]>([
    ["NaN in it", new Float64Array(dModel).fill(Number.NaN, 3), "direction: got one with NaN at 3, expected"],
    [
      "another length",
      new Float32Array(5),
      `direction: got one of 5 numbers, expected dModel=${dModel} finite numbers.`,
    ],
    ["a number", 3, "direction: got 3, expected"],
    ["whole numbers", new Int32Array(dModel), `direction: got an Int32Array of ${dModel}, expected`],
  ])("%s", (_, direction, message) => {
    expect(() => direct(direction)).toThrow(root.ValueError);
    expect(() => direct(direction)).toThrow(message);
  });
});

describe("an activation that the cache does not hold: what was probably meant", () => {
  test.each<[string, () => unknown, string]>([
    ["a shorthand misspelt", () => cache.get("patern"), 'Did you mean get("pattern", layer)?'],
    ["a shorthand without its layer", () => cache.get("z"), 'Did you mean get("z", layer)?'],
    ["misspelt, with its layer", () => cache.get("patern", 1), 'Did you mean "blocks.1.attn.hook_pattern"?'],
    ["misspelt, from the end", () => cache.get("reslut", -1), 'Did you mean "blocks.1.attn.hook_result"?'],
    [
      "at",
      () => cache.at("pattern", -1),
      'cache.at: got "pattern", expected one of the 40 names that this cache holds. Did you mean "blocks.0.attn.hook_pattern"?',
    ],
    ["positionsOf", () => cache.positionsOf("pattern"), 'cache.positionsOf: got "pattern", expected one of'],
    [
      "no name",
      () => cache.get(3 as never),
      'actName: got 3, expected a name, a layer and a part. Give "z", 0',
    ],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(root.ValueError);
    expect(call).toThrow(message);
  });
});

describe.each([
  ["as trained", raw.unembedding],
  ["folded", model.unembedding],
])("B2 of issue 14, unembedding %s: what is no id of the vocabulary", (_, unembedding) => {
  test.each([-1, 1.5, 17, Number.NaN, " Paris", undefined, null, 1n, [1]])("%s", (id) => {
    const wrong = id as never;
    for (const call of [
      () => unembedding.token(wrong),
      () => unembedding.tokens?.([1, wrong]),
      () => unembedding.difference(wrong, 1),
      () => unembedding.difference(1, wrong),
      () => unembedding.logits(new Float32Array(12), [wrong]),
    ]) {
      expect(call).toThrow(root.ValueError);
      expect(call).toThrow(/^unembedding: got token id .*, expected an integer from 0 to 16 \(dVocab=17\)\./);
    }
  });
  test("rows of another width, and columns that are none", () => {
    const column = unembedding.token(1);
    expect(() => unembedding.read(new Float32Array(24), column)).toThrow(
      "expected a Float32Array of a row of dModel=12",
    );
    expect(() => unembedding.logits(new Float32Array(13))).toThrow(
      "expected a Float32Array of rows of dModel=12",
    );
    expect(() => unembedding.logits([1] as never)).toThrow(root.ValueError);
    expect(() => unembedding.read(new Float32Array(12), 1 as never)).toThrow(
      "Give what token or difference returns.",
    );
    expect(() => unembedding.tokens?.("x" as never)).toThrow(
      'unembedding: got "x", expected a list of token ids.',
    );
  });
});

describe("a switch that is neither true nor false, which would count as true", () => {
  test.each<[string, () => unknown]>([
    ["prependBos", () => model.run("hat", { prependBos: "false" as never })],
    ["prependBos", () => model.toTokens("hat", { prependBos: 0 as never })],
    [
      "leaveOneOut",
      () => root.directLogitAttribution(model, "hat", { answer: 1, leaveOneOut: "no" as never }),
    ],
    [
      "allowRawWeights",
      () => root.directLogitAttribution(raw, "hat", { answer: 1, allowRawWeights: "no" as never }),
    ],
    ["accumulated", () => root.dla(model, "hat", [[1]], { accumulated: "no" as never })],
    ["color", () => root.toTable(attribution, { color: "no" as never })],
    ["header", () => root.toCsv(attribution, { header: "no" as never })],
    ["applyLn", () => cache.decomposeResid({ applyLn: "no" as never })],
  ])("%s", (name, call) => {
    expect(call).toThrow(root.ValueError);
    expect(call).toThrow(
      new RegExp(`got ${name} .*, expected true or false\\. Leave it out for its default\\.`),
    );
  });
});

test("an option that the stacks do not know is named, with the nearest", () => {
  expect(() => cache.decomposeResid({ layr: 1 } as never)).toThrow("Did you mean layer?");
  expect(() => cache.decomposeResid({ mode: "heads" as never })).toThrow(
    'got mode "heads", expected "all", "attn" or "mlp"',
  );
});

test("a name of a million characters is refused without measuring how near it is", () => {
  const long = "hook_".repeat(200_000);
  expect(() => cache.get(long)).toThrow(/^cache\.get: got "(hook_)+hook…, expected one of/);
  expect(() => model.run("hat", { [long]: 1 } as never)).toThrow(/^run: got option "hook_/);
  expect(() => model.runWithCache("hat", { names: [long as never] })).toThrow(
    /^runWithCache: names: got "hook_/,
  );
});
