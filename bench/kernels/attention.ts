/** Scores and mixed values against their formulas as loops, one layer of 12 heads of 64, 256 positions. */
import { jsKernels } from "../../src/tensor/js/index.ts";
import { check, compare, numbers } from "../harness.ts";

const pos = 256;
const heads = 12;
const dHead = 64;
const scale = 1 / 8;
const stride = heads * dHead;
const dims = { batch: 1, pos, heads, dHead, queryPos: Array.from({ length: pos }, (_, i) => i) };
const q = numbers(pos * stride);
const k = numbers(pos * stride).reverse();
const scores = new Float32Array(heads * pos * pos);
const wantScores = new Float32Array(scores.length);
const pattern = new Float32Array(scores.length);
const out = new Float32Array(pos * stride);
const want = new Float32Array(out.length);

function naiveScores(): void {
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < pos; i++) {
      for (let j = 0; j < pos; j++) {
        let sum = 0;
        for (let d = 0; d < dHead; d++) sum += q[i * stride + h * dHead + d] * k[j * stride + h * dHead + d];
        wantScores[(h * pos + i) * pos + j] = j <= i ? scale * sum : -Infinity;
      }
    }
  }
}

function naiveMix(): void {
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < pos; i++) {
      for (let d = 0; d < dHead; d++) {
        let sum = 0;
        for (let j = 0; j < pos; j++) sum += pattern[(h * pos + i) * pos + j] * q[j * stride + h * dHead + d];
        want[i * stride + h * dHead + d] = sum;
      }
    }
  }
}

const jsScores = () => jsKernels.attentionScores(scores, q, k, dims, scale);
const jsMix = () => jsKernels.mixValues(out, pattern, q, dims);
jsScores();
naiveScores();
const visible = (x: Float32Array) => x.map((v) => (v === -Infinity ? 0 : v));
check("attentionScores", visible(scores), visible(wantScores), 0);
jsKernels.softmaxRows(pattern, scores, heads * pos, pos);
jsMix();
naiveMix();
check("mixValues", out, want, 0);
const flops = pos * (pos + 1) * stride; // up to the diagonal, a multiplication and an addition each
compare(`attentionScores ${pos}`, { flops }, { js: jsScores, naive: naiveScores });
compare(`mixValues ${pos}`, { flops }, { js: jsMix, naive: naiveMix });
