import { CheckpointError } from "../../errors.ts";
import { describe, type JsonObject, parseJsonObject } from "../files/json.ts";
import { type AddedToken, longestAddedToken } from "./addedTokens.ts";
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

/** An added token as the files describe it, perhaps without an id. */
type NamedToken = JsonObject & { readonly content: string };

/** @throws CheckpointError  a file is malformed, or asks for something that would not be reproduced exactly */
export function readTokenizerFiles(files: TokenizerFiles): TokenizerSpec {
  const vocabulary =
    files.tokenizer === undefined
      ? readVocabAndMerges(files.vocab, files.merges)
      : readTokenizerJson(files.tokenizer);
  const config = parseOptional("tokenizer_config.json", files.config);
  const roles = readRoles(config, parseOptional("special_tokens_map.json", files.specialTokensMap));
  const addedIds = parseOptional("added_tokens.json", files.addedTokens);
  const added = readAddedTokens(vocabulary, roles, config, addedIds);

  const tokens = new Map<number, string>();
  for (const [token, id] of vocabulary.vocab) tokens.set(id, token);
  for (const { id, content } of added.values()) {
    const other = tokens.get(id) ?? content;
    if (other !== content) throw mismatch("tokenizer", content, id, `an id other than ${describe(other)}'s`);
    tokens.set(id, content);
  }

  const { vocab, merges, splitWords } = vocabulary;
  const addPrefixSpace = readFlag(
    "tokenizer_config.json",
    config,
    "add_prefix_space",
    vocabulary.addPrefixSpace,
  );
  const bosToken = added.get(roles.get("bos_token")!.content)?.id;
  return { vocab, merges, splitWords, addPrefixSpace, added, tokens, bosToken };
}

/**
 * The tokens that the files give a role, which makes them added tokens. GPT2Tokenizer's own are `<|endoftext|>`.
 *
 * Hugging Face reads the older special_tokens_map.json only where the config does not list the added tokens.
 */
function readRoles(config: JsonObject, map: JsonObject): Map<string, NamedToken> {
  const files = config.added_tokens_decoder === undefined ? { ...config, ...map } : config;
  const roles = new Map<string, NamedToken>();
  const give = (role: string, token: unknown): void => {
    const where = `special tokens: ${role}`;
    const json = typeof token === "string" ? { content: token } : expectObject(where, token);
    roles.set(role, { ...json, content: contentOf(where, json) });
  };
  for (const role of ["bos_token", "eos_token", "unk_token"]) give(role, files[role] ?? "<|endoftext|>");
  for (const role of ["sep_token", "pad_token", "cls_token", "mask_token"]) {
    if (files[role]) give(role, files[role]);
  }
  for (const list of ["additional_special_tokens", "extra_special_tokens"]) {
    const tokens = files[list] ?? [];
    const entries = Array.isArray(tokens) ? tokens.entries() : Object.entries(expectObject(list, tokens));
    for (const [at, token] of entries) give(`${list}.${at}`, token);
  }
  return roles;
}

/**
 * Every added token, by content. Where files describe the same one, the config's word counts, as in Hugging Face.
 *
 * A token with a role but without an id in any file is left out: Hugging Face would append it to the vocabulary, where
 * the model has no row for it.
 */
function readAddedTokens(
  { vocab, addedTokens }: Vocabulary,
  roles: ReadonlyMap<string, NamedToken>,
  config: JsonObject,
  addedIds: JsonObject,
): Map<string, AddedToken> {
  const added = new Map<string, AddedToken>();
  const add = (where: string, json: JsonObject): void => {
    const token = readAddedToken(where, json);
    const known = vocab.get(token.content) ?? added.get(token.content)?.id ?? token.id;
    if (known !== token.id) throw mismatch(where, token.content, token.id, `${known} as elsewhere`);
    if (token.content !== "") added.set(token.content, token); // Hugging Face ignores an empty one
  };

  const special = new Set([...roles.values()].map(({ content }) => content));
  for (const [content, id] of Object.entries(addedIds)) {
    add("added_tokens.json", { id, content, special: special.has(content) });
  }
  for (const [at, token] of addedTokens.entries()) {
    const where = `tokenizer.json: added_tokens[${at}]`;
    add(where, expectObject(where, token));
  }
  const where = "tokenizer_config.json: added_tokens_decoder";
  for (const [id, token] of Object.entries(expectObject(where, config.added_tokens_decoder ?? {}))) {
    add(where, { ...expectObject(`${where}: ${id}`, token), id: /^\d+$/.test(id) ? Number(id) : id });
  }
  for (const [role, token] of roles) {
    const id = vocab.get(token.content);
    if (id === undefined || added.has(token.content)) continue;
    add(`special tokens: ${role}`, { ...token, special: true, id });
  }
  return added;
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

function contentOf(where: string, { content }: JsonObject): string {
  if (typeof content === "string") return content;
  throw new CheckpointError(
    `${where}: got ${describe(content)} as content, expected a string. Download it again.`,
  );
}

function mismatch(where: string, content: string, id: number, expected: string): CheckpointError {
  return new CheckpointError(
    `${where}: got the id ${id} for ${describe(content)}, expected ${expected}. Use files that belong together.`,
  );
}

function parseOptional(name: string, text: string | undefined): JsonObject {
  return text === undefined ? {} : parseJsonObject(text, name);
}
