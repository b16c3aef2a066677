import { drop, type I32, i32, type Statement, type V128 } from "../assembler/index.ts";

// How weights and products are cut into pieces, for the kernels that work on packed weights.

/** Columns in a panel of packed weights: two vectors of four. */
export const PANEL = 8;
export const PANEL_BYTES: number = 4 * PANEL;

/** Rows of a panel that are summed in registers before they are added to the output. */
export const K_BLOCK = 256;

/** Rows of x that pass over all panels before the next do: a block of them stays in the second cache. */
export const ROW_BLOCK = 256;

/** Panels that a thread takes at a time: their rows of one K block stay in the second cache. */
export const PANELS_AT_ONCE = 24;

/** Of each thread's scratch: room for a block of rows of so many panels, one after the other. */
export const SCRATCH_BYTES: number = PANELS_AT_ONCE * ROW_BLOCK * PANEL_BYTES;

/** a·b + c: rounded twice, the same on every machine; or once, where the machine has that. */
export type MultiplyAdd = (a: V128, b: V128, c: V128) => V128;

/** Reads an address for nothing but that it is read. */
export function touch(address: I32, offset = 0): Statement {
  return drop(i32.load(address, offset));
}
