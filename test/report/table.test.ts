import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ValueError } from "../../src/errors.ts";
import { toTable } from "../../src/report/index.ts";
import { attributionOf, plain, resultOf } from "./support.ts";

const labels = ["embed", "pos_embed", "0_attn_out", "0_mlp_out"];

test("a list: the prompt, the tokens, rows with bars, and what they add up to", () => {
  expect(toTable(resultOf(labels, [[0.5, -0.25, 2, -1]]), { width: 60 })).toMatchInlineSnapshot(`
    "model     tiny · 1 layer × 2 heads · dModel 4 ·
              compatibility mode · js
    prompt    <|endoftext|>│a│[ cat]
    position  2 of 0–2, after " cat"
    logit     " Mary" − " John"

    by        component · what the embeddings and each sublayer
              wrote
    embed         +0.5000              │██████
    pos_embed     -0.2500           ███│
    0_attn_out    +2.0000              │████████████████████████
    0_mlp_out     -1.0000  ████████████│
    ─────────────────────
    sum           +1.2500  of all rows
    + bias        +0.2500  b_U, the unembedding's
    = logit diff  +1.5000  read off the model's output
    ✓ adds up: float32 rounding 2.1e-7 within 1.4e-6, error
      3.1e-8 within 4.7e-7
    "
  `);
});

test("a log-probability: the entropy closes the column; the probability and rank above it", () => {
  const result = resultOf(labels, [[0.5, -0.25, 2, -1]]);
  const [attribution] = result.attributions;
  const check = { ...attribution.check, entropy: { model: 0.5 }, value: attribution.check.logit - 0.5 };
  const one = { ...attribution, wrong: null, probability: 0.25, rank: 1, check };
  const table = toTable({ ...result, target: "logProbability", attributions: [one] }, { width: 60, top: 1 });
  expect(table.split("\n").filter((line) => !line.includes("│"))).toMatchInlineSnapshot(`
    [
      "model     tiny · 1 layer × 2 heads · dModel 4 ·",
      "          compatibility mode · js",
      "position  2 of 0–2, after " cat"",
      "log prob  " Mary"",
      "prob      25.00%, rank 1",
      "",
      "by        component · what the embeddings and each sublayer",
      "          wrote",
      "3 others    -0.7500  their sum",
      "───────────────────",
      "sum         +1.2500  of all rows",
      "+ bias      +0.2500  b_U, the unembedding's",
      "= logit     +1.5000  read off the model's output, less the",
      "                     logits' mean by probability",
      "- entropy   -0.5000  of the model's probabilities, in nats",
      "= log prob  +1.0000",
      "✓ adds up: float32 rounding 2.1e-7 within 1.4e-6, error",
      "  3.1e-8 within 4.7e-7",
      "",
    ]
  `);
});

test("the entropy of some attributions is not shown in the mean of all", () => {
  const result = resultOf(labels, [
    [0.5, -0.25, 2, -1],
    [1, 1, 1, 1],
  ]);
  const [first, ...others] = result.attributions;
  const check = { ...first.check, entropy: { answer: 0.5 }, value: first.check.logit + 0.5 };
  const table = toTable({ ...result, attributions: [{ ...first, check }, ...others] });
  expect(table.split("= log-sum-exp")).toHaveLength(2);
});

test("every entropy has its own sign, and the terms printed add up to the last line", () => {
  const result = resultOf(labels, [[0.5, -0.25, 2, -1]]);
  const [attribution] = result.attributions;
  const entropy = { answer: 0.75, wrong: 0.125, model: 2 };
  const value = attribution.check.logit + 0.75 - 0.125 - 2;
  const one = { ...attribution, check: { ...attribution.check, entropy, value } };
  const lines = toTable({ ...result, attributions: [one] }).split("\n");
  const ledger = lines.slice(
    lines.findIndex((line) => line.startsWith("sum")),
    lines.findIndex((line) => line.startsWith("✓")),
  );
  expect(ledger).toEqual([
    "sum            +1.2500  of all rows",
    "+ bias         +0.2500  b_U, the unembedding's",
    "= logit diff   +1.5000  read off the model's output",
    "+ entropy      +0.7500  of the set's weights, in nats",
    "- entropy      -0.1250  of the wrong set's weights, in nats",
    "- entropy      -2.0000  of the model's probabilities, in nats",
    "= log-sum-exp  +0.1250",
  ]);
  const numbers = ledger.map((line) => Number(/ ([+-][\d.]+)/.exec(line)![1]));
  expect(numbers.slice(2, -1).reduce((sum, number) => sum + number, 0)).toBe(numbers.at(-1));
});

test("a direction has a reading, which is no logit of the model", () => {
  const result = resultOf(labels, [[0.5, -0.25, 2, -1]]);
  const [attribution] = result.attributions;
  const one = { ...attribution, answer: null, wrong: null };
  const table = toTable({ ...result, attributions: [one] });
  expect(table).toContain("\nreading   a direction\n");
  expect(table).toContain("= reading   +1.5000  the direction times the final norm's output");
  expect(table).not.toMatch(/logit|the model's own/);
  const many = toTable({ ...result, attributions: Array(9).fill(one) });
  expect(many).toMatch(/reading of +reading/);
});

test("a set by softmax, less several of another's mean", () => {
  const result = resultOf(labels, [[0.5, -0.25, 2, -1]]);
  const [attribution] = result.attributions;
  const set = (weights: "mean" | "softmax", count: number) => ({
    anyOf: Array.from({ length: count }, (_, id) => ({
      id,
      text: id === 0 ? null : ` ${id}`,
      weight: 1 / count,
    })),
    weights,
  });
  const one = { ...attribution, answer: set("softmax", 2), wrong: set("mean", 4) };
  expect(toTable({ ...result, attributions: [one] })).toContain(
    'logit     2 tokens (token 0, " 1") by softmax − the mean of 4 tokens (token 0,\n          " 1", " 2", …)',
  );
});

test("an answer of several tokens: a line for each under the rows", () => {
  const result = resultOf(labels, [[0.5, -0.25, 2, -1]]);
  const [attribution] = result.attributions;
  const tokens = [
    { id: 5, text: " New" },
    { id: 6, text: "\u001b[2J" },
  ];
  const each = tokens.map((answer, i) => ({ ...attribution, answer, wrong: null, pos: 2 + i }));
  const one = { ...attribution, answer: { text: " New\u001b[2J", tokens }, wrong: null, tokens: each };
  const table = toTable({ ...result, attributions: [one] });
  expect(table).not.toContain("\u001b");
  expect(table.split("✓ adds up")[1].split("\n").slice(2).join("\n")).toMatchInlineSnapshot(`
    "prompt  pos  after   logit of    logit     greatest row
         0    2  " cat"  " New"    +1.5000  ✓  0_attn_out +2.0000
         0    3  " New"  "␛[2J"    +1.5000  ✓  0_attn_out +2.0000
    "
  `);
});

test("top keeps the greatest rows, and the others' sum closes the column", () => {
  const table = toTable(resultOf(labels, [[0.5, -0.25, 2, -1]]), { width: 60, top: 2 });
  expect(rowsOf(table)).toMatchInlineSnapshot(`
    "0_attn_out    +2.0000              │████████████████████████
    0_mlp_out     -1.0000  ████████████│
    2 others      +0.2500  their sum
    ─────────────────────
    sum           +1.2500  of all rows
    + bias        +0.2500  b_U, the unembedding's
    = logit diff  +1.5000  read off the model's output
    ✓ adds up: float32 rounding 2.1e-7 within 1.4e-6, error
      3.1e-8 within 4.7e-7
    "
  `);
});

test("top of as many rows as there are leaves none out", () => {
  const table = toTable(resultOf(labels, [[0.5, -0.25, 2, -1]]), { top: 4 });
  expect(table).not.toContain("other");
});

test("cumulative rows are not summed: top says only how many are left out", () => {
  const result = resultOf(["0_pre", "0_mid", "final_post"], [[1, -2, 0.5]], { unit: "layer" });
  expect(toTable(result)).toContain("not the logit lens");
  expect(rowsOf(toTable(result, { width: 50, top: 1 }))).toMatchInlineSnapshot(`
    "0_mid         -2.0000  █████████████████│
    2 others
    ─────────────────────
    sum           +0.5000  the last row: each holds
                           those before
    + bias        +0.2500  b_U, the unembedding's
    = logit diff  +0.7500  read off the model's output
    ✓ adds up: float32 rounding 2.1e-7 within 1.4e-6,
      error 3.1e-8 within 4.7e-7
    "
  `);
});

test("heads: a grid of layers and heads, and what is no head below it", () => {
  const result = resultOf(["L0H0", "L0H1", "L1H0", "L1H1", "remainder"], [[0.5, -0.25, 2, -1, 3]], {
    unit: "head",
  });
  expect(rowsOf(toTable(result))).toMatchInlineSnapshot(`
    "        H0      H1
    L0 +0.5000 -0.2500
    L1 +2.0000 -1.0000

    remainder     +3.0000
    ─────────────────────
    sum           +4.2500  of all rows
    + bias        +0.2500  b_U, the unembedding's
    = logit diff  +4.5000  read off the model's output
    ✓ adds up: float32 rounding 2.1e-7 within 1.4e-6, error 3.1e-8 within 4.7e-7
    "
  `);
  expect(toTable(result, { top: 1 })).toMatch(/remainder +\+3\.0000 +│█+\n4 others +\+1\.2500 {2}their sum/);
});

test("a grid too wide loses decimals, then is divided into blocks of equal size", () => {
  const names = Array.from({ length: 24 }, (_, i) => `L${Math.floor(i / 12)}H${i % 12}`);
  const scores = names.map((_, i) => (i - 12) / 8);
  const grid = (width: number) => rowsOf(toTable(resultOf(names, [scores], { unit: "head" }), { width }));
  expect(grid(100)).toContain("-1.5000");
  expect(grid(80)).toMatch(/L0 -1\.50 -1\.38 .* -0\.13\n/);
  expect(grid(40).match(/^ +H.*$/gm)).toEqual([
    expect.stringMatching(/H0 +H1 +H2 +H3 +H4 +H5$/),
    expect.stringMatching(/H6 +H7 +H8 +H9 +H10 +H11$/),
  ]);
});

test("heads that make no rectangle are a list", () => {
  const result = resultOf(["L0H0", "L1H0", "L1H1", "remainder"], [[1, 2, 3, 4]], { unit: "head" });
  expect(toTable(result)).toMatch(/^L1H1 .*│█+▌$/m);
});

test("several attributions: a table each, one prompt strip, and the mean with standard errors", () => {
  const table = toTable(
    resultOf(
      ["embed", "pos_embed"],
      [
        [1, -2],
        [2, -4],
      ],
    ),
    { width: 60 },
  );
  expect(table).toMatchInlineSnapshot(`
    "model     tiny · 1 layer × 2 heads · dModel 4 ·
              compatibility mode · js
    prompt    <|endoftext|>│[a]│[ cat]
    position  2 of 0–2, after " cat"
    logit     " Mary" − " John"

    by        component · what the embeddings and each sublayer
              wrote
    embed         +1.0000                    │████▌
    pos_embed     -2.0000           █████████│
    ─────────────────────
    sum           -1.0000  of all rows
    + bias        +0.2500  b_U, the unembedding's
    = logit diff  -0.7500  read off the model's output
    ✓ adds up: float32 rounding 2.1e-7 within 1.4e-6, error
      3.1e-8 within 4.7e-7

    position  1 of 0–2, after "a"
    logit     " Mary" − " John"

    by        component · what the embeddings and each sublayer
              wrote
    embed         +2.0000                    │█████████
    pos_embed     -4.0000  ██████████████████│
    ─────────────────────
    sum           -2.0000  of all rows
    + bias        +0.2500  b_U, the unembedding's
    = logit diff  -1.7500  read off the model's output
    ✓ adds up: float32 rounding 2.1e-7 within 1.4e-6, error
      3.1e-8 within 4.7e-7

    mean      of 2 attributions, ± its standard error

    by        component · what the embeddings and each sublayer
              wrote
    embed         +1.5000 ± 0.5000                    │███████
    pos_embed     -3.0000 ± 1.0000      ▐█████████████│
    ─────────────────────
    sum           -1.5000  of all rows
    + bias        +0.2500  b_U, the unembedding's
    = logit diff  -1.2500  read off the model's output
    ✓ adds up: all 2 within their bounds, the largest error
      3.1e-8
    "
  `);
});

test("heads of several attributions: the mean grid, then the grid of standard errors", () => {
  const names = ["L0H0", "L0H1", "remainder"];
  const table = toTable(
    resultOf(
      names,
      [
        [1, -2, 0],
        [2, -4, 0],
      ],
      { unit: "head" },
    ),
  );
  expect(table.slice(table.indexOf("mean"))).toMatchInlineSnapshot(`
    "mean      of 2 attributions, ± its standard error

    by        head · what each head wrote; remainder: embeddings, MLPs and biases
            H0      H1
    L0 +1.5000 -3.0000

    standard errors
           H0     H1
    L0 0.5000 1.0000

    remainder      0.0000 ± 0.0000
    ─────────────────────
    sum           -1.5000  of all rows
    + bias        +0.2500  b_U, the unembedding's
    = logit diff  -1.2500  read off the model's output
    ✓ adds up: all 2 within their bounds, the largest error 3.1e-8
    "
  `);
});

test("many attributions: a line each, and the mean", () => {
  const prompts = [{ text: null, tokens: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], stringTokens: null }];
  const attributions = prompts[0].tokens.map((_, i) => ({ ...attributionOf([i, -4]), pos: i }));
  const table = toTable(resultOf(["embed", "pos_embed"], [], { prompts, attributions }));
  expect(table.split("\n").slice(2, 6).join("\n")).toMatchInlineSnapshot(`
    "prompt  pos  after     logit of             logit     greatest row
         0    0  token 1   " Mary" − " John"  -3.7500  ✓  pos_embed -4.0000
         0    1  token 2   " Mary" − " John"  -2.7500  ✓  pos_embed -4.0000
         0    2  token 3   " Mary" − " John"  -1.7500  ✓  pos_embed -4.0000"
  `);
  expect(table.match(/^by /gm)).toHaveLength(1);
});

test("a single token's logit is relative to the vocabulary's mean on a folded model only", () => {
  const result = resultOf(labels, []);
  const attributions = [{ ...attributionOf([1, 2, 3, 4]), wrong: null }];
  const raw = { ...result.model, compatibilityMode: false };
  expect(toTable({ ...result, attributions })).toContain(
    `logit     " Mary", relative to the vocabulary's mean (unembedding centred)\n`,
  );
  expect(toTable({ ...result, attributions, model: raw })).toContain('logit     " Mary"\n');
  expect(toTable({ ...result, attributions, model: raw })).toContain("weights as trained");
});

test("tokens without a text are shown by id; a direction has none", () => {
  const prompts = [{ text: null, tokens: [4, 8, 1], stringTokens: null }];
  const attribution = attributionOf([1, 2, 3, 4]);
  const byId = { ...attribution, answer: { id: 8, text: null }, wrong: { id: 1, text: null } };
  const table = toTable(resultOf(labels, [], { prompts, attributions: [byId] }));
  expect(table).toContain(
    "prompt    4│8│[1]\nposition  2 of 0–2, after token 1\nlogit     token 8 − token 1\n",
  );
  const direction = { ...attribution, answer: null, wrong: null };
  expect(toTable(resultOf(labels, [], { attributions: [direction] }))).toContain("reading   a direction\n");
});

test("the bias of cumulative rows on raw weights is b_U and the final norm's beta, of any model", () => {
  const result = resultOf(["0_pre", "final_post"], [[1, 2]], { unit: "layer" });
  const model = { ...result.model, compatibilityMode: false };
  expect(toTable(result)).toContain("b_U, the unembedding's");
  expect(toTable({ ...result, model })).toContain("b_U, and the final norm's beta");
});

test("a check that does not hold is shown as such", () => {
  const good = attributionOf([1, 2, 3, 4]);
  const bad = { ...good, check: { ...good.check, error: 1 } };
  expect(toTable(resultOf(labels, [], { attributions: [bad] }))).toContain("✗ 1 of 1 do not add up");
  expect(toTable(resultOf(labels, [], { attributions: [good, bad] }))).toMatch(/✗ 1 of 2 do not add up\n$/);
  const nan = { ...good, check: { ...good.check, rounding: Number.NaN } };
  expect(toTable(resultOf(labels, [], { attributions: [nan] }))).toContain("✗");
});

test("a wide character takes two columns, a combining mark none", () => {
  const rows = rowsOf(toTable(resultOf(["漢字", "e\u0301", "abcd"], [[1, 1, 1]]), { width: 50 })).split("\n");
  const starts = rows.slice(0, 3).map((row) => row.indexOf("+"));
  expect(starts).toEqual([starts[2] - 2, starts[2] + 1, starts[2]]);
});

test("a long prompt goes over several lines", () => {
  const tokens = Array.from({ length: 30 }, (_, i) => 1000 + i);
  const prompts = [{ text: null, tokens, stringTokens: null }];
  const table = toTable(resultOf(labels, [[1, 2, 3, 4]], { prompts }), { width: 50 });
  const strip = table.split("\n").slice(2, 6);
  expect(strip.join("\n")).toMatchInlineSnapshot(`
    "prompt    1000│1001│[1002]│1003│1004│1005│1006│
              1007│1008│1009│1010│1011│1012│1013│1014│
              1015│1016│1017│1018│1019│1020│1021│1022│
              1023│1024│1025│1026│1027│1028│1029"
  `);
});

test.each([0, -1, 1.5, Number.NaN])("top %s is a ValueError", (top) => {
  expect(() => toTable(resultOf(labels, [[1, 2, 3, 4]]), { top })).toThrow(
    new ValueError(`toTable: top: got ${top}, expected a positive integer. Leave it out for all rows.`),
  );
});

const score = fc
  .tuple(
    fc.constantFrom(0, 1e-12, 1e-4, 1, 10, 1e6),
    fc.double({ min: -1, max: 1, noNaN: true, noDefaultInfinity: true }),
  )
  .map(([size, value]) => size * value);

/** What a model's name, token or label might hold: escapes, controls, bidirectional marks, wide characters. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("\x1b[31m", "\x9b2J", "\n", "\r", "\u202e", "\u2028", "é", "漢字", "🙂", "e\u0301", "\x07"),
);

const result = fc
  .tuple(fc.array(fc.tuple(text, score), { minLength: 1, maxLength: 12 }), text, text, fc.boolean())
  .map(([rows, token, name, isSingle]) => {
    const made = resultOf(
      rows.map(([label]) => label),
      [],
    );
    const attribution = attributionOf(rows.map(([, value]) => value));
    return resultOf(made.labels, [], {
      model: { ...made.model, name },
      prompts: [{ text: token, tokens: [1, 2, 3], stringTokens: [token, name, token] }],
      attributions: [
        { ...attribution, answer: { id: 1, text: token }, wrong: isSingle ? null : { id: 2, text: name } },
      ],
    });
  });

describe("for any labels, tokens and scores", () => {
  test("nothing but newlines is there that a terminal acts upon", () => {
    fc.assert(
      fc.property(result, fc.option(fc.integer({ min: 1, max: 14 }), { nil: undefined }), (result, top) => {
        const table = toTable(result, top === undefined ? {} : { top });
        expect(table.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  test("colour adds escapes of colours and nothing else", () => {
    fc.assert(
      fc.property(result, (result) => {
        expect(plain(toTable(result, { color: true }))).toBe(toTable(result));
      }),
    );
  });

  test("scores are aligned on the point, bars on the axis, and a bar is on its score's side", () => {
    const label = fc.stringMatching(/^[a-z0-9_]{1,12}$/);
    const rows = fc.array(fc.tuple(label, score), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 40, max: 140 }), (rows, width) => {
        const names = rows.map(([name]) => name);
        const scores = rows.map(([, value]) => value);
        const list = rowsOf(toTable(resultOf(names, [scores]), { width }))
          .split("\n")
          .slice(0, rows.length);
        const axes = list.map((line) => (line.includes("│") ? line.indexOf("│") : line.length));
        if (width >= 60)
          expect(list.join("")).toContain("│"); // below, many decimals leave no room for bars
        else if (!list.join("").includes("│")) axes.fill(Math.max(...axes));
        const numbers = list.map((line, i) => line.slice(0, axes[i]).trimEnd());
        expect(new Set(axes).size).toBe(1);
        expect(new Set(list.map((line) => line.indexOf("."))).size).toBe(1);
        for (const [i, line] of list.entries()) {
          const [before, after] = [line.slice(0, axes[i]), line.slice(axes[i] + 1)];
          expect(before.startsWith(names[i])).toBe(true);
          const shown = Number(numbers[i].replace(/[█▐ ]+$/, "").slice(names[i].length));
          const decimals = numbers[i].replace(/[█▐ ]+$/, "").split(".")[1].length;
          expect(Math.abs(shown - scores[i])).toBeLessThanOrEqual(0.5000001 * 10 ** -decimals + 1e-9);
          if (scores[i] > 0) expect(before).not.toMatch(/[█▐]/);
          else expect(after).toBe("");
        }
      }),
    );
  });
});

/** The lines from the first row on. */
function rowsOf(table: string): string {
  return table.replace(/^[\s\S]*?\nby .*\n( {10}\S.*\n)*/, "");
}

test("what a row left out changes stands beside it, and the bars make room for it", () => {
  const result = resultOf(labels, [[0.5, -0.25, 2, -1]]);
  const [one] = result.attributions;
  const leaveOneOut = { shape: [4], data: Float64Array.of(0.25, -0.125, 10.5, 0) };
  const table = toTable({ ...result, attributions: [{ ...one, leaveOneOut }] }, { width: 60, top: 3 });
  expect(table.slice(table.indexOf("by "))).toMatchInlineSnapshot(`
    "by        component · what the embeddings and each sublayer
              wrote
              (…) the change if it were left out, LayerNorm
              computed anew
    0_attn_out    +2.0000 (+10.5000)          │████████████████
    0_mlp_out     -1.0000  ( 0.0000)  ████████│
    embed         +0.5000  (+0.2500)          │████
    1 other       -0.2500  their sum
    ─────────────────────
    sum           +1.2500  of all rows
    + bias        +0.2500  b_U, the unembedding's
    = logit diff  +1.5000  read off the model's output
    ✓ adds up: float32 rounding 2.1e-7 within 1.4e-6, error
      3.1e-8 within 4.7e-7
    "
  `);
});

test("a head's row left out has a line of its own: there is no grid", () => {
  const heads = ["L0H0", "L0H1", "remainder"];
  const result = resultOf(heads, [[1, 2, 3]], { unit: "head" });
  const [one] = result.attributions;
  const leaveOneOut = { shape: [3], data: Float64Array.of(1, 2, 3) };
  const lines = toTable({ ...result, attributions: [{ ...one, leaveOneOut }] }).split("\n");
  expect(lines.filter((line) => /^(L0H\d|remainder) .*\(\+\d/.test(line))).toHaveLength(3);
});
