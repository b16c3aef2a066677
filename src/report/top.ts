import { describe, ValueError } from "../errors.ts";
import type { NamesOf } from "../model/index.ts";
import type { TableOptions } from "./table.ts";

export const tableNames: NamesOf<TableOptions> = { color: true, top: true, width: true };

/** @throws ValueError unless it is left out or a positive integer */
export function expectTop(where: string, top: number | undefined): void {
  if (top === undefined || (Number.isInteger(top) && top > 0)) return;
  throw new ValueError(
    `${where}: top: got ${describe(top)}, expected a positive integer. Leave it out for all rows.`,
  );
}
