import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dice } from "./dice.ts";
import type { Input } from "./input.ts";
import { mutate } from "./mutate.ts";
import { outcomeOf } from "./outcome.ts";
import { targets } from "./targets/index.ts";

describe.each(targets)("$name", (target) => {
  test("its seeds are read", async () => {
    for (const seed of target.seeds) expect(await outcomeOf(target, seed)).toBeNull();
  });

  test("mutated, it is read or refused by an error of the package", async () => {
    const drawn = fc.record({ seed: fc.integer(), times: fc.integer({ min: 1, max: 8 }) });
    await fc.assert(
      fc.asyncProperty(drawn, async ({ seed, times }) => {
        const draw = dice(seed);
        let input: Input = draw.pick(target.seeds);
        for (let i = 0; i < times; i++) input = mutate(input, draw.pick(target.seeds), target.kinds, draw);
        await outcomeOf(target, input);
      }),
      { numRuns: 300 },
    );
  });
});
