import { describe, ValueError } from "../../errors.ts";
import { decodeUtf8, utf8Encoder } from "../files/utf8.ts";
import { asList, type Integers } from "../integers.ts";
import type { Segment } from "./addedTokens.ts";
import { byteSymbols, mergePairs } from "./bpe.ts";
import { letterClass, numberClass, whiteSpace } from "./characters.ts";
import type { TokenizerSpec } from "./tokenizerFiles.ts";

/** Text to token ids and back: GPT-2's byte-level BPE, as Hugging Face's GPT2TokenizerFast without options. */
export interface Tokenizer {
  /** How many tokens there are, added ones included. */
  readonly vocabSize: number;
  /** The token that begins a text: the files' `bos_token`, else `<|endoftext|>`; undefined where it has no id. */
  readonly bosToken: number | undefined;
  /**
   * Added tokens written in the text become their ids. A lone surrogate counts as U+FFFD, as for TextEncoder.
   * Takes O(n log n) steps, whatever the text.
   *
   * @throws ValueError  the text needs a byte that the vocabulary does not have, or goes on for millions of characters
   *                     without a break
   */
  encode(text: string): number[];
  /**
   * The text whose bytes the tokens are; U+FFFD for what is not UTF-8.
   *
   * @throws ValueError  an id that no token has
   */
  decode(ids: Integers): string;
  /**
   * One token for display: its text, or where its bytes are not UTF-8 on their own, printable ASCII as it is and
   * each other byte as two hexadecimal digits, `\xf0\x9f`.
   *
   * @throws ValueError  an id that no token has
   */
  tokenString(id: number): string;
}

/**
 * GPT-2's division of text into pieces that no token crosses.
 *
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * @see https://github.com/openai/gpt-2/blob/master/src/encoder.py
 */
function piecePattern(): RegExp {
  const [letters, numbers, space] = [letterClass(), numberClass(), `[${whiteSpace}]+`];
  const runs = [letters, numbers, `^${whiteSpace}${letters}${numbers}`].map((set) => ` ?[${set}]+`);
  return new RegExp(`'s|'t|'re|'ve|'m|'ll|'d|${runs.join("|")}|${space}(?![^${whiteSpace}])|${space}`, "gu");
}

/** What a tokenizer is made of. */
export interface TokenizerParts
  extends Pick<TokenizerSpec, "vocab" | "merges" | "tokens" | "addPrefixSpace" | "splitWords" | "bosToken"> {
  /** Splits a text at the added tokens. */
  readonly split: (text: string) => readonly Segment[];
  readonly isAdded: (token: string) => boolean;
}

/** A tokenizer of its parts. */
export function tokenizerOf(parts: TokenizerParts): Tokenizer {
  const { vocab, tokens, merges, split, isAdded, addPrefixSpace, splitWords, bosToken } = parts;
  const utf8 = utf8Encoder();
  const symbols = byteSymbols();
  const byteTokens = symbols.map((symbol) => vocab.get(symbol));
  const pieces = splitWords ? piecePattern() : undefined;
  const byteOf = new Map(symbols.map((symbol, byte) => [symbol, byte]));

  function encodePiece(piece: string): number[] {
    const ids = Array.from(utf8(piece), (byte) => {
      const id = byteTokens[byte];
      if (id === undefined) throw missingByte(byte, symbols[byte], piece);
      return id;
    });
    return mergePairs(ids, merges);
  }

  function tokenBytes(where: string, id: number): Iterable<number> {
    const token = tokens.get(id);
    if (token === undefined) throw unknownToken(where, id, vocab.size);
    const bytes = Array.from(token, (symbol) => byteOf.get(symbol));
    // an added token is text: Hugging Face decodes "<é>" as "<\ufffd>", because é also stands for a byte
    const spelt = !isAdded(token) && bytes.every((byte) => byte !== undefined);
    return spelt ? (bytes as number[]) : utf8(token);
  }

  return {
    vocabSize: tokens.size,
    bosToken,

    encode(text) {
      if (typeof text !== "string") {
        throw new ValueError(`encode: got ${describe(text)}, expected a text. Ids are tokens already.`);
      }
      const ids: number[] = [];
      const seen = new Map<string, number[]>(); // most pieces of a long text come again
      for (const segment of split(text)) {
        if (typeof segment === "number") {
          ids.push(segment);
          continue;
        }
        const spaced = addPrefixSpace && segment !== "" && !segment.startsWith(" ") ? ` ${segment}` : segment;
        for (const piece of pieces ? piecesOf(spaced, pieces) : [spaced]) {
          let pieceIds = seen.get(piece);
          if (pieceIds === undefined) {
            pieceIds = encodePiece(piece);
            seen.set(piece, pieceIds);
          }
          for (const id of pieceIds) ids.push(id);
        }
      }
      return ids;
    },

    decode(given) {
      const ids: unknown = asList<unknown>(given);
      if (!Array.isArray(ids)) {
        throw new ValueError(`decode: got ${describe(ids)}, expected a list of ids. Give those of one text.`);
      }
      const bytes: number[] = [];
      for (const id of ids) for (const byte of tokenBytes("decode", id)) bytes.push(byte);
      return decodeUtf8(Uint8Array.from(bytes), { lossy: true })!;
    },

    tokenString(id) {
      const bytes = Uint8Array.from(tokenBytes("tokenString", id));
      return decodeUtf8(bytes) ?? Array.from(bytes, showByte).join("");
    },
  };
}

/** The pattern's machine has a stack, which a run of millions of letters outside Latin-1 overflows. */
function piecesOf(text: string, pieces: RegExp): readonly string[] {
  try {
    return text.match(pieces) ?? [];
  } catch (error) {
    throw new ValueError(
      `encode: got a text of ${text.length} characters with a run too long to divide, expected words. Give it in parts.`,
      { cause: error },
    );
  }
}

function showByte(byte: number): string {
  const printable = byte >= 0x20 && byte <= 0x7e && byte !== 0x5c;
  return printable ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
}

function missingByte(byte: number, symbol: string, piece: string): ValueError {
  const hex = `0x${byte.toString(16).padStart(2, "0")}`;
  return new ValueError(
    `encode: got the byte ${hex} in ${JSON.stringify(piece.slice(0, 40))}, ` +
      `expected bytes that have a token: the vocabulary has no ${JSON.stringify(symbol)}. ` +
      "Leave such characters out, or use a vocabulary with all 256 byte symbols.",
  );
}

function unknownToken(where: string, id: number, size: number): ValueError {
  return new ValueError(
    `${where}: got the id ${describe(id)}, expected one of the tokenizer's ${size} tokens. ` +
      "Check that the ids come from this model's tokenizer.",
  );
}
