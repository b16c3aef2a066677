import { expect, test } from "vitest";
import type { LogitLensResult } from "../../src/index.ts";
import { toLensTable } from "../../src/report/index.ts";
import { attributionOf, plain, resultOf } from "./support.ts";

const { model, prompts } = resultOf(["a"], [[1]]);
const token = (id: number, text: string | null, probability: number) => ({ id, text, logit: 1, probability });
const { check } = attributionOf([0.5]);
const [answer, wrong] = [
  { id: 3, text: " Mary" },
  { id: 4, text: " John" },
];

const lens: LogitLensResult = {
  model,
  prompts,
  scale: "recomputed",
  labels: ["0_pre", "final_post"],
  lenses: [
    {
      ...{ prompt: 0, pos: 2, answer, wrong, check },
      logits: Float64Array.of(1, -12.5),
      differences: Float64Array.of(-0.25, 2),
      ranks: Uint32Array.of(406, 0),
      probabilities: Float64Array.of(4.5e-10, 0.9963),
      entropies: Float64Array.of(2.7449, 0),
      top: [
        [token(1, " is", 0.492), token(2, "\u001b[31m", 0.11), token(3, " its", 0.1)],
        [token(3, " Mary", 0.9963), token(4, null, 0.0004)],
      ],
    },
  ],
};

test("a line for each row: the difference, rank, probability, entropy, and what is most probable", () => {
  expect(toLensTable(lens)).toMatchInlineSnapshot(`
    "model     tiny · 1 layer × 2 heads · dModel 4 · compatibility mode · js
    prompt    <|endoftext|>│a│[ cat]
    position  2 of 0–2, after " cat"
    logit     " Mary" − " John"

    by        logit lens · what each row predicts, LayerNorm computed anew
                logit diff  rank  probability  entropy  most probable
    0_pre          -0.2500   406        4e-8%    2.745  " is" 49.2%  "␛[31m" 11.0%
    final_post     +2.0000     0        99.6%    0.000  " Mary" 99.6%  token 4 0.04%
    ✓ adds up: float32 rounding 2.1e-7 within 1.4e-6, error 3.1e-8 within 4.7e-7
    "
  `);
});

test("without a wrong answer its logit; without an answer what is predicted alone", () => {
  const [one] = lens.lenses;
  const alone = toLensTable({ ...lens, lenses: [{ ...one, wrong: null, differences: null }] });
  expect(alone).toMatch(/\n +logit +rank +probability +entropy +most probable\n0_pre +\+1\.0000 +406/);
  const nothing = {
    answer: null,
    wrong: null,
    logits: null,
    differences: null,
    ranks: null,
    probabilities: null,
  };
  const none = toLensTable({ ...lens, scale: "frozen", lenses: [{ ...one, ...nothing }] });
  expect(none).toMatch(/at the final norm's scale\n +entropy +most probable\n0_pre +2\.745 +" is" 49\.2%/);
  expect(none).not.toContain("logit  ");
});

test("tokens stop where the line ends, and nothing in them reaches the terminal", () => {
  const narrow = toLensTable(lens, { width: 66 }).split("\n");
  for (const line of narrow.filter((line) => /^(0_pre|final_post)/.test(line))) {
    expect(line.length).toBeLessThanOrEqual(66);
  }
  expect(narrow.find((line) => line.startsWith("0_pre"))).toMatch(/" is" 49\.2%$/);
  expect(toLensTable(lens)).not.toContain("\u001b");
  expect(plain(toLensTable(lens, { color: true }))).toBe(toLensTable(lens));
});
