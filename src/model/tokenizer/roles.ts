import { CheckpointError } from "../../errors.ts";
import { describe, type JsonObject } from "../files/json.ts";
import { expectObject } from "./vocabulary.ts";

/** An added token as the files describe it, perhaps without an id. */
export type NamedToken = JsonObject & { readonly content: string };

/** A token that the files give a role, which makes it an added token. */
export interface RoleToken {
  readonly role: string;
  readonly token: NamedToken;
  /** False of a plain string, which says nothing of lstrip and the like. */
  readonly hasFlags: boolean;
  /** True where no file names it: GPT2Tokenizer's own, `<|endoftext|>`. */
  readonly isDefault: boolean;
}

const withDefault = ["bos_token", "eos_token", "unk_token"];
const named = [...withDefault, "sep_token", "pad_token", "cls_token", "mask_token"];
const lists = ["extra_special_tokens", "additional_special_tokens"];

/**
 * The tokens with a role, in the order in which Hugging Face gives ids to those that have none. A role of
 * special_tokens_map.json counts before the config's, and the file is read only where the config does not list the added tokens.
 *
 * @see https://github.com/huggingface/transformers src/transformers/tokenization_utils_base.py, `_from_pretrained`
 */
export function readRoles(config: JsonObject, map: JsonObject): readonly RoleToken[] {
  const older = config.added_tokens_decoder === undefined ? map : {};
  const files = { ...config, ...older };
  const roles: RoleToken[] = [];
  const give = (role: string, token: unknown, isDefault = false): void => {
    const where = `special tokens: ${role}`;
    const hasFlags = typeof token !== "string";
    const json = hasFlags ? expectObject(where, token) : { content: token };
    roles.push({ role, token: { ...json, content: contentOf(where, json) }, hasFlags, isDefault });
  };

  for (const role of withDefault) give(role, files[role] ?? "<|endoftext|>", (files[role] ?? null) === null);
  for (const role of named.slice(withDefault.length)) if (files[role]) give(role, files[role]);
  const others = [...Object.keys(older), ...Object.keys(config)]; // of a model's own: "image_token"
  for (const role of new Set(others)) {
    if (role.endsWith("_token") && !named.includes(role) && isToken(files[role])) give(role, files[role]);
  }
  const tokens = lists.flatMap((list) => [config, older].map((file) => [list, file[list] ?? []] as const));
  for (const [list, entries] of tokens) {
    if (Array.isArray(entries)) continue;
    for (const [name, token] of Object.entries(expectObject(list, entries))) give(`${list}.${name}`, token);
  }
  for (const [list, entries] of tokens) {
    if (!Array.isArray(entries)) continue;
    for (const [at, token] of entries.entries()) give(`${list}.${at}`, token);
  }
  return roles;
}

/** The description that counts of each token: of several roles' the first that says more than its text. */
export function describedRoles(roles: readonly RoleToken[]): ReadonlyMap<string, RoleToken> {
  const described = new Map<string, RoleToken>();
  for (const role of roles) {
    const known = described.get(role.token.content);
    if (known === undefined || (role.hasFlags && !known.hasFlags)) described.set(role.token.content, role);
  }
  return described;
}

/** Keys that end in `_token` may be switches: `add_bos_token`. */
function isToken(value: unknown): boolean {
  return typeof value === "string" || (value as JsonObject | null | undefined)?.__type === "AddedToken";
}

/** @throws CheckpointError unless a token's content is a string */
export function contentOf(where: string, { content }: JsonObject): string {
  if (typeof content === "string") return content;
  throw new CheckpointError(
    `${where}: got ${describe(content)} as content, expected a string. Download it again.`,
  );
}
