import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, test } from "vitest";
import { demoModel } from "../src/demo/index.ts";
import * as logitscope from "../src/index.ts";
import { fromPretrained } from "../src/node/index.ts";

const {
  ablationEffects,
  attributeAll,
  compare,
  createTokenizer,
  directLogitAttribution,
  dla,
  erasures,
  logitLens,
  modelFromFiles,
  modelFromWeights,
  promotedTokens,
  startKernels,
  toAblationTable,
  toComparisonTable,
  toErasuresTable,
  toLensTable,
  toPromotedTable,
  toTable,
} = logitscope;
const model = await demoModel({ compatibilityMode: true });
const ids = [1, 2, 3];
const ablation = await ablationEffects(model, [ids], { answer: 5 });
const erased = erasures(model, [ids], { answer: 5 });
const lens = logitLens(model, [ids], { answer: 5 });
const promoted = promotedTokens(model, [ids], { component: "1_mlp_out" });
const { cache } = model.runWithCache([ids]);
const result = directLogitAttribution(model, [ids], { answer: 4 });
const folder = mkdtempSync(`${tmpdir()}/logitscope-options-`);
afterAll(() => rmSync(folder, { recursive: true }));

/** Every public function that takes options, and a name that is nearly one of them. */
const functions: Record<string, readonly [call: (options: never) => unknown, wrong: string, meant: string]> =
  {
    ablationEffects: [(options) => ablationEffects(model, [ids], options), "position", "pos"],
    attributeAll: [(options) => attributeAll(model, [], options).next(), "onErorr", "onError"],
    createTokenizer: [(options) => createTokenizer(options), "added_tokens", "addedTokens"],
    demoModel: [(options) => demoModel(options), "compatibiltyMode", "compatibilityMode"],
    directLogitAttribution: [(options) => directLogitAttribution(model, [ids], options), "positions", "pos"],
    dla: [(options) => dla(model, [ids], [[4]], options), "accumulate", "accumulated"],
    erasures: [(options) => erasures(model, [ids], options), "treshold", "threshold"],
    fromPretrained: [(options) => fromPretrained(folder, options), "cache_dir", "cacheDir"],
    logitLens: [(options) => logitLens(model, [ids], options), "topp", "top"],
    modelFromFiles: [(options) => modelFromFiles({}, options), "precison", "precision"],
    modelFromWeights: [
      (options) => modelFromWeights(model.config, {} as never, options),
      "tokeniser",
      "tokenizer",
    ],
    promotedTokens: [(options) => promotedTokens(model, [ids], options), "componnent", "component"],
    startKernels: [(options) => startKernels(options), "thread", "threads"],
    toAblationTable: [(options) => toAblationTable(ablation, options), "colour", "color"],
    toComparisonTable: [(options) => toComparisonTable(compare(result, result), options), "colour", "color"],
    toErasuresTable: [(options) => toErasuresTable(erased, options), "topK", "top"],
    toLensTable: [(options) => toLensTable(lens, options), "colors", "color"],
    toPromotedTable: [(options) => toPromotedTable(promoted, options), "widht", "width"],
    toTable: [(options) => toTable(result, options), "tpo", "top"],
    "model.run": [(options) => model.run([ids], options), "logit", "logits"],
    "model.runWithCache": [(options) => model.runWithCache([ids], options), "name", "names"],
    "model.runWithHooks": [
      (options) => model.runWithHooks([ids], [], options),
      "stop_at_layer",
      "stopAtLayer",
    ],
    "model.toTokens": [(options) => model.toTokens("a", options), "prepend", "prependBos"],
    "model.toStringTokens": [(options) => model.toStringTokens("a", options), "prepend_bos", "prependBos"],
    "cache.decomposeResid": [(options) => cache.decomposeResid(options), "layers", "layer"],
    "cache.accumulatedResid": [(options) => cache.accumulatedResid(options), "incl_mid", "inclMid"],
    "cache.stackHeadResults": [(options) => cache.stackHeadResults(options), "inclRemainer", "inclRemainder"],
    "cache.logitAttrs": [(options) => cache.logitAttrs(cache.decomposeResid(), options), "answers", "answer"],
  };

/** Public functions that take no options. */
const without = [
  ...[
    "ablationToJSON",
    "actName",
    "compare",
    "comparisonToJSON",
    "erasuresToJSON",
    "estimateMemory",
    "gpt2Tokenizer",
    "hookNames",
  ],
  ...[
    "lensToJSON",
    "mean",
    "meanEffects",
    "parseConfig",
    "promotedTokensToJSON",
    "runningSummary",
    "tensor",
    "toJSON",
    "top",
  ],
  ...["toCsv", "toNdjson"], // one is checked in report/csv.test.ts, the other takes any names
];

test("every public function is in the table, or takes no options", () => {
  const found = Object.entries(logitscope).filter(
    ([name, value]) => typeof value === "function" && !/Error$/.test(name),
  );
  const ours = [...Object.keys(functions).filter((name) => !name.includes(".")), ...without];
  expect(found.map(([name]) => name).sort()).toEqual(
    ours.filter((name) => name !== "demoModel" && name !== "fromPretrained").sort(),
  );
});

describe.each(Object.entries(functions))("%s", (name, [call, wrong, meant]) => {
  const options = (names: object) => names as never;
  const running = async (names: object) => call(options(names));
  const where = name.replace(/^\w+\./, "");

  test(`takes ${wrong} for what it is, and says ${meant}`, async () => {
    const message = `${where}: got option ${JSON.stringify(wrong)}, expected `;
    const error = await running({ [wrong]: 1 }).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(logitscope.ValueError);
    expect((error as Error).message.startsWith(message)).toBe(true);
    expect((error as Error).message).toMatch(new RegExp(`\\. Did you mean ${meant}\\?$`));
  });

  test("names no other where none is near, and lets undefined pass", async () => {
    await expect(running({ zzz: 1 })).rejects.toThrow(/: got option "zzz", expected .*\. Leave it out$/);
    const error = await running({ zzz: undefined }).catch((error: unknown) => error);
    expect(String((error as Error | undefined)?.message)).not.toContain("zzz");
  });
});
