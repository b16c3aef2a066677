/** Attention fused, its scores, and the values mixed, one layer of 12 heads of 64, 256 positions. */
import type { Kernels } from "../../src/tensor/index.ts";
import { numbers } from "../harness.ts";
import { onBackends } from "../onBackends.ts";
import { plainSoftmax } from "../plainSoftmax.ts";

const pos = 256;
const heads = 12;
const dHead = 64;
const scale = 1 / 8;
const stride = heads * dHead;
const dims = { batch: 1, pos, heads, dHead, queryPos: Array.from({ length: pos }, (_, i) => i) };
const [q, k, v] = [numbers(pos * stride), numbers(pos * stride).reverse(), numbers(pos * stride, 3)];

function plainScores(out: Float32Array, q: Float32Array, k: Float32Array): void {
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < pos; i++) {
      for (let j = 0; j < pos; j++) {
        let sum = 0;
        for (let d = 0; d < dHead; d++) sum += q[i * stride + h * dHead + d] * k[j * stride + h * dHead + d];
        out[(h * pos + i) * pos + j] = j <= i ? scale * sum : -Infinity;
      }
    }
  }
}

function plainMix(out: Float32Array, pattern: Float32Array, v: Float32Array): void {
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < pos; i++) {
      for (let d = 0; d < dHead; d++) {
        let sum = 0;
        for (let j = 0; j < pos; j++) sum += pattern[(h * pos + i) * pos + j] * v[j * stride + h * dHead + d];
        out[i * stride + h * dHead + d] = sum;
      }
    }
  }
}

const scores = new Float32Array(heads * pos * pos);
plainScores(scores, q, k);
const pattern = new Float32Array(scores.length);
plainSoftmax(pattern, scores, pos);

const tolerance =
  (length: number) =>
  ({ accuracy }: Kernels) =>
    2 ** -21 + length * accuracy.accumulation(length);
const flops = pos * (pos + 1) * stride; // up to the diagonal, a multiplication and an addition each
await onBackends(`attend ${pos}`, {
  inputs: [q, k, v],
  output: pos * stride,
  work: { flops: 2 * flops },
  run: (kernels) => (out, q, k, v) => kernels.attend(out, q, k, v, dims, scale),
  plain(out, q, k, v) {
    plainScores(scores, q, k);
    plainSoftmax(pattern, scores, pos);
    plainMix(out, pattern, v);
  },
  tolerance: tolerance(pos),
});
await onBackends(`attentionScores ${pos}`, {
  inputs: [q, k],
  output: scores.length,
  work: { flops },
  run: (kernels) => (out, q, k) => kernels.attentionScores(out, q, k, dims, scale),
  plain: plainScores,
  tolerance: tolerance(dHead),
});
await onBackends(`mixValues ${pos}`, {
  inputs: [pattern, v],
  output: pos * stride,
  work: { flops },
  run: (kernels) => (out, pattern, v) => kernels.mixValues(out, pattern, v, dims),
  plain: plainMix,
  tolerance: tolerance(pos),
});
