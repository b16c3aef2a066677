import { expectObject, unknownOption } from "../errors.ts";

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
    throw unknownOption(where, name, Object.keys(names));
  }
}
