import { describe, expectObject, ValueError } from "../../errors.ts";
import { expectKnown, type NamesOf } from "../knownOptions.ts";
import { addedTokenSplitter } from "./addedTokens.ts";
import { type Tokenizer, tokenizerOf } from "./codec.ts";
import { readTokenizerFiles, type TokenizerFiles } from "./tokenizerFiles.ts";
import { readVocabAndMerges } from "./vocabulary.ts";

export type { Tokenizer } from "./codec.ts";
export type { TokenizerFiles } from "./tokenizerFiles.ts";

const names: NamesOf<TokenizerFiles> = {
  ...{ tokenizer: true, vocab: true, merges: true, config: true },
  ...{ specialTokensMap: true, addedTokens: true },
};

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
 * Special tokens that no file gives an id get one after the vocabulary, in Hugging Face's order.
 *
 * Where Hugging Face adds a token around the text (`post_processor`, `add_bos_token`), cuts or pads it, this does not.
 *
 * @param dVocab            how many tokens the model has rows for: no special token gets an id at or beyond it
 * @throws CheckpointError  a file is malformed
 * @throws ValueError       a file that there is not, or is no text; `dVocab` is no number of tokens
 * @throws TokenizerError   a file asks for something that would not be reproduced exactly
 */
export function createTokenizer(files: TokenizerFiles, dVocab?: number): Tokenizer {
  expectObject(
    "createTokenizer",
    files,
    "the files' texts by name",
    "Give { vocab, merges } or { tokenizer }.",
  );
  expectKnown("createTokenizer", files, names);
  for (const name of Object.keys(names) as (keyof TokenizerFiles)[])
    expectText(`createTokenizer: ${name}`, files[name]);
  if (dVocab !== undefined && !(Number.isInteger(dVocab) && dVocab >= 0)) {
    throw new ValueError(
      `createTokenizer: got dVocab ${describe(dVocab)}, expected a number of tokens. Give the config's vocab_size.`,
    );
  }
  const { added, ...spec } = readTokenizerFiles(files, dVocab);
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
