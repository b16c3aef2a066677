/** Colours, or none. Each function takes text that is safe to print and returns it painted. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  inverse(text: string): string;
  /** In the colour of the score's sign: red below zero, blue above. */
  sign(score: number, text: string): string;
  /** On a ground of the sign's colour, the stronger the nearer |score| is to `max`; the figures stay readable. */
  heat(score: number, max: number, text: string): string;
}

/** Red and blue of one lightness, readable on a dark and on a light ground (ANSI 256). */
const negative = "38;5;167";
const positive = "38;5;68";

/** Grounds from weak to strong (ANSI 256); black on each has a contrast above 6. */
const negativeGrounds = [224, 217, 210, 203] as const;
const positiveGrounds = [189, 153, 111, 75] as const;

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
  if (!(share >= 0.04)) return "";
  const grounds = score < 0 ? negativeGrounds : positiveGrounds;
  return `38;5;16;48;5;${grounds[Math.min(grounds.length - 1, Math.floor(share * grounds.length))]}`;
}
