import { describe, expectFlags, ValueError } from "../errors.ts";
import { expectKnown, type NamesOf } from "../model/index.ts";
import { expectTop } from "./top.ts";

/** Columns, beyond any terminal. */
const WIDEST = 10_000;

/** @throws ValueError for an option that the table has not, or a look that no table can have */
export function expectLook<
  Look extends { readonly color?: unknown; readonly top?: number | undefined; readonly width?: unknown },
>(where: string, options: Look, names: NamesOf<Look>): void {
  expectKnown(where, options, names);
  const { color, top, width } = options;
  expectFlags(where, { color });
  expectTop(where, top);
  if (
    width === undefined ||
    (Number.isInteger(width) && (width as number) > 0 && (width as number) <= WIDEST)
  )
    return;
  throw new ValueError(
    `${where}: width: got ${describe(width)}, expected how many columns there are, up to ${WIDEST}. Leave it out for 80.`,
  );
}
