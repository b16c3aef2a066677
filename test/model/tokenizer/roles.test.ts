/** Special tokens, against transformers on every combination of files: scripts/fixtures/roles.py. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { directLogitAttribution } from "../../../src/dla/index.ts";
import { ValueError } from "../../../src/errors.ts";
import { createTokenizer } from "../../../src/model/tokenizer/tokenizer.ts";
import { fromPretrained } from "../../../src/node/index.ts";

interface Case {
  readonly name: string;
  readonly vocabulary: string;
  /** The version of transformers whose answer counts. */
  readonly follows: string;
  readonly files: Readonly<Record<string, unknown>>;
  readonly texts: readonly { readonly text: string; readonly ids: readonly number[] }[];
  readonly bos: number | null;
}

const fixture = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../fixtures/${path}`, import.meta.url)), "utf8");
const versions = ["5.24.0", "4.57.6"];
const cases: Case[] = versions.flatMap((version) =>
  JSON.parse(fixture(`tokenizer/roles/transformers-${version}.json`)).filter(
    ({ follows }: Case) => follows === version,
  ),
);

/** The files of a case, as createTokenizer takes them. */
function filesOf({ vocabulary, files }: Case) {
  const text = (name: string) => (name in files ? JSON.stringify(files[name]) : undefined);
  const vocab = fixture(`checkpoints/${vocabulary}/vocab.json`);
  const merges = fixture(`checkpoints/${vocabulary}/merges.txt`);
  const byteLevel = { type: "ByteLevel", add_prefix_space: false };
  const whole = {
    added_tokens: files["tokenizer.json"],
    pre_tokenizer: byteLevel,
    decoder: byteLevel,
    model: {
      type: "BPE",
      vocab: JSON.parse(vocab),
      merges: merges.split("\n").filter((line) => line && line[0] !== "#"),
    },
  };
  return {
    ...("tokenizer.json" in files ? { tokenizer: JSON.stringify(whole) } : { vocab, merges }),
    config: text("tokenizer_config.json"),
    specialTokensMap: text("special_tokens_map.json"),
    addedTokens: text("added_tokens.json"),
  };
}

test("there are cases", () => {
  expect(cases.length).toBeGreaterThanOrEqual(33);
});

describe.each(cases.map((each) => [each.name, each] as const))("%s", (_, each) => {
  test("has transformers' ids", () => {
    const tokenizer = createTokenizer(filesOf(each));
    for (const { text, ids } of each.texts) expect(tokenizer.encode(text), text).toEqual(ids);
    if (each.bos !== null) expect(tokenizer.bosToken).toBe(each.bos);
  });
});

test("an order by `normalized` is the same where added_tokens.json has the ids", () => {
  const each = cases.find(({ name }) => name === "an order by `normalized`")!;
  const files = { ...each.files, "added_tokens.json": { "<ab": 320, "b>": 321 } };
  const tokenizer = createTokenizer(filesOf({ ...each, files }));
  for (const { text, ids } of each.texts) expect(tokenizer.encode(text)).toEqual(ids);
});

describe("where the model has rows", () => {
  const files = {
    vocab: fixture("checkpoints/roles-without-ids/vocab.json"), // 320 tokens
    merges: fixture("checkpoints/roles-without-ids/merges.txt"),
    specialTokensMap: JSON.stringify({ bos_token: "<s>", eos_token: "</s>" }),
  };

  test("a token gets an id, and beyond them it does not", () => {
    expect(createTokenizer(files, 322).encode("<s></s>")).toEqual([320, 321]);
    const one = createTokenizer(files, 321);
    expect(one.encode("<s>")).toEqual([320]);
    expect(one.encode("</s>")).toEqual(one.encode("<").concat(one.encode("/s"), one.encode(">")));
    expect(createTokenizer(files, 320).bosToken).toBeUndefined();
    expect(() => createTokenizer(files, -1)).toThrow(
      new ValueError(
        "createTokenizer: got dVocab -1, expected a number of tokens. Give the config's vocab_size.",
      ),
    );
  });

  test("GPT-2's own too, which no file names, but for other classes", () => {
    const { "<|endoftext|>": _, ...rest } = JSON.parse(files.vocab) as Record<string, number>;
    const vocab = JSON.stringify({ ...rest, extra: 320 });
    const given = { vocab, merges: files.merges };
    expect(createTokenizer(given, 400).bosToken).toBe(320); // as many as the vocabulary has, where 320 is another's too
    expect(createTokenizer(given, 320).bosToken).toBeUndefined();
    expect(createTokenizer(given).bosToken).toBeUndefined();
    const config = '{"tokenizer_class":"PreTrainedTokenizerFast"}';
    expect(createTokenizer({ ...given, config }, 400).bosToken).toBeUndefined();
  });
});

const loaded = (name: string) =>
  fromPretrained(fileURLToPath(new URL(`../../fixtures/checkpoints/${name}`, import.meta.url)));
const said = (name: string) => JSON.parse(fixture(`checkpoints/${name}/expected.json`));

test("a checkpoint's tokens without ids are in its texts, BOS in front", async () => {
  const model = await loaded("roles-without-ids");
  const { bos, texts } = said("roles-without-ids");
  for (const { text, ids } of texts) {
    expect(model.tokenizer!.encode(text)).toEqual(ids);
    expect(model.toTokens(text)).toEqual(ids[0] === bos ? ids : [bos, ...ids]);
  }
});

test("an id without a token is shown by its number, one above the count by its token", async () => {
  const model = await loaded("vocab-with-holes");
  const { tokens, texts } = said("vocab-with-holes");
  for (const { text, ids } of texts) expect(model.tokenizer!.encode(text)).toEqual(ids);
  for (const [id, token] of Object.entries(tokens)) {
    expect(model.toStringTokens([Number(id)])).toEqual([token ?? `<${id}>`]);
  }
  expect(() => model.tokenizer!.decode([320])).toThrow(ValueError);
  const folded = model.enableCompatibilityMode();
  const { prompts, attributions } = directLogitAttribution(folded, [[5, 6, 320], [383]], { answer: 383 });
  expect(prompts.map(({ text, stringTokens }) => [text, stringTokens])).toEqual([
    [null, ["%", "&", "<320>"]],
    ["<|pad|>", ["<|pad|>"]],
  ]);
  expect(attributions[0].answer).toMatchObject({ id: 383, text: "<|pad|>" });
});
