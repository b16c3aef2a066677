import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ValueError } from "../../src/errors.ts";
import { type HookName, hookNames } from "../../src/model/index.ts";
import { gpt2AndPrompt } from "../support/arbitraries.ts";
import { tinyModel } from "../support/tinyModel.ts";
import { expectSameBits } from "../tensor/conformance/support.ts";

const model = tinyModel();
const ids = [3, 1, 4, 1, 5];

describe("runWithCache's everyPos", () => {
  test("has the bits of a run that keeps all, whatever is asked for beside it, in whatever block", () => {
    const asked = gpt2AndPrompt.chain((drawn) => {
      const names = hookNames(drawn.config.nLayers);
      const some = fc.subarray(names, { minLength: 1, maxLength: 3 });
      return fc.record({ drawn: fc.constant(drawn), names: some, everyPos: some, pos: fc.nat() });
    });
    fc.assert(
      fc.property(asked, ({ drawn: { model, ids }, names, everyPos, pos }) => {
        const at = pos % ids.length;
        const { cache } = model.runWithCache(ids, { names, everyPos, pos: at, logits: "none" });
        const all = model.runWithCache(ids, { names: [...names, ...everyPos], logits: "none" }).cache;
        expect(new Set(cache.names)).toEqual(new Set([...names, ...everyPos]));
        for (const name of cache.names as HookName[]) {
          const isEvery = everyPos.includes(name);
          expect(cache.positionsOf(name)).toEqual(isEvery ? [...ids.keys()] : [at]);
          expectSameBits(cache.get(name).data, (isEvery ? all.get(name) : all.at(name, at)).data, name);
          // and where all are wanted at the same positions, these
          expectSameBits(cache.at(name, "all").data, all.at(name, at).data, name);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("an unknown name, or a predicate that matches nothing, is a ValueError", () => {
    const keep = (everyPos: never) => () => model.runWithCache(ids, { everyPos });
    expect(keep("blocks.0.attn.hook_vv" as never)).toThrow(ValueError);
    expect(keep(["blocks.0.attn.hook_vv"] as never)).toThrow(
      /^runWithCache: everyPos: got "blocks.0.attn.hook_vv"/,
    );
    expect(keep((() => false) as never)).toThrow(
      /^runWithCache: everyPos: got a predicate that matches none/,
    );
  });
});
