import { showSpread, spread } from "./harness.ts";

/** What a figure is to reach: at least or at the most so much. */
export interface Reach {
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly unit: "x" | "%" | "MB" | "kB";
  /** Why it is not asked for here, where it isn't: the figure is shown all the same. */
  readonly waived?: string | undefined;
}

/**
 * Prints a line of the table: ✓ or ✗ (– where nothing is to be reached), what to reach, the median and the spread of
 * `values`, and of what.
 */
export function figure(
  what: string,
  values: readonly number[],
  reach: Reach | Reach["unit"],
  detail = "",
): void {
  const found = spread(values);
  const { unit, atLeast, atMost, waived }: Reach = typeof reach === "string" ? { unit: reach } : reach;
  const to = atLeast !== undefined ? `≥ ${atLeast}` : atMost !== undefined ? `≤ ${atMost}` : undefined;
  const reached = found.median >= (atLeast ?? -Infinity) && found.median <= (atMost ?? Infinity);
  const mark = to === undefined || (waived !== undefined && !reached) ? "–" : reached ? "✓" : "✗";
  const digits = unit === "x" ? 2 : 1;
  const columns = [
    mark,
    (to === undefined ? "" : to + (unit.length > 1 ? ` ${unit}` : unit)).padEnd(9),
    showSpread(found, unit, digits).padEnd(22),
    what,
  ];
  const notes = [detail, mark === "–" ? waived : undefined].filter(Boolean).join("; ");
  console.log(`${columns.join("  ")}${notes && ` · ${notes}`}`);
}

/** Above the lines of one kind. */
export function heading(text: string): void {
  console.log(`\n${text}`);
}

/** A plain line between. */
export function remark(text: string): void {
  console.log(`   ${text}`);
}
