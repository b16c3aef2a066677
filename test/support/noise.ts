import type { Gpt2Config } from "../../src/model/index.ts";
import { random } from "./random.ts";
import {
  mapWeights,
  type Numbers,
  type ReferenceHook,
  type ReferenceWeights,
  referenceForward,
} from "./reference.ts";

/** The arithmetic whose error is estimated. */
export interface Arithmetic {
  /** The unit roundoff; default float32's, 2⁻²⁴. */
  readonly unit?: number;
  /** Whether sums round at every addition, as PyTorch's float32 ones: by Σ|terms| rather than by the result. */
  readonly roundedSums?: boolean;
  /** How many roundings of the largest element of its tensor a weight has behind it, as by folding; default none. */
  readonly weightRoundings?: number;
  /** A hook that the reference runs with. */
  readonly hook?: ReferenceHook;
}

/** How often the reference is run, and how many times the largest deviation is allowed. */
export const SAMPLES = 16;
export const ALLOWANCE = 2;

/**
 * How far each activation of a pass in rounded arithmetic may lie from the exact one, by hook name: Monte Carlo
 * arithmetic. Worst-case bounds multiply up to more than the logits themselves within two layers; so the float64
 * reference is run a few times with every activation off by a full unit roundoff, up or down at random, where real
 * rounding is off by a fraction of it. Some multiple of the largest deviation seen anywhere in the activation is allowed.
 *
 * @see Parker, Monte Carlo Arithmetic (1997); Vignes, A stochastic arithmetic for reliable scientific computation (1993)
 */
export function tolerances(
  config: Gpt2Config,
  weights: ReferenceWeights,
  ids: readonly number[],
  { unit = 2 ** -24, roundedSums = false, weightRoundings = 0, hook = (_, value) => value }: Arithmetic = {},
): Map<string, number> {
  const next = random(ids.length);
  const sign = () => (next() < 0.5 ? -1 : 1);
  const shaken = (values: Numbers): Float64Array => {
    const out = Float64Array.from(values);
    const off =
      weightRoundings * unit * out.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    return out.map((value) => value + off * sign());
  };
  const shakenWeights = () => (weightRoundings === 0 ? weights : mapWeights(weights, shaken));

  const exact = referenceForward(config, weights, ids, hook);
  const tolerance = new Map<string, number>();
  for (let sample = 0; sample < SAMPLES; sample++) {
    const rounded = referenceForward(config, shakenWeights(), ids, (name, value, magnitudes) => {
      // a copy of a rounded activation is not rounded again, and so heads go on sharing it
      if (/_(attn_in|[qkv]_input|mlp_in)$/.test(name)) return hook(name, value, magnitudes);
      const off = value.map((v, i) =>
        v === -Infinity ? v : v + unit * sign() * (roundedSums ? magnitudes[i] : Math.abs(v)),
      );
      const noisy = name.endsWith("hook_result") ? value : off; // read by nothing: attn_out is made of z
      return hook(name, noisy, magnitudes);
    });
    for (const [name, values] of rounded) {
      const want = exact.get(name)!;
      let worst = 0;
      for (let i = 0; i < values.length; i++) {
        if (want[i] === -Infinity) continue;
        worst = Math.max(worst, Math.abs(values[i] - want[i]), unit * Math.abs(want[i]));
      }
      tolerance.set(name, Math.max(tolerance.get(name) ?? 0, ALLOWANCE * worst));
    }
  }
  return tolerance;
}
