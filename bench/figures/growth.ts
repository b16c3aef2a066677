/** How the time for each token grows from 64 to 1024 tokens, attention's own part, quadratic in them, taken out. */
import { wasmKernels } from "../../src/tensor/index.ts";
import { figure, heading } from "../figure.ts";
import { gpt2Small, randomGpt2Small } from "../gpt2Small.ts";
import { median, numbers, timeInTurn } from "../harness.ts";
import { pair, prompt } from "../prompts.ts";

const LENGTHS = [64, 1024] as const;
const { nLayers, nHeads, dHead } = gpt2Small;

heading("growth of the time for each token, 64 to 1024 tokens, 1 thread");
for (const precision of ["reproducible", "fast"] as const) {
  const model = randomGpt2Small({ precision });
  const kernels = wasmKernels({ precision });
  kernels.reserve({ matrices: [], activations: 4 * 1024 * nHeads * dHead + 1024 });

  const forward = (length: number) => () => model.run(prompt(length), { logits: { tokens: [pair.answer] } });
  /** All blocks' but the last's, which has one query only. */
  const attention = (length: number) => () =>
    kernels.session(() => {
      const [q, k, v, out] = [0, 1, 2, 3].map(() => kernels.allocate(length * nHeads * dHead));
      for (const array of [q, k, v]) array.set(given.subarray(0, array.length));
      const queryPos = Array.from({ length }, (_, i) => i);
      const dims = { batch: 1, pos: length, heads: nHeads, dHead, queryPos };
      for (let layer = 0; layer < nLayers - 1; layer++)
        kernels.attend(out, q, k, v, dims, 1 / Math.sqrt(dHead));
    });
  const given = numbers(1024 * nHeads * dHead);

  const times = await timeInTurn(
    {
      forward64: forward(64),
      attention64: attention(64),
      forward1024: forward(1024),
      attention1024: attention(1024),
    },
    { rounds: 7 },
  );
  const perToken = LENGTHS.map((length) =>
    times[`forward${length}`].map((ms, round) => (ms - times[`attention${length}`][round]) / length),
  );
  const shown = LENGTHS.map(
    (length) =>
      `${median(times[`forward${length}`]).toFixed(0)} ms for ${length}, ${median(times[`attention${length}`]).toFixed(0)} of it attention`,
  );
  figure(
    `${precision}: beyond what attention explains`,
    perToken[1].map((ms, round) => 100 * (ms / perToken[0][round] - 1)),
    { atMost: 10, unit: "%" },
    shown.join("; "),
  );
}
