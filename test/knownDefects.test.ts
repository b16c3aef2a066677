import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/**
 * Defects of TransformerLens 4.3.0, or of versions before it, and which files have tests that begin with the number of
 * each. None is left out; where there is little here for one to arise in, its line says so.
 */
const defects: Readonly<Record<string, readonly [there: string, ...files: string[]]>> = {
  B1: ["a model whose weights were not processed is attributed without its gamma", "dla/defects"],
  B1b: ["the raw model's cache passes for the folded one's", "dla/defects"],
  B2: ["of prompts of unequal length a pad position is attributed; nothing is padded here", "dla/defects"],
  B3: ["answers in a list of strings, or one each at every position, fail", "dla/defects"],
  B4: ["head rows are made at every position for one", "dla/kept"],
  B5: ["a run caches everything, each activation under several names", "dla/kept"],
  B6: ["of attention alone, unit layer is a KeyError", "dla/attributable"],
  B7: [
    "before an MLP, neurons are divided by ln1's scale and the rest by ln2's; units are read after the last block alone, " +
      "so that stacks are what is left",
    "model/cache/cache",
  ],
  B8: ["the remainder before a layer is the whole last residual", "model/cache/cache"],
  B9: [
    "accumulated_resid through the norm goes wrong at one position of a cache without a batch axis",
    "model/cache/cache",
  ],
  B10: ["scale_attn_weights is ignored; old configs and nanoGPT's layout are refused", "model/fixtures"],
  B11: ["unknown or gated names in a list, or a predicate for none: fewer keys", "model/hooks"],
  B12: ["top sorts by signed value, so that what pushes against the answer is missing", "dla/summary"],
  B13: ["unit layer is called the logit lens, which it is not", "dla/defects"],
  B14: [
    "-1 is the last token; ids out of range, empty prompts: obscure errors",
    "dla/defects",
    "model/prompts",
  ],
  B15: ["the readout's own check lets a tenth of the logits' spread pass", "dla/tenThousandth"],
  B16: ["a text that begins with BOS gets a second", "model/prompts"],
};

test("every known defect has a test of its name, in the files that the table says", () => {
  const tests = fileURLToPath(new URL(".", import.meta.url));
  const files = readdirSync(tests, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts") && !file.includes("node_modules"))
    .map((file) => file.replaceAll("\\", "/").replace(".test.ts", ""));
  const named = new Map<string, string[]>();
  for (const file of files.sort()) {
    const titles = readFileSync(`${tests}/${file}.test.ts`, "utf8").matchAll(/"(B\d+b?): \S/g);
    for (const number of new Set(Array.from(titles, ([, number]) => number)))
      named.set(number, [...(named.get(number) ?? []), file]);
  }
  const inTable = Object.entries(defects).map(([defect, [, ...files]]) => [defect, files]);
  expect(Object.fromEntries(named)).toEqual(Object.fromEntries(inTable));
});
