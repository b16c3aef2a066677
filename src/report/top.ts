import { describe, ValueError } from "../errors.ts";

/** @throws ValueError unless it is left out or a positive integer */
export function expectTop(where: string, top: number | undefined): void {
  if (top === undefined || (Number.isInteger(top) && top > 0)) return;
  throw new ValueError(
    `${where}: top: got ${describe(top)}, expected a positive integer. Leave it out for all rows.`,
  );
}
