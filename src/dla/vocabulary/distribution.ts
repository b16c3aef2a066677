import { exp, log } from "../../tensor/index.ts";
import { type Greatest, keepGreatest } from "./greatest.ts";

/**
 * What is kept of a row of logits while it is read, token by token, so that the vocabulary never lies in memory: with
 * m the greatest logit so far,
 *
 *   total = Σ exp(l − m)      weighted = Σ (l − m) exp(l − m)      greater = how many exceed the answer's
 *
 * A new m rescales both sums. All is in float64 with exp and log of our own, in the order of the ids: the same bits on every
 * engine, however the vocabulary is cut.
 */
export interface RunningDistribution {
  max: number;
  total: number;
  weighted: number;
  greater: number;
  /** NaN for none: nothing exceeds it. */
  readonly answer: number;
  readonly greatest: Greatest;
}

/** What softmax makes of a row of logits. */
export interface Distribution {
  /** −Σ p ln p, in nats: from 0 to ln dVocab. */
  readonly entropy: number;
  /** How many tokens' logits exceed the answer's. */
  readonly greater: number;
  /** The tokens of greatest logit. */
  readonly top: readonly { readonly id: number; readonly value: number }[];
  /** The probability of a logit of this row. */
  probability(logit: number): number;
}

export function startDistribution(answer: number | null, top: number): RunningDistribution {
  const greatest = keepGreatest(top);
  return { max: -Infinity, total: 0, weighted: 0, greater: 0, answer: answer ?? Number.NaN, greatest };
}

/** Reads on: the logits of tokens `first`, `first` + 1, …. */
export function readLogits(running: RunningDistribution, logits: Float32Array, first: number): void {
  const { answer, greatest } = running;
  let { max, total, weighted, greater } = running;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i];
    if (logit > answer) greater++;
    greatest.offer(first + i, logit);
    if (logit <= max) {
      const below = logit - max;
      const power = exp(below);
      total += power;
      weighted += below * power;
    } else {
      const below = max - logit; // of −∞ before the first, when both sums are 0
      const power = exp(below);
      weighted = total === 0 ? 0 : (weighted + below * total) * power;
      total = total * power + 1;
      max = logit;
    }
  }
  running.max = max;
  running.total = total;
  running.weighted = weighted;
  running.greater = greater;
}

/**
 * What was read:
 *
 *   p = exp(l − m) / total      H = ln total − weighted / total
 */
export function finishDistribution(running: RunningDistribution): Distribution {
  const { max, total, weighted, greater, greatest } = running;
  return {
    entropy: log(total) - weighted / total, // total ≥ 1 and weighted ≤ 0: neither term can be negative
    greater,
    top: greatest.list(),
    probability: (logit) => exp(logit - max) / total,
  };
}

/** The same of a row that lies in memory. */
export function distributionOf(logits: Float32Array, answer: number | null): Distribution {
  const running = startDistribution(answer, 0);
  readLogits(running, logits, 0);
  return finishDistribution(running);
}
