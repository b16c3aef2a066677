/** gpt2-small's shape on random weights, 64 tokens: the forward pass with the logits asked for, and attribution on top. */
import { directLogitAttribution } from "../src/index.ts";
import { gpt2Small, randomGpt2Small } from "./gpt2Small.ts";
import { compare } from "./harness.ts";

const tokens = Array.from({ length: Number(process.argv[2] ?? 64) }, (_, i) => (i * 7919) % gpt2Small.dVocab);
const model = randomGpt2Small();

const { nLayers, dModel, dMlp } = gpt2Small;
const perToken = 2 * nLayers * (4 * dModel * dModel + 2 * dModel * dMlp); // of the blocks' matrices; the rest is small
const pair = { answer: 11, wrong: 22 };

compare(
  `gpt2-small shape, ${tokens.length} tokens (GFLOP/s of the blocks' matrices)`,
  { flops: perToken * tokens.length },
  {
    "last logits": () => model.run(tokens, { logits: "last" }),
    "two logits": () => model.run(tokens, { logits: { tokens: [11, 22] } }),
    "all logits": () => model.run(tokens, { logits: "all" }),
    component: () => directLogitAttribution(model, tokens, pair),
    head: () => directLogitAttribution(model, tokens, { ...pair, unit: "head" }),
  },
);
