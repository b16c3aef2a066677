import { columns } from "./text.ts";

/** A space at which a line is not broken; in what is printed it is a space. */
const HELD = "\ufdd0";

/** The place in a line at which the lines that go on with it begin. */
export const HANG = "\ufdd1";

/** Lines without such a mark go on here. */
const INDENT = 2;

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const colour = /\x1b\[[\d;]*m/g;

/** Text that stays on one line: a token in its quotes, say. */
export function held(text: string): string {
  return text.replaceAll(" ", HELD);
}

/** The lines as text, those that are wider than `width` broken between words. */
export function layOut(lines: readonly string[], width: number): string {
  const folded = lines.flatMap((line) => fold(line, width));
  return folded.map((line) => `${line.replaceAll(HELD, " ")}\n`).join("");
}

/** A line, broken at its spaces; a colour that a break interrupts goes on after it. */
function fold(line: string, width: number): string[] {
  const whole = line.replace(HANG, "");
  if (widthOf(whole) <= width) return [whole];
  const [before] = line.includes(HANG) ? line.split(HANG) : [" ".repeat(INDENT)];
  const indent = " ".repeat(Math.min(widthOf(before), Math.floor(width / 2)));
  const lines: string[] = [];
  let current = "";
  let hasWord = false;
  let active = "";
  for (const part of whole.split(/( +)/)) {
    if (hasWord && !part.startsWith(" ") && widthOf(current) + widthOf(part) > width) {
      lines.push(`${current.trimEnd()}${active && reset}`);
      current = indent + active;
      hasWord = false;
    }
    if (part.startsWith(" ") && !hasWord && lines.length > 0) continue; // the break stands for it
    current += part;
    hasWord ||= widthOf(part.trim()) > 0;
    active = part.match(colour)?.at(-1) ?? active;
    if (active === reset) active = "";
  }
  return [...lines, current];
}

const reset = "\x1b[0m";

function widthOf(text: string): number {
  return columns(text.replace(colour, ""));
}
