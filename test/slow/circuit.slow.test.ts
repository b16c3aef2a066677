import { expect, test } from "vitest";
import { withFigures } from "../../scripts/figures.mjs";
import { demoModel } from "../../src/demo/index.ts";
import { jsKernels } from "../../src/index.ts";
import { drawFigures, ofManyPrompts, textsOf } from "../support/figures.ts";
import { readDocument } from "../support/markdown.ts";

test("docs/circuit.md has the figures of many prompts as plain JavaScript computes them", async () => {
  const document = readDocument("docs/circuit.md");
  const model = await demoModel({ compatibilityMode: true, kernels: jsKernels });
  const drawn = await drawFigures(model, (figure) => ofManyPrompts.has(figure));
  expect(Object.keys(drawn)).toHaveLength(ofManyPrompts.size);
  expect(document).toBe(withFigures(document, textsOf(drawn)));
});
