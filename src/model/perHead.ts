import {
  affineRows,
  type Kernels,
  layerNormScale,
  linear,
  normalizeRows,
  type PackedMatrix,
  type Tensor,
  tensor,
} from "../tensor/index.ts";
import type { Observer } from "./observer.ts";
import type { Gpt2Parameters } from "./parameters.ts";

/**
 * What the heads of a layer read: the normalized residual stream, common to all, unless a hook on
 * `hook_attn_in`, `hook_q_input`, `hook_k_input` or `hook_v_input` gives a head a residual stream of its own,
 * which is then normalized anew, as TransformerLens does.
 *
 * @param normalized [batch, pos, dModel], ln1's output
 * @returns q, k, v: each `normalized` itself or [batch, pos, head, dModel]
 */
export function headInputs(
  model: Gpt2Parameters,
  layer: number,
  residPre: Tensor,
  normalized: Tensor,
  observer: Observer,
): { q: Tensor; k: Tensor; v: Tensor } {
  const here = `blocks.${layer}` as const;
  const names = ["hook_q_input", "hook_k_input", "hook_v_input"] as const;
  const wantsAttnIn = observer.wants(`${here}.hook_attn_in`);
  if (!wantsAttnIn && !names.some((name) => observer.wants(`${here}.${name}`))) {
    return { q: normalized, k: normalized, v: normalized };
  }
  const forked = fork(residPre, model.config.nHeads);
  const attnIn = wantsAttnIn ? observer.at(`${here}.hook_attn_in`, forked) : forked;
  const [q, k, v] = names.map((name) => {
    const input = observer.wants(`${here}.${name}`) ? observer.at(`${here}.${name}`, attnIn) : attnIn;
    return input === forked ? normalized : normalizeUnwatched(model, layer, input);
  });
  return { q, k, v };
}

/** Of every head's projection to all heads' columns, its own: [batch, pos, head, head·dHead] to [batch, pos, head, dHead]. */
export function ownHeadColumns(projected: Tensor, nHeads: number, dHead: number): Tensor {
  const [batch, pos] = projected.shape;
  const out = tensor([batch, pos, nHeads, dHead]);
  const cols = nHeads * dHead;
  for (let row = 0; row < batch * pos * nHeads; row++) {
    const start = row * cols + (row % nHeads) * dHead;
    out.data.set(projected.data.subarray(start, start + dHead), row * dHead);
  }
  return out;
}

/**
 * What each head writes, without b_O: z_h W_O[h].
 *
 * @param z [batch, pos, head, dHead]
 * @returns [batch, pos, head, dModel]
 */
export function headResults(kernels: Kernels, z: Tensor, W_O: PackedMatrix): Tensor {
  const [batch, pos, nHeads, dHead] = z.shape;
  const alone = tensor([batch, pos, nHeads, nHeads * dHead]); // one row per head, the other heads' z zero
  for (let row = 0; row < batch * pos * nHeads; row++) {
    const head = row % nHeads;
    alone.data.set(z.data.subarray(row * dHead, (row + 1) * dHead), (row * nHeads + head) * dHead);
  }
  return linear(kernels, alone, W_O, null);
}

/** The attention output made of its heads' results: Σ_h result_h + b_O, [batch, pos, head, dModel] to [batch, pos, dModel]. */
export function sumHeads(result: Tensor, b_O: Float32Array): Tensor {
  const [batch, pos, nHeads, dModel] = result.shape;
  const out = tensor([batch, pos, dModel]);
  for (let row = 0; row < batch * pos; row++) {
    for (let i = 0; i < dModel; i++) {
      let sum = 0;
      for (let head = 0; head < nHeads; head++) sum += result.data[(row * nHeads + head) * dModel + i];
      out.data[row * dModel + i] = sum + b_O[i];
    }
  }
  return out;
}

/** One copy of the residual stream per head: [batch, pos, dModel] to [batch, pos, head, dModel]. */
function fork(resid: Tensor, nHeads: number): Tensor {
  const [batch, pos, dModel] = resid.shape;
  const out = tensor([batch, pos, nHeads, dModel]);
  for (let row = 0; row < batch * pos * nHeads; row++) {
    const source = Math.floor(row / nHeads) * dModel;
    out.data.set(resid.data.subarray(source, source + dModel), row * dModel);
  }
  return out;
}

function normalizeUnwatched(model: Gpt2Parameters, layer: number, x: Tensor): Tensor {
  const { kernels, config } = model;
  const { ln1 } = model.blocks[layer];
  const normalized = normalizeRows(kernels, x, layerNormScale(kernels, x, config.eps));
  return ln1 ? affineRows(kernels, normalized, ln1.gamma, ln1.beta) : normalized;
}
