import { CheckpointError } from "../../errors.ts";
import { describe, type JsonObject, parseJsonObject } from "../files/json.ts";
import { type AddedToken, longestAddedToken } from "./addedTokens.ts";
import { contentOf, describedRoles, type RoleToken, readRoles } from "./roles.ts";
import {
  expectId,
  expectObject,
  readFlag,
  readTokenizerJson,
  readVocabAndMerges,
  type Vocabulary,
} from "./vocabulary.ts";

/** The exact texts of a tokenizer's files. */
export interface TokenizerFiles {
  /** tokenizer.json; where given, `vocab` and `merges` are not read */
  readonly tokenizer?: string | undefined;
  /** vocab.json */
  readonly vocab?: string | undefined;
  /** merges.txt */
  readonly merges?: string | undefined;
  /** tokenizer_config.json */
  readonly config?: string | undefined;
  /** special_tokens_map.json */
  readonly specialTokensMap?: string | undefined;
  /** added_tokens.json */
  readonly addedTokens?: string | undefined;
}

/** What the files say together, checked. */
export interface TokenizerSpec extends Omit<Vocabulary, "addedTokens"> {
  /** By content. One may be in `vocab` too. */
  readonly added: ReadonlyMap<string, AddedToken>;
  /** id → token, of all. */
  readonly tokens: ReadonlyMap<number, string>;
  readonly bosToken: number | undefined;
}

/** @throws CheckpointError  a file is malformed, or asks for something that would not be reproduced exactly */
export function readTokenizerFiles(files: TokenizerFiles, dVocab: number | undefined): TokenizerSpec {
  const vocabulary =
    files.tokenizer === undefined
      ? readVocabAndMerges(files.vocab, files.merges)
      : readTokenizerJson(files.tokenizer);
  const config = parseOptional("tokenizer_config.json", files.config);
  const roles = readRoles(config, parseOptional("special_tokens_map.json", files.specialTokensMap));
  const addedIds = parseOptional("added_tokens.json", files.addedTokens);
  const { added, appended } = readAddedTokens(vocabulary, roles, config, addedIds, dVocab);

  const tokens = new Map<number, string>();
  for (const [token, id] of vocabulary.vocab) tokens.set(id, token);
  for (const { id, content } of added.values()) {
    const other = tokens.get(id) ?? content;
    if (other !== content && !appended.has(content))
      throw mismatch("tokenizer", content, id, `an id other than ${describe(other)}'s`);
    tokens.set(id, content);
  }

  const { vocab, merges, splitWords } = vocabulary;
  const addPrefixSpace = readFlag(
    "tokenizer_config.json",
    config,
    "add_prefix_space",
    vocabulary.addPrefixSpace,
  );
  const bosToken = added.get(roles[0].token.content)?.id;
  return { vocab, merges, splitWords, addPrefixSpace, added, tokens, bosToken };
}

/**
 * Every added token, by content. Where files describe the same one, the config's word counts, as in Hugging Face; a role's
 * counts before added_tokens.json, which says no more than ids.
 *
 * A token with a role that no file gives an id gets one after the vocabulary and the added tokens before it, as in Hugging
 * Face: which counts the vocabulary's tokens, so that where their ids have holes it may be another token's too.
 *
 * @param dVocab how many tokens the model has rows for: an id is given only below it. Where it is not known, none is given to
 *               GPT2Tokenizer's own `<|endoftext|>`, which no file names
 */
function readAddedTokens(
  { vocab, addedTokens }: Vocabulary,
  roles: readonly RoleToken[],
  config: JsonObject,
  addedIds: JsonObject,
  dVocab: number | undefined,
): { readonly added: Map<string, AddedToken>; readonly appended: ReadonlySet<string> } {
  const added = new Map<string, AddedToken>();
  const appended = new Set<string>();
  const add = (where: string, json: JsonObject): void => {
    const token = readAddedToken(where, json);
    const known = vocab.get(token.content) ?? added.get(token.content)?.id ?? token.id;
    if (known !== token.id) throw mismatch(where, token.content, token.id, `${known} as elsewhere`);
    if (token.content !== "") added.set(token.content, token); // Hugging Face ignores an empty one
  };

  const described = describedRoles(roles);
  for (const [content, id] of Object.entries(addedIds)) {
    const role = described.get(content);
    add("added_tokens.json", { ...role?.token, id, content, special: role !== undefined });
  }
  for (const [at, token] of addedTokens.entries()) {
    const where = `tokenizer.json: added_tokens[${at}]`;
    add(where, expectObject(where, token));
  }
  const where = "tokenizer_config.json: added_tokens_decoder";
  for (const [id, token] of Object.entries(expectObject(where, config.added_tokens_decoder ?? {}))) {
    add(where, { ...expectObject(`${where}: ${id}`, token), id: /^\d+$/.test(id) ? Number(id) : id });
  }

  let next = vocab.size;
  for (const { id, content } of added.values()) if (!vocab.has(content)) next = Math.max(next, id + 1);
  const appendsDefault =
    dVocab !== undefined && /^(GPT2Tokenizer(Fast)?)?$/.test(`${config.tokenizer_class ?? ""}`);
  for (const { role, token, isDefault } of described.values()) {
    const { content } = token;
    if (added.has(content) || content === "") continue;
    const known = vocab.get(content);
    if (known === undefined) {
      if (next >= (dVocab ?? Number.POSITIVE_INFINITY) || (isDefault && !appendsDefault)) continue;
      appended.add(content);
    }
    add(`special tokens: ${role}`, { ...token, special: true, id: known ?? next++ });
  }
  return { added, appended };
}

function readAddedToken(where: string, json: JsonObject): AddedToken {
  const content = contentOf(where, json);
  if (content.length > longestAddedToken) {
    throw new CheckpointError(
      `${where}: got ${describe(content)}, ${content.length} long, expected at most ${longestAddedToken}. Download it again.`,
    );
  }
  const { id } = json;
  expectId(`${where}: ${describe(content)}`, id);
  return {
    id,
    content,
    lstrip: readFlag(where, json, "lstrip", false),
    rstrip: readFlag(where, json, "rstrip", false),
    singleWord: readFlag(where, json, "single_word", false),
    normalized: readFlag(where, json, "normalized", !readFlag(where, json, "special", false)),
  };
}

function mismatch(where: string, content: string, id: number, expected: string): CheckpointError {
  return new CheckpointError(
    `${where}: got the id ${id} for ${describe(content)}, expected ${expected}. Use files that belong together.`,
  );
}

function parseOptional(name: string, text: string | undefined): JsonObject {
  return text === undefined ? {} : parseJsonObject(text, name);
}
