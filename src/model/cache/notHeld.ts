import { describe, nearest, ValueError } from "../../errors.ts";

/** What was asked for, as it was and as the hook name that it stands for. */
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
  const meant = isInModel ? undefined : (nearestShort(name, layer, full, inModel) ?? nearest(full, inModel));
  const remedy = isInModel
    ? "Ask for it in runWithCache's names."
    : meant === undefined
      ? "See cache.names."
      : `Did you mean ${meant.startsWith("get(") ? meant : describe(meant)}?`;
  return new ValueError(
    `${where}: got ${describe(full)}, expected one of the ${held.length} names that this cache holds. ${remedy}`,
  );
}

/** Of a shorthand misspelt, or one that lacks its layer, the full call: `get("pattern", layer)`. */
function nearestShort(
  name: string,
  layer: number | undefined,
  full: string,
  inModel: readonly string[],
): string | undefined {
  if (name.includes(".") || name.startsWith("hook_")) return undefined;
  const isInBlock = (hook: string) => hook.startsWith("blocks.");
  const shorts = new Map(inModel.map((hook) => [hook.slice(hook.lastIndexOf("hook_") + 5), hook]));
  const asked = full.slice(full.lastIndexOf("hook_") + 5); // an alias is spelt out
  const near = shorts.has(asked) ? asked : nearest(asked, [...shorts.keys()]);
  if (near === undefined) return undefined;
  const hook = shorts.get(near)!;
  if (!isInBlock(hook)) return `get("${near}")`;
  if (layer === undefined) return `get("${near}", layer)`;
  return near === asked
    ? undefined
    : hook.replace(/^blocks\.\d+\./, full.match(/^blocks\.\d+\./)?.[0] ?? "blocks.0.");
}
