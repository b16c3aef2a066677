import { describe, expectObject, ValueError } from "../../errors.ts";
import { addedTokenSplitter } from "./addedTokens.ts";
import { type Tokenizer, tokenizerOf } from "./codec.ts";
import { readTokenizerFiles, type TokenizerFiles } from "./tokenizerFiles.ts";
import { readVocabAndMerges } from "./vocabulary.ts";

export type { Tokenizer } from "./codec.ts";
export type { TokenizerFiles } from "./tokenizerFiles.ts";

const fileNames = ["tokenizer", "vocab", "merges", "config", "specialTokensMap", "addedTokens"] as const;

function expectText(where: string, text: unknown): void {
  if (text === undefined || typeof text === "string") return;
  throw new ValueError(
    `${where}: got ${describe(text)}, expected the file's text. Give it as it is, not parsed.`,
  );
}

/**
 * A tokenizer from the texts of its files: `tokenizer.json`, or `vocab.json` with `merges.txt`; and beside them
 * `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`.
 *
 * Where Hugging Face adds a token around the text (`post_processor`, `add_bos_token`), cuts or pads it, this does not.
 *
 * @throws CheckpointError  a file is malformed, or asks for something that would not be reproduced exactly
 * @throws ValueError       what is given is no text
 */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  expectObject(
    "createTokenizer",
    files,
    "the files' texts by name",
    "Give { vocab, merges } or { tokenizer }.",
  );
  for (const name of fileNames) expectText(`createTokenizer: ${name}`, files[name]);
  const { added, ...spec } = readTokenizerFiles(files);
  return tokenizerOf({
    ...spec,
    split: addedTokenSplitter([...added.values()]),
    isAdded: (token) => added.has(token),
  });
}

/** The same as createTokenizer({ vocab, merges }), in fewer bytes: for a page that has GPT-2's own two files and nothing else. */
export function gpt2Tokenizer(vocabJson: string, mergesTxt: string): Tokenizer {
  expectText("gpt2Tokenizer: vocab.json", vocabJson);
  expectText("gpt2Tokenizer: merges.txt", mergesTxt);
  const vocabulary = readVocabAndMerges(vocabJson, mergesTxt);
  const { vocab } = vocabulary;
  const endOfText = "<|endoftext|>";
  const bosToken = vocab.get(endOfText);
  return tokenizerOf({
    ...vocabulary,
    tokens: new Map([...vocab].map(([token, id]) => [id, token])),
    bosToken,
    split(text) {
      if (bosToken === undefined) return [text];
      const between = text.split(endOfText);
      return between
        .flatMap((part, at) => (at === 0 ? [part] : [bosToken, part]))
        .filter((part) => part !== "");
    },
    isAdded: (token) => token === endOfText,
  });
}
