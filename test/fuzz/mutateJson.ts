import type { Dice } from "./dice.ts";
import { keys, numbers, texts } from "./dictionary.ts";

type Node = Record<string, unknown> | unknown[];

/** Where a value stands. */
interface Place {
  readonly parent: Node;
  readonly key: string | number;
}

const nest = "@nest@";

/** A JSON text with some of its values replaced, taken away, doubled or moved; null where it is no JSON, or nested too deep. */
export function mutateJson(text: string, dice: Dice): string | null {
  try {
    const root: Root = { value: JSON.parse(text.trim()) };
    for (let times = dice.pick([1, 1, 1, 2, 4]); times > 0; times--) change(root, dice);
    const depth = dice.pick([1, 2, 3, 50, 50, 3000, 14_000]);
    const list = dice.pick(["normalizers", "pretokenizers", "decoders"]);
    const [open, close] = dice.chance(0.5) ? ["[", "]"] : [`{"type":"Sequence","${list}":[`, "]}"];
    const changed = JSON.stringify(root.value) ?? "null";
    return changed.replace(`"${nest}"`, () => open.repeat(depth) + close.repeat(depth));
  } catch {
    return null;
  }
}

interface Root {
  value: unknown;
}

function change(root: Root, dice: Dice): void {
  const { parent, key } = somePlace(root, dice);
  const value = (parent as Record<string, unknown>)[key];
  const isNode = typeof value === "object" && value !== null;
  const kind = dice.below(8);
  if (kind === 0) {
    if (Array.isArray(parent)) parent.splice(key as number, 1);
    else delete (parent as Record<string, unknown>)[key];
  } else if (kind === 1) add(parent, structuredClone(value), dice);
  else if (kind === 2 && isNode) add(value as Node, someValue(dice), dice);
  else define(parent, key, changed(value, root, dice));
}

/** What comes in a value's place. */
function changed(value: unknown, root: Root, dice: Dice): unknown {
  switch (dice.below(4)) {
    case 0: {
      const other = somePlace(root, dice);
      return structuredClone((other.parent as Record<string, unknown>)[other.key]);
    }
    case 1:
      return dice.chance(0.5) ? { [dice.pick(keys)]: value } : [value, structuredClone(value)];
    case 2:
      if (typeof value === "number") return dice.chance(0.5) ? nearby(value, dice) : dice.pick(numbers);
      return typeof value === "string" ? changedText(value, dice) : nest;
    default:
      return someValue(dice);
  }
}

/** A value's place, by a walk from the root that may stop at each object. */
function somePlace(root: Root, dice: Dice): Place {
  let place: Place = { parent: root as object as Node, key: "value" };
  for (;;) {
    const value = (place.parent as Record<string, unknown>)[place.key];
    if (typeof value !== "object" || value === null || dice.chance(0.15)) return place;
    const inside = Object.keys(value);
    if (inside.length === 0) return place;
    const key = dice.pick(inside);
    place = { parent: value as Node, key: Array.isArray(value) ? Number(key) : key };
  }
}

function add(node: Node, value: unknown, dice: Dice): void {
  if (Array.isArray(node)) node.splice(dice.below(node.length + 1), 0, value);
  else define(node, dice.pick(keys), value);
}

/** An own property, also where it is called __proto__. */
function define(node: Node, key: string | number, value: unknown): void {
  Object.defineProperty(node, key, { value, writable: true, enumerable: true, configurable: true });
}

function someValue(dice: Dice): unknown {
  return dice.pick([
    null,
    true,
    false,
    {},
    [],
    nest,
    dice.pick(numbers),
    dice.pick(texts),
    [dice.pick(numbers), dice.pick(numbers)],
    { [dice.pick(keys)]: dice.pick(texts) },
  ]);
}

function nearby(value: number, dice: Dice): number {
  return dice.pick([value + 1, value - 1, -value, 2 * value, value / 2, value + 4, value * 2 ** 32]);
}

function changedText(text: string, dice: Dice): string {
  const at = dice.below(text.length + 1);
  return dice.pick([
    text.slice(0, at),
    text.slice(0, at) + dice.pick(texts) + text.slice(at),
    text + text,
    text.repeat(dice.pick([3, 100])).slice(0, 5000),
    dice.pick(texts),
  ]);
}
