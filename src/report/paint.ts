/** Colours, or none. Each function takes text that is safe to print and returns it painted. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  inverse(text: string): string;
  /** In the colour of the score's sign: red below zero, blue above. */
  sign(score: number, text: string): string;
  /** On a ground of the sign's colour, the stronger the nearer |score| is to `max`; near zero on none. */
  heat(score: number, max: number, text: string): string;
}

/** Red and blue of one lightness, readable on a dark and on a light ground (ANSI 256). */
const negative = "38;5;167";
const positive = "38;5;68";

/**
 * Figures and grounds from weak to strong (ANSI 256). The grounds are of middle lightness, so that they stand out from a dark
 * terminal as from a light one, and the stronger the more of the colour is in them; the figures have a contrast above 4.5.
 */
const negativeGrounds = ["38;5;16;48;5;131", "38;5;16;48;5;167", "1;38;5;231;48;5;160"] as const;
const positiveGrounds = ["38;5;16;48;5;67", "38;5;16;48;5;68", "1;38;5;231;48;5;27"] as const;

/** The share of the greatest from which a cell has each ground; what is nearer to zero has none. */
const from = [0.15, 0.4, 0.7] as const;

/** ANSI colours where `color` is true, else the text as it is. */
export function paint(color: boolean): Paint {
  const wrap = (codes: string, text: string) =>
    color && codes !== "" && text !== "" ? `\x1b[${codes}m${text}\x1b[0m` : text;
  return {
    bold: (text) => wrap("1", text),
    dim: (text) => wrap("2", text),
    inverse: (text) => wrap("7", text),
    sign: (score, text) =>
      wrap(text.trim() === "" || score === 0 ? "" : score < 0 ? negative : positive, text),
    heat: (score, max, text) => wrap(ground(score, max), text),
  };
}

function ground(score: number, max: number): string {
  const share = max > 0 ? Math.abs(score) / max : 0;
  const level = from.findLastIndex((least) => share >= least);
  return level < 0 ? "" : (score < 0 ? negativeGrounds : positiveGrounds)[level];
}
