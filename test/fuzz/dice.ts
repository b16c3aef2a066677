import { random } from "../support/random.ts";

/** Draws from a seed: the same again for the same seed. */
export interface Dice {
  /** An integer from 0 to n − 1. */
  below(n: number): number;
  pick<T>(items: readonly T[]): T;
  chance(probability: number): boolean;
}

export function dice(seed: number): Dice {
  const next = random(seed);
  const below = (n: number) => Math.floor(next() * n);
  return {
    below,
    pick: (items) => items[below(items.length)],
    chance: (probability) => next() < probability,
  };
}
