import { expect, test } from "vitest";
import { compare } from "../../src/index.ts";
import { toComparisonTable } from "../../src/report/index.ts";
import { resultOf } from "./support.ts";

test("the two prompts, and the rows of the first less those of the second", () => {
  const labels = ["embed", "pos_embed"];
  const other = {
    prompts: [{ text: "a dog", tokens: [0, 5, 8], stringTokens: ["<|endoftext|>", "a", " dog"] }],
  };
  const comparison = compare(resultOf(labels, [[0.5, -0.25]]), resultOf(labels, [[1.5, 0.5]], other));
  expect(toComparisonTable(comparison, { width: 60 })).toMatchInlineSnapshot(`
    "model     tiny · 1 layer × 2 heads · dModel 4 ·
              compatibility mode · js
    A         <|endoftext|>│a│[ cat]
              " Mary" − " John", at position 2
    less B    <|endoftext|>│a│[ dog]
              " Mary" − " John", at position 2

    by        component · what the embeddings and each sublayer
              wrote
    embed         -1.0000  ████████████████████████████████████│
    pos_embed     -0.7500           ███████████████████████████│
    ─────────────────────
    sum           -1.7500  of all rows
    + bias         0.0000  b_U, the unembedding's
    = logit diff  -1.7500  read off the model's output
    ✓ adds up: float32 rounding 0 within 2.8e-6, error 0 within
      9.4e-7
    "
  `);
});
