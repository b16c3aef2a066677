import {
  advance,
  type I32,
  type Local,
  locals,
  type Statement,
  set,
  times,
  type V128,
  v128,
} from "../assembler/index.ts";
import { widenPair } from "./norm.ts";
import { PANEL_BYTES } from "./panels.ts";

// Packed weights read in float64: each element is widened as it is used.

/** The eight columns of a panel's row as four pairs. */
export const eachPair = <T>(of: (pair: V128, i: number) => T, row: I32): T[] =>
  [0, 1, 2, 3].map((i) => of(widenPair(row, 8 * i), i));

/** Runs `body` for each row of a panel, `row` going through the panel and `factor` through float64 numbers. */
export function eachRow(
  panel: I32,
  inner: I32,
  factors: I32,
  body: (row: Local<"i32">, factor: V128) => Statement[],
): Statement[] {
  const [row, factor, left] = locals("i32", 3);
  return [
    set(row, panel),
    set(factor, factors),
    set(left, inner),
    times(left, body(row, v128.load64_splat(factor)), advance(row, PANEL_BYTES), advance(factor, 8)),
  ];
}
