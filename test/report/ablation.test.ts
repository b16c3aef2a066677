import { expect, test } from "vitest";
import type { AblationResult } from "../../src/index.ts";
import { toAblationTable } from "../../src/report/index.ts";
import { attributionOf, plain, resultOf } from "./support.ts";

const { model, prompts } = resultOf(["a"], [[1]]);
const { answer, wrong, check } = attributionOf([0.5]);

const result: AblationResult = {
  ...{ model, prompts, unit: "head", ablate: "from", at: "attributed" },
  labels: ["L0H0", "L0H1"],
  attributions: [
    {
      ...{ prompt: 0, pos: 2, answer, wrong, check },
      total: Float64Array.of(0.5, -1.25),
      direct: Float64Array.of(0.25, -1),
      directExact: Float64Array.of(0.125, -0.75),
      indirect: Float64Array.of(0.375, -0.5),
    },
  ],
};

test("a line for each label and its four effects, and what took the activations' place, where", () => {
  expect(toAblationTable(result)).toMatchInlineSnapshot(`
    "model     tiny · 1 layer × 2 heads · dModel 4 · compatibility mode · js
    prompt    <|endoftext|>│a│[ cat]
    position  2 of 0–2, after " cat"
    logit     " Mary" − " John"

    ablated   head · another prompt's at this position
            total   direct    exact  indirect
    L0H0  +0.5000  +0.2500  +0.1250   +0.3750
    L0H1  -1.2500  -1.0000  -0.7500   -0.5000

    direct: the row's change, LayerNorm's scale frozen; exact: the scale anew
    total: all later layers computed anew; indirect: total − exact
    "
  `);
  expect(plain(toAblationTable(result, { color: true }))).toBe(toAblationTable(result));
});

test("of the greatest total alone; and what is no number of rows is refused", () => {
  const table = toAblationTable(result, { top: 1 });
  expect(table).toContain("\nL0H1 ");
  expect(table).not.toContain("L0H0");
  for (const top of [0, -1, 1.5]) {
    expect(() => toAblationTable(result, { top })).toThrow(
      `toAblationTable: top: got ${top}, expected a positive integer. Leave it out for all rows.`,
    );
  }
});
