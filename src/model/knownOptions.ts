import { describe, expectObject, nearest, ValueError } from "../errors.ts";

/** The names of an interface's options: all of them, and no others. */
export type NamesOf<Options> = Readonly<Record<keyof Options, true>>;

/** @throws ValueError for an option that there is not: what it was to ask for would be left out in silence */
export function expectKnown<Options extends object>(
  where: string,
  options: Options,
  names: NamesOf<Options>,
): void {
  expectObject(where, options, "options", "Give an object of them.");
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || Object.hasOwn(names, name)) continue;
    const known = Object.keys(names);
    const near = name.length > 3 ? nearest(name, known) : undefined; // three letters are near anything
    const hint = near === undefined ? "Leave it out" : `Did you mean ${near}?`;
    throw new ValueError(`${where}: got option ${describe(name)}, expected ${known.join(", ")}. ${hint}`);
  }
}
