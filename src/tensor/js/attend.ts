import type { AttentionDims } from "../kernels.ts";
import { headScores } from "./attentionScores.ts";
import { mixHead } from "./mixValues.ts";
import { softmaxRows } from "./softmax.ts";

/**
 * attentionScores, softmaxRows and mixValues in one, with the pattern of one head at a time.
 *
 * @param out, q [batch, queries, heads, dHead] written, read
 * @param k, v   [batch, pos, heads, dHead]     read
 */
export function attend(
  out: Float32Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  dims: AttentionDims,
  scale: number,
): void {
  const { batch, pos, heads, queryPos } = dims;
  const pattern = new Float32Array(queryPos.length * pos);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      headScores(pattern, 0, q, k, b, h, dims, scale);
      softmaxRows(pattern, pattern, queryPos.length, pos);
      mixHead(out, pattern, 0, v, b, h, dims);
    }
  }
}
