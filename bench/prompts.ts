import { shapes } from "./checkpoint.ts";

/** Token ids of gpt2-small's vocabulary, the same for the same arguments. */
export function prompt(length: number, seed = 0): number[] {
  return Array.from({ length }, (_, i) => (seed * 104_729 + i * 7919) % shapes.gpt2.vocab_size);
}

/** What is attributed everywhere: one token's logit less another's. */
export const pair = { answer: 11, wrong: 22 } as const;
