/** What attribution adds to the forward pass that it rides on: the same logits, last position, without and with it. */
import { directLogitAttribution } from "../../src/index.ts";
import { figure, heading } from "../figure.ts";
import { randomGpt2Small } from "../gpt2Small.ts";
import { median, ratios, timeInTurn } from "../harness.ts";
import { pair, prompt } from "../prompts.ts";

heading("attribution over the forward pass it rides on, head unit, 1 thread");
for (const precision of ["reproducible", "fast"] as const) {
  const model = randomGpt2Small({ precision });
  for (const length of [15, 64, 256]) {
    const tokens = prompt(length);
    const times = await timeInTurn(
      {
        forward: () => model.run(tokens, { logits: { tokens: [pair.answer, pair.wrong] } }),
        head: () => directLogitAttribution(model, tokens, { ...pair, unit: "head" }),
      },
      { rounds: 25 },
    );
    figure(
      `${length} tokens, ${precision}: beyond the forward pass`,
      ratios(times.head, times.forward).map((ratio) => 100 * (ratio - 1)),
      { atMost: 3, unit: "%" },
      `${(median(times.head) - median(times.forward)).toFixed(1)} of ${median(times.forward).toFixed(0)} ms`,
    );
  }
}
