import { figures } from "../../examples/circuit/figures.mjs";
import { type Table, toText } from "../../examples/circuit/table.mjs";
import type { Gpt2 } from "../../src/index.ts";

/** The figures of docs/circuit.md that take seconds in plain JavaScript. */
export const ofManyPrompts: ReadonlySet<string> = new Set(
  "thirdName routes exchanged copied means familyEffects controls".split(" "),
);

/** Figures of docs/circuit.md as a model has them. */
export async function drawFigures(
  model: Gpt2,
  which: (figure: string) => boolean = () => true,
): Promise<Record<string, Table>> {
  const drawn: Record<string, Table> = {};
  for (const [figure, of] of Object.entries(figures)) if (which(figure)) drawn[figure] = await of(model);
  return drawn;
}

export const textsOf = (tables: Record<string, Table>): Record<string, string> =>
  Object.fromEntries(Object.entries(tables).map(([figure, table]) => [figure, toText(table)]));

/** A number as prose has it, and whether it is among those of figures. */
interface ProseNumber {
  readonly text: string;
  readonly isIn: (printed: readonly string[]) => boolean;
}

const number = /(?<![\w.])[-+−]?\d+(?:\.\d+)?%?(?![\w])/g;

/** What a section's figures print, number by number: "-5.83", "97%", "14". */
export function figuresOf(section: string): string[] {
  const blocks = [...section.matchAll(/^```text\n([\s\S]*?)^```$/gm)];
  return blocks.flatMap(([, block]) => block.match(number) ?? []);
}

/**
 * The numbers of a section's prose. One with decimals may be rounded further than the figure's; one without a sign may stand for
 * either; whole ones and percentages are to be printed as they are. Code, links, comments, and the numbers of layers and MLPs
 * are none.
 */
export function numbersOf(section: string): ProseNumber[] {
  const prose = section
    .replace(/^#.*$/gm, "")
    .replace(/^```[\s\S]*?^```$/gm, "")
    .replace(/<!--[\s\S]*?-->|`[^`]*`|\[[^\]]*\]\([^)]*\)/g, "")
    .replace(/^\d+\. |\b(?:[Ll]ayer|MLP|GPT)[ -]\d+/gm, "");
  return (prose.match(number) ?? []).map((text) => ({
    text,
    isIn: (printed) => printed.some((other) => isSame(text.replace("−", "-"), other)),
  }));
}

function isSame(text: string, printed: string): boolean {
  const hasSign = /^[-+]/.test(text);
  const [a, b] = [text, printed].map((one) => (hasSign ? one : one.replace(/^[-+]/, "")).replace(/^\+/, ""));
  const decimals = /\.(\d+)$/.exec(a)?.[1].length;
  if (decimals === undefined || !b.includes(".")) return a === b;
  return Number(b).toFixed(decimals) === a;
}
