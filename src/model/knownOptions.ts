import { editDistance, nearest, ValueError } from "../errors.ts";
import { describe } from "./files/json.ts";

/** The names of an interface's options: all of them, and no others. */
export type NamesOf<Options> = Readonly<Record<keyof Options, true>>;

/** @throws ValueError for an option that there is not: what it was to ask for would be left out in silence */
export function expectKnown<Options extends object>(
  where: string,
  options: Options,
  names: NamesOf<Options>,
): void {
  if (typeof options !== "object" || options === null) {
    throw new ValueError(`${where}: got ${describe(options)}, expected options. Give an object of them.`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || Object.hasOwn(names, name)) continue;
    const known = Object.keys(names);
    const near = meantName(name, known);
    const hint = near === undefined ? "Leave it out" : `Did you mean ${near}?`;
    throw new ValueError(`${where}: got option ${describe(name)}, expected ${known.join(", ")}. ${hint}`);
  }
}

/**
 * The known name that was probably meant, or undefined where none is near: the same word written another way, one a few
 * letters off, or one that goes on where the other ends (position, pos). A name of three letters is two letters off nearly
 * any other, so it is near only those one letter off or of the same letters.
 */
export function meantName(name: string, known: readonly string[]): string | undefined {
  const word = plain(name);
  const same = known.find((one) => plain(one) === word);
  if (same !== undefined) return same;
  const letters = (text: string) => [...text].sort().join();
  const near =
    word.length > 3
      ? nearest(name, known)
      : known.find((one) => editDistance(word, plain(one)) === 1 || letters(word) === letters(plain(one)));
  if (near !== undefined || word.length < 2) return near;
  return known.find((one) => plain(one).startsWith(word) || word.startsWith(plain(one)));
}

/** leave-one-out, leave_one_out and LeaveOneOut are leaveOneOut. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[-_\s]/g, "");
}
