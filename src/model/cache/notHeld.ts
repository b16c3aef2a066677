import { describe, nearest, ValueError } from "../../errors.ts";

/** A name as it was asked for, and the hook name that it stands for. */
interface Asked {
  readonly name: string;
  readonly layer: number | undefined;
  readonly full: string;
}

/** The error for an activation that a cache does not hold: it says how to have it, or the name probably meant. */
export function notHeld(
  where: string,
  { name, layer, full }: Asked,
  held: readonly string[],
  inModel: readonly string[],
): ValueError {
  const isInModel = inModel.includes(full);
  const meant = isInModel
    ? undefined
    : (fromShort(where, { name, layer, full }, inModel) ?? nearest(full, inModel));
  const remedy = isInModel
    ? "Ask for it in runWithCache's names."
    : meant === undefined
      ? "See cache.names."
      : `Did you mean ${meant.startsWith("get(") ? meant : describe(meant)}?`;
  const got = describe(layer === undefined ? name : full);
  return new ValueError(
    `${where}: got ${got}, expected one of the ${held.length} names that this cache holds. ${remedy}`,
  );
}

/** The name that was meant by a shorthand misspelt, or one that lacks its layer: `get("pattern", layer)`, or a hook's name. */
function fromShort(
  where: string,
  { name, layer, full }: Asked,
  inModel: readonly string[],
): string | undefined {
  if (name.includes(".") || name.startsWith("hook_")) return undefined;
  const shortOf = (hook: string) => hook.slice(hook.lastIndexOf("hook_") + "hook_".length);
  const asked = shortOf(full); // an alias is spelt out
  const near = inModel.map(shortOf).includes(asked) ? asked : nearest(asked, inModel.map(shortOf));
  if (near === undefined || (layer !== undefined && near === asked)) return undefined;
  const inBlock = /^blocks\.\d+\./;
  const hook = inModel.find((one) => shortOf(one) === near)!;
  if (layer !== undefined) return hook.replace(inBlock, full.match(inBlock)?.[0] ?? "$&");
  if (where !== "cache.get") return hook; // which take no layer
  return inBlock.test(hook) ? `get("${near}", layer)` : `get("${near}")`;
}
