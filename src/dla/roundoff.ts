/** Unit roundoff of float32, with room for the second order: (1 + 2⁻²⁴)² and the like. */
export const U32: number = 2 ** -24 * (1 + 2 ** -20);
/** Of float64. */
export const U64: number = 2 ** -53;
/** The smallest float32: twice what a rounding can lose below the normal range. */
export const TINY: number = 2 ** -149;
