import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ActivationCache, type Gpt2, hookNames, hookShapes } from "../../src/model/index.ts";
import { batch, gpt2AndPrompt, randomGpt2, weightsOf } from "../support/arbitraries.ts";
import { activations64, erfc, referenceForward } from "../support/reference.ts";
import { expectSameBits } from "../tensor/conformance/support.ts";

/** What the conformance suite allows a nonlinearity and a softmax beyond their rounding; float64's is far below. */
function functionError(unit: number, name: string, cache: ActivationCache, i: number): number {
  if (unit < 2 ** -40) return 0;
  if (name.endsWith("mlp.hook_post"))
    return 8 * unit * Math.abs(cache.get(name.replace("post", "pre")).data[i]) + 2 ** -126;
  if (!name.endsWith("hook_pattern")) return 0;
  const keys = cache.get(name).shape[3];
  const scores = cache.get(name.replace("pattern", "attn_scores")).data;
  const row = scores.subarray(i - (i % keys), i - (i % keys) + keys);
  const spread = Math.max(...row) - Math.min(...row.filter(Number.isFinite));
  return 4 * unit * (spread + 8) * cache.get(name).data[i] + 2 ** -126;
}

/** Every hook point, those that cost extra included. */
const every = () => true;

const kinds: Record<string, (model: Gpt2) => Gpt2> = {
  "as trained": (model) => model,
  "in compatibility mode": (model) => model.enableCompatibilityMode(),
};

describe.each(Object.entries(kinds))("the forward pass, weights %s", (kind, prepare) => {
  // Each activation is compared with what the reference makes of the float32 activations captured before it, so
  // that errors do not add up and the bound is one rounding, whatever the model.
  test("computes every activation to one rounding of the float64 formula, and what the backend's sums lose", () => {
    fc.assert(
      fc.property(gpt2AndPrompt, ({ config, model: raw, ids }) => {
        const model = prepare(raw);
        const { cache } = model.runWithCache([ids], { names: every });
        const reached: string[] = [];
        referenceForward(config, weightsOf(model), ids, (name, want, magnitudes) => {
          const got = cache.get(name).data;
          expect(got.length, name).toBe(want.length);
          reached.push(name);
          // what reads a LayerNorm's affine part, which is no hook point, inherits a rounding of each term
          const readsAffine = kind === "as trained" && /hook_[qkv]$|mlp\.hook_pre$/.test(name);
          for (let i = 0; i < want.length; i++) {
            if (Object.is(got[i], want[i])) continue;
            const roundings = Math.abs(want[i]) + (readsAffine ? magnitudes[i] : 0);
            // the sums of at most 30 terms, in any order, here and there
            const { accuracy } = model.kernels;
            const sums = (accuracy.accumulation(32) + 64 * 2 ** -53) * magnitudes[i];
            const inFunction = functionError(accuracy.accumulation(1), name, cache, i);
            // normalized ⊙ gamma may be rounded before beta is added
            const beta = Math.abs(model.lnFinal?.beta[i % config.dModel] ?? 0);
            const affine = name === "unembed.hook_in" ? 2 ** -24 * (Math.abs(want[i]) + beta) : 0;
            const bound = 2 ** -24 * (1 + 2 ** -20) * roundings + sums + inFunction + affine + 2 ** -149;
            if (!(Math.abs(got[i] - want[i]) <= bound)) {
              expect.fail(`${name}, element ${i}: got ${got[i]}, expected ${want[i]} within ${bound}`);
            }
          }
          // the attention output is computed from z, not from the heads' rounded results
          return name.endsWith("hook_result") ? want : got;
        });
        expect(reached.sort()).toEqual(hookNames(config.nLayers).sort());
      }),
      { numRuns: 150 },
    );
  });

  test("gives every activation the shape of the table", () => {
    fc.assert(
      fc.property(
        randomGpt2.chain((drawn) => batch(drawn.config).map((prompts) => ({ ...drawn, prompts }))),
        ({ config, model, prompts }) => {
          const pos = prompts[0].length;
          const { nHeads: head, dHead, dModel, dMlp, dVocab } = config;
          const sizes = {
            batch: prompts.length,
            pos,
            head,
            dHead,
            dModel,
            dMlp,
            dVocab,
            one: 1,
            queryPos: pos,
            keyPos: pos,
          };
          const { cache } = prepare(model).runWithCache(prompts, { names: every });
          for (const name of hookNames(config.nLayers)) {
            const dims =
              hookShapes[name.replace(/^blocks\.\d+/, "blocks.{layer}") as keyof typeof hookShapes];
            const { shape, data } = cache.get(name);
            const expected = dims.map((dim) => sizes[dim]);
            expect(shape, name).toEqual(expected);
            expect(data.length, name).toBe(expected.reduce((a, b) => a * b, 1));
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test("lets no token reach an earlier position, by a bit", () => {
    fc.assert(
      fc.property(gpt2AndPrompt, fc.nat(), fc.nat(), ({ config, model: raw, ids }, at, to) => {
        const model = prepare(raw);
        const changed = at % ids.length;
        const other = ids.with(changed, to % config.dVocab);
        const before = Array.from({ length: changed }, (_, pos) => pos);
        if (changed === 0) return;
        const run = (prompt: number[]) => model.runWithCache([prompt], { names: every, pos: before }).cache;
        const [a, b] = [run(ids), run(other)];
        for (const name of a.names) expectSameBits(a.get(name).data, b.get(name).data, name);
        const wanted = { logits: { tokens: [0, config.dVocab - 1], pos: before } };
        expectSameBits(model.run([ids], wanted).data, model.run([other], wanted).data, "logits");
      }),
      { numRuns: 100 },
    );
  });

  test("gives the prompts of a batch the bits they have alone", () => {
    fc.assert(
      fc.property(
        randomGpt2.chain((drawn) => batch(drawn.config).map((prompts) => ({ ...drawn, prompts }))),
        ({ model: raw, prompts }) => {
          const model = prepare(raw);
          const together = model.runWithCache(prompts, { names: every });
          prompts.forEach((ids, index) => {
            const alone = model.runWithCache([ids], { names: every });
            const share = ({ data }: { data: Float32Array }) =>
              data.subarray(
                (index * data.length) / prompts.length,
                ((index + 1) * data.length) / prompts.length,
              );
            expectSameBits(share(together.logits), alone.logits.data, "logits");
            for (const name of alone.cache.names) {
              expectSameBits(share(together.cache.get(name)), alone.cache.get(name).data, name);
            }
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("the float64 reference", () => {
  // from mpmath 1.3
  test.each([
    [0, 1.0],
    [0.5, 0.4795001221869535],
    [0.999, 0.15771472979350307],
    [1, 0.15729920705028513],
    [1.999, 0.004698443348629487],
    [3, 2.209049699858544e-5],
    [10, 2.088487583762545e-45],
    [-1, 1.8427007929497148],
  ])("has erfc(%d) to 1e-14", (x, want) => {
    expect(Math.abs(erfc(x) / want - 1)).toBeLessThan(1e-14);
  });

  test("has each nonlinearity at 1 to 1e-15", () => {
    const want = {
      geluTanh: 0.8411919906082768, // ½(1 + tanh(√(2/π)·1.044715))
      geluErf: 0.8413447460685429, // Φ(1)
      relu: 1,
      silu: 0.7310585786300049, // 1 / (1 + e⁻¹)
      tanh: 0.7615941559557649,
    };
    for (const [name, value] of Object.entries(want)) {
      expect(Math.abs(activations64[name as keyof typeof want](1) - value), name).toBeLessThan(1e-15);
    }
  });
});
