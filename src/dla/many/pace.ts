import { BATCH_TOKENS } from "../batches.ts";

/** The amount of work between two breaks. */
export interface Pace {
  /** The most tokens of the next step, which is one prompt at least. */
  readonly mostTokens: () => number;
  /** Told what a step took. */
  readonly took: (tokens: number, ms: number) => void;
}

/** The time for which a step is to hold the event loop, in milliseconds. Shorter ones leave the kernels' tiles half filled. */
const STEP = 200;

/** A first step that a model of GPT-2's size takes half a second for. */
const FIRST_TOKENS = 128;

/** Steps of as many tokens as the last one would have run in 200 ms. The sizes change no bit of what is computed. */
export function evenPace(): Pace {
  let tokens = FIRST_TOKENS;
  return {
    mostTokens: () => tokens,
    took(ran, ms) {
      const inTime = ms > 0 ? Math.floor((ran * STEP) / ms) : BATCH_TOKENS;
      tokens = Math.min(BATCH_TOKENS, Math.max(1, inTime));
    },
  };
}

/** Steps as large as they are fastest, for a process that has nothing else to do. */
export const fastestPace: Pace = { mostTokens: () => BATCH_TOKENS, took() {} };
