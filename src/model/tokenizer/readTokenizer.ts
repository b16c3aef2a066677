import { TokenizerError } from "../../errors.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer.ts";

/** A model's tokenizer; or none, and the kind that its files have where that is one that is not read. */
export interface ReadTokenizer {
  readonly tokenizer: Tokenizer | undefined;
  readonly unreadTokenizer?: string | undefined;
}

/** The files of tokenizers that are not read, and their kinds. */
const otherFiles: readonly (readonly [pattern: RegExp, kind: string])[] = [
  [/^(spiece|tokenizer|sentencepiece(\.bpe)?|spm)\.model$|\.spm$/, "SentencePiece"],
  [/^vocab\.txt$/, "WordPiece, or a vocabulary of words"],
  [/\.tiktoken$/, "tiktoken"],
];

/**
 * The tokenizer, where its files are given: tokenizer.json, or vocab.json and merges.txt. A tokenizer of another kind leaves a
 * model that takes ids: its weights are as good as any, so it is warned of and not refused.
 *
 * @param text  gives a file's text, undefined where there is no such file
 * @param names all the files that there are
 * @param dVocab how many tokens the model has rows for
 * @throws CheckpointError when a file is malformed
 */
export async function readTokenizer(
  text: (name: string) => Promise<string | undefined>,
  names: readonly string[],
  dVocab: number,
  warn: (message: string) => void,
): Promise<ReadTokenizer> {
  const unread = (kind: string): ReadTokenizer => {
    warn(
      `tokenizer: got a kind that is not read (${kind}), expected GPT-2's: the model takes ids, and no texts.`,
    );
    return { tokenizer: undefined, unreadTokenizer: kind };
  };

  const files = {
    tokenizer: await text("tokenizer.json"),
    vocab: await text("vocab.json"),
    merges: await text("merges.txt"),
    config: await text("tokenizer_config.json"),
    specialTokensMap: await text("special_tokens_map.json"),
    addedTokens: await text("added_tokens.json"),
  };
  if (files.tokenizer === undefined && files.vocab === undefined && files.merges === undefined) {
    for (const [pattern, kind] of otherFiles) {
      const name = names.find((name) => pattern.test(name));
      if (name !== undefined) return unread(`${name}: ${kind}`);
    }
    return { tokenizer: undefined };
  }
  try {
    return { tokenizer: createTokenizer(files, dVocab) };
  } catch (error) {
    if (error instanceof TokenizerError) return unread(error.kind);
    throw error;
  }
}
