import { describe, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import {
  ablationEffects,
  compare,
  directLogitAttribution,
  erasures,
  logitLens,
  promotedTokens,
  toAblationTable,
  toComparisonTable,
  toErasuresTable,
  toLensTable,
  toPromotedTable,
  toTable,
} from "../../src/index.ts";
import { percent } from "../../src/report/numbers.ts";
import { attributionOf, plain, resultOf } from "./support.ts";

const model = await demoModel({ compatibilityMode: true });
const prompt = "When Mary and John went to the store, John gave a drink to";
const other = "When Anna and John went to the store, John gave a drink to";
const asked = { answer: " Mary", wrong: " John" };

type Options = { width: number; color?: boolean; top?: number };
const attributed = (
  options: Parameters<typeof directLogitAttribution>[2],
  of: string | string[] = prompt,
) => {
  const result = directLogitAttribution(model, of, options);
  return (style: Options) => toTable(result, style);
};

const units = ["component", "layer", "head", "neuron", "full", "source", "path"] as const;
const ofComponents = await ablationEffects(model, prompt, { ...asked, replace: "zero" });
const ofHeads = await ablationEffects(model, [prompt, other], { ...asked, unit: "head", replace: "zero" });

const tables: Record<string, (options: Options) => string> = {
  ...Object.fromEntries(units.map((unit) => [unit, attributed({ ...asked, unit })])),
  ...Object.fromEntries(
    units.map((unit) => {
      const tableAt = attributed({ answer: " Mary", unit });
      return [`the first three of one logit, by ${unit}`, (style: Options) => tableAt({ ...style, top: 3 })];
    }),
  ),
  "component, of which rows are left out": attributed({ ...asked, leaveOneOut: true }),
  "head, of which rows are left out": attributed({ ...asked, unit: "head", leaveOneOut: true }),
  "a log-probability": attributed({ answer: " Mary", target: "logProbability", probability: true }),
  "an answer of several tokens": attributed({ answer: { text: " Mary." }, wrong: { text: " John." } }),
  "a set": attributed({ answer: { anyOf: [" Mary", " Anna"], weights: "softmax" }, wrong: " John" }),
  "sets of many": attributed({
    ...{ answer: { anyOf: [" Mary", " Anna", " Tom", " John"] }, wrong: { anyOf: [" Paris", " Rome"] } },
  }),
  "several prompts": attributed({ ...asked, unit: "head" }, [prompt, other]),
  "every position": attributed({ ...asked, pos: "all" }),
  "a lens": (style) => toLensTable(logitLens(model, prompt, asked), style),
  "a lens at the final scale": (style) => toLensTable(logitLens(model, prompt, { scale: "frozen" }), style),
  erasures: (style) => toErasuresTable(erasures(model, prompt, asked), style),
  "erasures of heads": (style) => toErasuresTable(erasures(model, prompt, { ...asked, unit: "head" }), style),
  "promoted tokens": (style) =>
    toPromotedTable(promotedTokens(model, prompt, { component: "1_mlp_out" }), style),
  ablations: (style) => toAblationTable(ofComponents, style),
  "ablations of heads of several prompts": (style) => toAblationTable(ofHeads, style),
  "a comparison": (style) => {
    const [a, b] = [prompt, other].map((one) => directLogitAttribution(model, one, asked));
    return toComparisonTable(compare(a, b), style);
  },
};

/** The words of a table in their order, each as far as the next space or line end. */
const words = (table: string) => table.split(/\s+/).filter((word) => !/^[─│█▌▐]*$/.test(word));

describe.each(Object.entries(tables))("%s", (_, tableAt) => {
  test.each([40, 60, 80, 120])("at %i columns no line is wider and no word is broken", (width) => {
    const table = tableAt({ width });
    for (const line of table.split("\n")) expect(Array.from(line).length, line).toBeLessThanOrEqual(width);
    const wide = new Set(words(tableAt({ width: 400 }).replaceAll(/[█▌▐│]+/g, " ")));
    for (const word of words(table.replaceAll(/[█▌▐│]+/g, " "))) {
      const isNumber = /^[(]?[+-]?\d+(\.\d+)?[)]?$/.test(word); // a narrow grid has fewer decimals
      if (!isNumber) expect(wide, word).toContain(word);
    }
    expect(table, "a bar without its row").not.toMatch(/^[ █▌▐]*│[ █▌▐]*$/m);
    expect(plain(tableAt({ width, color: true }))).toBe(table);
  });
});

test("a row whose label leaves no room has it above; nothing breaks a token in its quotes", () => {
  const labels = ["L11H10", "remainder"];
  const attribution = {
    ...attributionOf([1]),
    scores: { shape: [2, 3, 1], data: Float64Array.of(1, -2, 3, 4, 5, 6) },
    sources: [" Constantinople", " a very long token", "bias"],
    answer: { id: 3, text: " a token with spaces" },
    wrong: { id: 4, text: " another token with spaces" },
  };
  const axes = ["head", "source", "writer"];
  const result = resultOf(labels, [], {
    unit: "path",
    axes,
    attributions: [attribution],
    writers: ["10_mlp_out"],
  });
  const table = toTable(result, { width: 40 });
  expect(table.slice(table.indexOf("logit "))).toMatchInlineSnapshot(`
    "logit     " a token with spaces" −
              " another token with spaces"

    by        path · what each head wrote of
              what each writer had written
              where it read
    remainder                        +6.0000
    remainder ← " a very long token"(1) ←
      10_mlp_out
                                     +5.0000
    remainder ← " Constantinople"(0) ←
      10_mlp_out
                                     +4.0000
    L11H10 ← bias                    +3.0000
    L11H10 ← " a very long token"(1) ←
      10_mlp_out
                                     -2.0000
    L11H10 ← " Constantinople"(0) ←
      10_mlp_out
                                     +1.0000
    ────────────────────────────────────────
    sum                              +1.0000
                        of all rows
    + bias                           +0.2500
                        b_U, the
                        unembedding's
    = logit diff                     +1.2500
                        read off the model's
                        output
    ✓ adds up: float32 rounding 2.1e-7
      within 1.4e-6, error 3.1e-8 within
      4.7e-7
    "
  `);
});

test("a colour that a break interrupts ends with the line, and goes on in the next", () => {
  const coloured = attributed({ ...asked, unit: "source" })({ width: 40, color: true }).replaceAll(
    "\u001b",
    "␛",
  );
  for (const line of coloured.split("\n")) {
    const codes = [...line.matchAll(/␛\[([\d;]*)m/g)].map(([, code]) => code);
    expect(codes.length % 2, line).toBe(0);
    for (const [i, code] of codes.entries()) expect(code === "0", line).toBe(i % 2 === 1);
  }
  expect(coloured).toMatch(/␛\[2m .*␛\[0m\n {10}␛\[2m\S/);
});

describe("a prompt of 753 tokens", () => {
  const tokens = Array.from({ length: 753 }, (_, i) => 1000 + i);
  const of = (...positions: number[]) => {
    const prompts = [{ text: null, tokens, stringTokens: null }];
    const attributions = positions.map((pos) => ({ ...attributionOf([1, 2]), pos }));
    const table = toTable(resultOf(["a", "b"], [], { prompts, attributions }));
    const [, strip] = /\nprompt {4}([\s\S]*?)\nposition/.exec(table)!;
    return strip.replaceAll(/\n {10}/g, "");
  };
  const range = (from: number, to: number) => tokens.slice(from, to).join("│");

  test("is shown at its ends and around what is read, and the others are counted", () => {
    expect(of(752)).toBe(`1000│1001│1002│… 729 tokens …│${range(732, 752)}│[1752]`);
    expect(of(300)).toBe(
      `1000│1001│1002│… 277 tokens …│${range(280, 300)}│[1300]│${range(301, 321)}│… 429 tokens …│1750│1751│1752`,
    );
  });

  test("is shown without a gap where positions are near each other, or an end", () => {
    expect(of(24, 65)).toBe(
      `${range(0, 24)}│[1024]│${range(25, 65)}│[1065]│${range(66, 86)}│… 664 tokens …│1750│1751│1752`,
    );
  });
});

test.each([
  [0.9963, 1, "99.6%"],
  [1, 1, "100.0%"],
  [0.0005, 1, "0.1%"],
  [0.0004, 1, "0.04%"],
  [0.00012, 1, "0.01%"],
  [4.6e-10, 1, "5e-8%"],
  [0, 1, "0.0%"],
  [-0.524, 1, "-52.4%"],
  [0.9963, 2, "99.63%"],
  [0.00002345, 2, "0.0023%"],
  [4.567e-10, 2, "4.6e-8%"],
])("%d with %d decimals is %s", (share, decimals, text) => {
  expect(percent(share, decimals)).toBe(text);
});

test("the marks of the layout, in a token, are shown as what they are", () => {
  const prompts = [{ text: null, tokens: [0, 1, 2], stringTokens: ["\ufdd0", "\ufdd1", "\ufdd0"] }];
  const table = toTable(resultOf(["\ufdd0a\ufdd1"], [[1]], { prompts }), { width: 40 });
  expect(table).toContain("prompt    \\u{fdd0}│\\u{fdd1}│[\\u{fdd0}]\n");
  expect(table).toContain("\n\\u{fdd0}a\\u{fdd1}  +1.0000");
});
