import { expect, test } from "vitest";
import type { ErasureResult, PromotedTokensResult } from "../../src/index.ts";
import { toErasuresTable, toPromotedTable } from "../../src/report/index.ts";
import { attributionOf, plain, resultOf } from "./support.ts";

const { model, prompts } = resultOf(["a"], [[1]]);
const { answer, wrong, check, scores } = attributionOf([0.5]);

const pair = (writer: string, share: number, net: number) => ({
  ...{ writer, eraser: "L1H0", share, cosine: -0.5 },
  scores: { writer: net - 1, eraser: 1, net },
  remaining: Float64Array.of(1, 0.25),
});

const erased: ErasureResult = {
  ...{ model, prompts, unit: "head", threshold: 0.1 },
  labels: ["a"],
  components: ["embed", "0_mlp_out"],
  attributions: [
    {
      ...{ prompt: 0, pos: 2, answer, wrong, check, scores },
      pairs: [pair("L0H0", 1.25, 0.5), pair("\u001b[2J", 0.1, -2)],
    },
  ],
};

test("erasures: a line for each pair, with what is left and both rows", () => {
  expect(toErasuresTable(erased)).toMatchInlineSnapshot(`
    "model     tiny · 1 layer × 2 heads · dModel 4 · compatibility mode · js
    prompt    <|endoftext|>│a│[ cat]
    position  2 of 0–2, after " cat"
    logit     " Mary" − " John"

    by        erasures · a later head or MLP against an earlier one
    writer  eraser   share  cosine   left  its row  eraser's      net
    L0H0    L1H0    125.0%   -0.50  25.0%  -0.5000   +1.0000  +0.5000
    ␛[2J    L1H0     10.0%   -0.50  25.0%  -3.0000   +1.0000  -2.0000
    ✓ adds up: float32 rounding 2.1e-7 within 1.4e-6, error 3.1e-8 within 4.7e-7

    share: what the eraser took back of what was written; left: how much of it the
    final residual has; then their rows of the attribution, and the sum of the two
    "
  `);
  expect(plain(toErasuresTable(erased, { color: true }))).toBe(toErasuresTable(erased));
});

test("erasures: as many as top, and none said where there is none", () => {
  expect(toErasuresTable(erased, { top: 1 })).toContain("\n1 other\n");
  const none = { ...erased, attributions: [{ ...erased.attributions[0], pairs: [] }] };
  expect(toErasuresTable(none)).toContain("\nnone, of a share of 10.0% or more\n");
  expect(() => toErasuresTable(erased, { top: 0 })).toThrow(/^toErasuresTable: top: got 0/);
});

const token = (text: string | null, score: number) => ({ id: 7, text, score });
const promoted: PromotedTokensResult = {
  ...{ model, prompts, component: "L0H1" },
  sites: [
    {
      ...{ prompt: 0, pos: 2, check, mean: -0.5 },
      promoted: [token(" Mary", 2.5), token("\u001b[2J", 1)],
      suppressed: [token(null, -10), token(` ${"long".repeat(20)}`, -1)],
    },
  ],
};

test("promoted tokens: side by side with those suppressed, within the width", () => {
  const table = toPromotedTable(promoted, { width: 60 });
  expect(table).toMatchInlineSnapshot(`
    "model     tiny · 1 layer × 2 heads · dModel 4 ·
              compatibility mode · js
    prompt    <|endoftext|>│a│[ cat]
    position  2 of 0–2, after " cat"

    by        L0H1 · tokens whose logits it raises and lowers
              most
    promoted             suppressed
    " Mary"   +2.5000    token 7             -10.0000
    "␛[2J"    +1.0000    " longlonglonglon…   -1.0000
    in units of the logit, less the mean over the vocabulary,
      -0.5000
    ✓ adds up: float32 rounding 2.1e-7 within 1.4e-6, error
      3.1e-8 within 4.7e-7
    "
  `);
  expect(plain(toPromotedTable(promoted, { width: 60, color: true }))).toBe(table);
});
