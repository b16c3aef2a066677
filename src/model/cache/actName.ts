import { describe, ValueError } from "../../errors.ts";

/** TransformerLens's other words for an activation. */
const aliases: Readonly<Record<string, string>> = {
  attn: "pattern",
  attn_logits: "attn_scores",
  key: "k",
  query: "q",
  value: "v",
  mlp_pre: "pre",
  mlp_post: "post",
};

const attentionNames: readonly string[] = ["k", "v", "q", "z", "result", "pattern", "attn_scores"];
const mlpNames: readonly string[] = ["pre", "post"];
const normNames: readonly string[] = ["scale", "normalized"];
const parts: Readonly<Record<string, string>> = {
  a: "attn",
  attention: "attn",
  m: "mlp",
  b: "",
  block: "",
  blocks: "",
};

/**
 * The hook name that TransformerLens's shorthand stands for:
 *
 *   ("k", 6) → blocks.6.attn.hook_k        ("resid_post", 2) → blocks.2.hook_resid_post
 *   ("scale4ln1") → blocks.4.ln1.hook_scale      ("scale") → ln_final.hook_scale
 *
 * A full hook name is returned as it is. What no model has is found out by who looks it up.
 *
 * @throws ValueError for a name or part that is no text, or a layer that is no whole number
 * @see TransformerLens, `utils.get_act_name`
 */
export function actName(name: string, layer?: number, part?: string): string {
  expectName(name, layer, part);
  if (layer === undefined && part === undefined) {
    if (name.includes(".") || name.startsWith("hook_")) return name;
    const packed = /^([a-z_]+?)(\d+)([a-z]?.*)$/.exec(name);
    if (packed) return actName(packed[1], Number(packed[2]), packed[3] || undefined);
  }
  const full = Object.hasOwn(aliases, name) ? aliases[name] : name;
  const inBlock = layer === undefined ? "" : `blocks.${layer}.`;
  const where = partOf(full, part);
  const hook = `${inBlock}${where ? `${where}.` : ""}hook_${full}`;
  return normNames.includes(full) && layer === undefined ? `ln_final.${hook}` : hook;
}

function expectName(name: unknown, layer: unknown, part: unknown): void {
  const isOne =
    typeof name === "string" &&
    (layer === undefined || Number.isInteger(layer)) &&
    (part === undefined || typeof part === "string");
  if (isOne) return;
  const rest = [layer, part].filter((one) => one !== undefined).map(describe);
  throw new ValueError(
    `actName: got ${[describe(name), ...rest].join(", ")}, expected a name, a layer and a part. Give "z", 0, or "scale", 0, "ln1".`,
  );
}

function partOf(name: string, part: string | undefined): string | undefined {
  if (attentionNames.includes(name)) return "attn";
  if (mlpNames.includes(name)) return "mlp";
  return part !== undefined && Object.hasOwn(parts, part) ? parts[part] : part;
}
