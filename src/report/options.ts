import { describe, expectFlags, expectObject, ValueError } from "../errors.ts";
import { expectTop } from "./top.ts";

/** Columns, beyond any terminal. */
const WIDEST = 10_000;

/** @throws ValueError for a look that no table can have */
export function expectLook(
  where: string,
  options: { readonly color?: unknown; readonly top?: number | undefined; readonly width?: unknown },
): void {
  expectObject(where, options, "options", "Give an object of them.");
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
