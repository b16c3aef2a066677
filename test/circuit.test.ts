import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { figures } from "../examples/circuit/figures.mjs";
import type { Cell, Table } from "../examples/circuit/table.mjs";
import { figureNames, withFigures } from "../scripts/figures.mjs";
import { demoModel } from "../src/demo/index.ts";
import { jsKernels } from "../src/index.ts";
import { drawFigures, figuresOf, numbersOf, ofManyPrompts, textsOf } from "./support/figures.ts";
import { blocksOf, isScript, readDocument } from "./support/markdown.ts";

const name = "docs/circuit.md";
const document = readDocument(name);
const folder = fileURLToPath(new URL("../examples/circuit", import.meta.url));
const sections = document.split(/^(?=## )/m);

let tables: Record<string, Table>;
beforeAll(async () => {
  tables = await drawFigures(await demoModel({ compatibilityMode: true }));
});

describe("the document", () => {
  test("has every figure, in order", () => expect(figureNames(document)).toEqual(Object.keys(figures)));

  test("has them as the examples print them: else npm run circuit, and read the prose again", () => {
    expect(document).toBe(withFigures(document, textsOf(tables)));
  });

  // those of many prompts: test/slow/circuit.slow.test.ts
  test("has those of one prompt as plain JavaScript computes them", async () => {
    const model = await demoModel({ compatibilityMode: true, kernels: jsKernels });
    const drawn = await drawFigures(model, (figure) => !ofManyPrompts.has(figure));
    expect(document).toBe(withFigures(document, textsOf(drawn)));
  });

  test.each(sections.map((section) => [section.split("\n", 1)[0], section]))(
    "%s: its numbers are in its figures",
    (_heading, section) => {
      const printed = figuresOf(section);
      for (const number of numbersOf(section)) expect(printed, number.text).toSatisfy(number.isIn);
    },
  );

  test("a number that its figure does not have is found", () => {
    const section = (prose: string) =>
      `## 7 heads\n\n${prose}\n\n\`\`\`text\nL1H0  -5.83 ± 0.22  99%  74 of 160\n\`\`\`\n`;
    const missing = (prose: string) =>
      numbersOf(section(prose))
        .filter(({ isIn }) => !isIn(figuresOf(section(prose))))
        .map(({ text }) => text);
    expect(missing("layer 1: −5.83, −5.8, 5.83 ± 0.22, 99%, 74 of 160, L1H0, `3.0`, [8](a9.md)")).toEqual([]);
    expect(missing("+5.83, −5.84, −5.9, 6, 98%, 99, 75")).toEqual([
      "+5.83",
      "−5.84",
      "−5.9",
      "6",
      "98%",
      "99",
      "75",
    ]);
  });

  test("shows code that the examples run", () => {
    const squeeze = (code: string) => code.replaceAll("export ", "").replace(/\s|,(?=\s*[)}\]])/g, "");
    const files = readdirSync(folder).map((file) => squeeze(readFileSync(`${folder}/${file}`, "utf8")));
    const shown = blocksOf(name).filter(({ language }) => isScript(language));
    expect(shown.length).toBeGreaterThan(10);
    for (const { where, code } of shown)
      expect(
        files.some((file) => file.includes(squeeze(code))),
        where,
      ).toBe(true);
  });
});

/** A cell as a number: a mean, the number in a text's first percentage, how many of how many. */
function cell(figure: string, row: string, column: string, nth = 0): number {
  const { columns, rows } = tables[figure];
  const at = columns.flatMap((title, k) => (title === column ? [k] : []))[nth];
  const found: Cell | undefined = rows.find(([label]) => label === row)?.[at + 1];
  if (found === undefined) throw new Error(`${figure} has no ${row}, ${column}`);
  if (typeof found === "number") return found;
  if (typeof found === "object") return found.mean;
  return Number(/-?[\d.]+/.exec(found.replace(/^".*?"(\(\d+\))?/, ""))![0]);
}

const text = (figure: string, row: string): string =>
  tables[figure].rows.find(([label]) => label === row)!.join("  ");

// Each test is a sentence of the document: what fails is what to write anew.
describe("what the document says of the model", () => {
  test("the last MLP's row is the greatest, and layer 1's attention is against the answer", () => {
    const rows = tables.components.rows.slice(0, -3);
    expect([...rows].sort((a, b) => Math.abs(b[1] as number) - Math.abs(a[1] as number))[0][0]).toBe(
      "2_mlp_out",
    );
    expect(cell("components", "1_attn_out", "row")).toBeLessThan(-1);
  });

  test("without what layer 1's attention wrote the scale falls, more than without any other", () => {
    const scales = tables.components.rows
      .slice(0, -3)
      .map(([label]) => cell("components", label, "scale without"));
    expect(Math.min(...scales)).toBe(cell("components", "1_attn_out", "scale without"));
    expect(cell("components", "1_attn_out", "left out")).toBeGreaterThan(
      -2 * cell("components", "1_attn_out", "row"),
    );
  });

  test("L1H0 and L1H1 have the greatest rows of heads, of opposite sign; L2H1 is nearly all of layer 2's", () => {
    const row = (head: string) => cell("heads", head, "row");
    expect(row("L1H0")).toBeGreaterThan(4);
    expect(row("L1H1")).toBeLessThan(-4);
    for (const head of ["L0H0", "L0H1", "L2H0", "L2H1"]) expect(Math.abs(row(head)), head).toBeLessThan(2);
    expect(Math.abs(row("L2H0"))).toBeLessThan(row("L2H1") / 10);
  });

  test("L1H1's negative row is of two names raised, L2H1's positive one of two lowered", () => {
    const [mary, john] = ["of Mary alone", "of John alone"].map(
      (column) => (head: string) => cell("heads", head, column),
    );
    expect(Math.min(mary("L1H1"), john("L1H1"))).toBeGreaterThan(5);
    expect(cell("heads", "L1H1", "row")).toBeLessThan(-5);
    expect(Math.max(mary("L2H1"), john("L2H1"))).toBeLessThan(-2);
    expect(cell("heads", "L2H1", "row")).toBeGreaterThan(1);
  });

  test("silence says the same of the weights as trained and of folded ones that keep the value biases, and not of others", () => {
    const heads = tables.valueBiases.rows.map(([label]) => label);
    const off = (column: string) =>
      Math.max(
        ...heads.map((head) =>
          Math.abs(cell("valueBiases", head, column) - cell("valueBiases", head, "as trained")),
        ),
      );
    expect(off("folded, kept")).toBeLessThan(0.005);
    expect(off("folded")).toBeGreaterThan(2);
  });

  test("each of them reads one token, L2H1 the second John", () => {
    for (const [head, source] of [
      ["L1H0", 'L1H0 ← " Mary"(2)'],
      ["L1H1", 'L1H1 ← " John"(4)'],
      ["L2H1", 'L2H1 ← " John"(10)'],
    ])
      expect(cell("sources", source, "row") / cell("heads", head, "row"), head).toBeCloseTo(1, 1);
  });

  test("layer 1's heads raise what they read most of all tokens, and L2H1 lowers it most", () => {
    expect(text("promoted", "L1H0")).toMatch(/^L1H0 {2}" Mary"/);
    expect(text("promoted", "L1H1")).toMatch(/^L1H1 {2}" John"/);
    expect(tables.promoted.rows[2][2]).toMatch(/^" John" -/);
  });

  test("layer 1's heads carry the name's embedding and what layer 0 made of it", () => {
    for (const [column, sign] of [
      ['L1H0 ← " Mary"(2)', 1],
      ['L1H1 ← " John"(4)', -1],
    ] as const)
      for (const writer of ["embed", "0_attn_out", "0_mlp_out"])
        expect(sign * cell("paths", writer, column)).toBeGreaterThan(1);
  });

  test("L2H1 and the last MLP make most of the difference between the subjects, layer 1's heads hardly any", () => {
    const share = (row: string) =>
      cell("subjects", row, "difference") / cell("subjects", "logit diff", "difference");
    expect(share("L2H1") + share("2_mlp_out")).toBeGreaterThan(0.9);
    for (const head of ["L1H0", "L1H1"]) expect(Math.abs(share(head)), head).toBeLessThan(0.05);
  });

  test("the lens: two names after layer 1's attention, Mary after layer 2's, and surer after the last MLP", () => {
    expect(text("lens", "1_mid")).toMatch(/" John" \d\d% {2}" Mary" \d\d%/);
    for (const row of ["2_mid", "final_post"]) expect(text("lens", row), row).toMatch(/ {2}" Mary" \d\d%/);
    expect(cell("lens", "final_post", "most probable")).toBeGreaterThan(
      cell("lens", "2_mid", "most probable"),
    );
  });

  test("L2H1 lowers a third person who gives nearly as much as one of the two, and the answer hardly", () => {
    const [repeated, third] = tables.thirdName.rows.map(([label]) => label);
    expect(cell("thirdName", third, "looks at the subject")).toBeGreaterThan(95);
    const ratio =
      cell("thirdName", third, "adds to the subject") / cell("thirdName", repeated, "adds to the subject");
    expect(ratio).toBeGreaterThan(0.75);
    for (const label of [repeated, third])
      expect(Math.abs(cell("thirdName", label, "to the answer")), label).toBeLessThan(0.5);
  });

  test("nothing repairs the loss of L2H1; L0H0's row tells nothing, and it works at earlier positions", () => {
    expect(cell("effects", "L2H1", "indirect")).toBeLessThan(-2);
    expect(Math.abs(cell("effects", "L0H0", "direct"))).toBeLessThan(0.5);
    expect(cell("effects", "L0H0", "total")).toBeLessThan(-10);
    expect(cell("effects", "L0H0", "total, at the end alone")).toBeGreaterThan(
      cell("effects", "L0H0", "total") / 4,
    );
  });

  test("later layers make more of the loss of one candidate", () => {
    expect(cell("effects", "L1H0", "indirect")).toBeLessThan(-5);
    expect(cell("effects", "L1H1", "indirect")).toBeGreaterThan(5);
  });

  test("the last MLP answers to L2H1, and layer 1's heads to L0H1, with a total that hides it", () => {
    expect(cell("landing", "2_mlp_out", "−L2H1")).toBeLessThan(-3);
    expect(cell("landing", "L1H0", "−L0H1")).toBeLessThan(-7);
    expect(cell("landing", "L1H1", "−L0H1")).toBeGreaterThan(7);
    expect(Math.abs(cell("landing", "logit diff", "−L0H1"))).toBeLessThan(3);
  });

  test("the last MLP takes back most of what layer 2's attention wrote, and both are for Mary", () => {
    const pair = "2_attn_out by 2_mlp_out";
    expect(cell("takenBack", pair, "taken back")).toBeGreaterThan(50);
    expect(cell("takenBack", pair, "row")).toBeGreaterThan(1);
    expect(cell("takenBack", pair, "row of the later")).toBeGreaterThan(1);
    expect(cell("takenBack", "1_attn_out by 2_attn_out", "row")).toBeLessThan(-1);
  });

  test("without L2H1, and L0H1 at the end, the subject makes no difference; with either it does", () => {
    expect(Math.abs(cell("routes", "both", "difference"))).toBeLessThan(0.1);
    expect(Math.abs(cell("routes", "both", "mean of 160"))).toBeLessThan(0.2);
    expect(Math.abs(cell("routes", "both", "ahead") - 80)).toBeLessThan(2 * Math.sqrt(40)); // two standard deviations of chance
    expect(cell("routes", "L2H1", "difference")).toBeGreaterThan(1);
    expect(cell("routes", "L0H1 at the end", "difference")).toBeGreaterThan(
      cell("routes", "L2H1", "difference"),
    );
  });

  test("L0H1 reads the token before each listed name, and the subject from the end", () => {
    expect(text("previous", 'at " Mary"(2)')).toContain('  "When"(1) ');
    expect(text("previous", 'at " John"(4)')).toContain('  " and"(3) ');
    expect(text("previous", 'at " to"(14)')).toContain('  " John"(10) ');
  });

  test("layer 1's heads follow what L0H1 wrote, and neither tokens, positions nor L0H0", () => {
    for (const what of ["nothing", "tokens", "positions", "L0H0"]) {
      expect(cell("exchanged", what, "L1H0 → first"), what).toBeGreaterThan(98);
      expect(cell("exchanged", what, "→ second", 1), what).toBeGreaterThan(98);
    }
    expect(cell("exchanged", "L0H1", "→ second")).toBeGreaterThan(98);
    expect(cell("exchanged", "L0H1", "L1H1 → first")).toBeGreaterThan(98);
    expect(cell("exchanged", "0_mlp_out", "→ second")).toBeGreaterThan(25);
  });

  test("L2H1 loses the subject by MLP 1's write, then by L1H1's", () => {
    const looks = (what: string) => cell("copied", what, "L2H1 → subject");
    expect(looks("1_mlp_out")).toBeLessThan(10);
    expect(looks("L1H1")).toBeLessThan(50);
    for (const what of ["positions", "L0H0", "L0H1", "L1H0"]) expect(looks(what), what).toBeGreaterThan(75);
  });

  test("over the family layer 1's heads change sign with the order, and L2H1 does not", () => {
    expect(cell("means", "L1H0", "first name")).toBeGreaterThan(5);
    expect(cell("means", "L1H0", "second name")).toBeLessThan(-5);
    expect(cell("means", "L1H1", "first name")).toBeLessThan(-5);
    expect(cell("means", "L1H1", "second name")).toBeGreaterThan(5);
    for (const head of ["L1H0", "L1H1"])
      expect(Math.abs(cell("means", head, "either")), head).toBeLessThan(0.5);
    for (const names of ["first name", "second name", "unseen, first"])
      expect(cell("means", "L2H1", names), names).toBeGreaterThan(3);
    expect(cell("means", "L2H1", "either")).toBeGreaterThan(cell("means", "2_mlp_out", "either"));
    expect(cell("heads", "L2H1", "row")).toBeLessThan(cell("components", "2_mlp_out", "row") / 2);
  });

  test("L0H0 tilts the list to the first name; a mean in L0H1's place costs less than zero", () => {
    expect(cell("familyEffects", "L0H0", "first: zero")).toBeLessThan(-2);
    expect(cell("familyEffects", "L0H0", "second: zero")).toBeGreaterThan(2);
    expect(cell("familyEffects", "L0H1", "first: zero")).toBeLessThan(
      3 * cell("familyEffects", "L0H1", "mean"),
    );
  });

  test("L1H0 is for lists of names; the other heads have other uses too", () => {
    const [, ...others] = tables.controls.rows.map(([kind]) => kind);
    for (const kind of others) expect(Math.abs(cell("controls", kind, "−L1H0")), kind).toBeLessThan(1.5);
    expect(cell("controls", "repetition, 10", "−L1H1")).toBeLessThan(-5);
    expect(cell("controls", "agreement, 12", "−L2H1")).toBeLessThan(-10);
    expect(cell("controls", "facts, 8", "−L0H0")).toBeLessThan(-10);
    for (const kind of others) expect(cell("controls", kind, "−L0H1"), kind).toBeLessThan(-3);
    expect(cell("controls", "indirect objects, 160", "−L2H1")).toBeGreaterThan(
      cell("controls", "agreement, 12", "−L2H1"),
    );
  });
});
