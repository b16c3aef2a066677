import { expect, test } from "vitest";
import type { AblationResult } from "../../src/index.ts";
import { toAblationTable } from "../../src/report/index.ts";
import { attributionOf, plain, resultOf } from "./support.ts";

const { model, prompts } = resultOf(["a"], [[1]]);
const { answer, wrong, check } = attributionOf([0.5]);

const result: AblationResult = {
  ...{ model, prompts, unit: "head", ablate: "from", at: "attributed", scale: "recomputed" },
  labels: ["L0H0", "L0H1"],
  attributions: [
    {
      ...{ prompt: 0, pos: 2, answer, wrong, check },
      total: Float64Array.of(0.5, -1.25),
      direct: Float64Array.of(0.125, -0.75),
      indirect: Float64Array.of(0.375, -0.5),
      frozen: Float64Array.of(0.25, -1),
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
            total   direct  indirect   frozen
    L0H0  +0.5000  +0.1250   +0.3750  +0.2500
    L0H1  -1.2500  -0.7500   -0.5000  -1.0000

    total: the change of the logit, all later layers computed anew
    direct: the same in the final residual stream alone, LayerNorm computed anew
    indirect: total − direct, of the digits shown
    frozen: the change of the attribution's row, LayerNorm's scale held
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

/** The numbers of the lines of a label, in order: a mean's with its standard error. */
const numbersOf = (table: string, label: string) =>
  table
    .split("\n")
    .filter((line) => line.startsWith(`${label} `))
    .map((line) =>
      line
        .slice(label.length)
        .trim()
        .split(/[\s±]+/),
    );

test("total is direct and indirect together in the digits printed, of each and of the mean", () => {
  const [one] = result.attributions;
  const drawn = (seed: number) => {
    const total = Float64Array.of(0.00005 + seed / 7, -1.25 - seed / 3);
    const direct = Float64Array.of(0.00004 - seed / 11, -0.75 + seed / 13);
    return { ...one, pos: 0, total, direct, indirect: total.map((value, k) => value - direct[k]) };
  };
  // as rounded each on its own, 0.0001 is not 0.0000 + 0.0000
  const rounded = drawn(0);
  expect([rounded.total, rounded.direct, rounded.indirect].map(([value]) => value.toFixed(4))).toEqual([
    "0.0001",
    "0.0000",
    "0.0000",
  ]);
  const attributions = Array.from({ length: 20 }, (_, seed) => drawn(seed));
  for (const scale of [1, 1e-6, 1e5]) {
    const scaled = attributions.map((one) => ({
      ...one,
      total: one.total.map((value) => value * scale),
      direct: one.direct.map((value) => value * scale),
      indirect: one.indirect.map((value) => value * scale),
    }));
    const table = toAblationTable({ ...result, attributions: scaled }, { width: 200 });
    for (const label of result.labels) {
      const lines = numbersOf(table, label);
      expect(lines).toHaveLength(21);
      for (const [i, cells] of lines.entries()) {
        const [total, direct, indirect] = i < 20 ? cells : [cells[0], cells[2], cells[4]];
        const digits = (cell: string) => BigInt(cell.replace(/[+.]/g, ""));
        expect(digits(direct) + digits(indirect), cells.join()).toBe(digits(total));
        // and the indirect effect's are within one of its own
        if (i < 20) {
          const decimals = indirect.split(".")[1].length;
          const own = scaled[i].indirect[result.labels.indexOf(label)];
          expect(Math.abs(Number(indirect) - own)).toBeLessThan(1.5 * 10 ** -decimals);
        }
      }
    }
  }
});

test("several have a mean with standard errors, and fit 80 columns", () => {
  const [one] = result.attributions;
  const other = {
    ...one,
    total: Float64Array.of(1.5, -1.25),
    direct: Float64Array.of(0.625, -0.25),
    indirect: Float64Array.of(0.875, -1),
  };
  const table = toAblationTable({ ...result, attributions: [one, other] });
  expect(table.slice(table.indexOf("mean "))).toMatchInlineSnapshot(`
    "mean      of 2 attributions, ± its standard error

    ablated   head · another prompt's at this position
                     total            direct          indirect
    L0H0  +1.0000 ± 0.5000  +0.3750 ± 0.2500  +0.6250 ± 0.2500
    L0H1  -1.2500 ± 0.0000  -0.5000 ± 0.2500  -0.7500 ± 0.2500

    total: the change of the logit, all later layers computed anew
    direct: the same in the final residual stream alone, LayerNorm computed anew
    indirect: total − direct, of the digits shown
    frozen: the change of the attribution's row, LayerNorm's scale held; its mean is
    in the JSON document
    "
  `);
  for (const line of table.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test("of a model without a norm to compute anew, it says what direct is", () => {
  const table = toAblationTable({ ...result, scale: "frozen" });
  expect(table).toContain(
    "direct: the same in the final residual stream alone, its scale frozen, since\nthis model declares no norm to compute anew\n",
  );
  expect(table).not.toContain("LayerNorm computed anew");
});
