import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { directLogitAttribution, type PromotedTokensOptions, promotedTokens } from "../../src/dla/index.ts";
import { CheckError, NotImplementedError, ValueError } from "../../src/errors.ts";
import { type ModelInput, modelFromWeights } from "../../src/model/index.ts";
import { jsKernels } from "../../src/tensor/index.ts";
import { prompt, type RandomModel, randomGpt2, randomWeights, weightsOf } from "../support/arbitraries.ts";
import { random } from "../support/random.ts";
import { vocabularyScores, writeOf } from "../support/referenceLens.ts";
import { stubModel } from "../support/stubModel.ts";
import { tinyConfig, tinyModel } from "../support/tinyModel.ts";
import { wordModel } from "./wordModel.ts";

afterEach(() => vi.restoreAllMocks());

const sentence = "When Mary and John went to the store, John gave a drink to";

/** A model, raw or folded, prompts of any lengths, and one of its components. */
const asked = randomGpt2.chain(({ model, config }: RandomModel) => {
  const labels = Array.from({ length: config.nLayers }, (_, l) => [
    `${l}_attn_out`,
    `${l}_mlp_out`,
    ...Array.from({ length: config.nHeads }, (_, h) => `L${l}H${h}`),
    ...Array.from({ length: config.dMlp }, (_, n) => `L${l}N${n}`),
  ]).flat();
  return fc
    .record({
      folded: fc.boolean(),
      prompts: fc.array(prompt(config), { minLength: 1, maxLength: 4 }),
      component: fc.constantFrom("embed", "pos_embed", ...labels),
      top: fc.integer({ min: 0, max: config.dVocab + 2 }),
    })
    .map(({ folded, prompts, ...rest }) => ({
      model: folded ? model.enableCompatibilityMode() : model,
      prompts,
      options: { ...rest, allowRawWeights: true, pos: "all" as const },
      [fc.toStringMethod]: () => JSON.stringify({ config, folded, prompts, ...rest }),
    }));
});

const unitOf = (component: string) =>
  !component.startsWith("L") ? "component" : component.includes("H") ? "head" : "neuron";

describe("promotedTokens", () => {
  test("has the float64 reference's scores of every component within 1e-9, most promoted and most suppressed first", () => {
    fc.assert(
      fc.property(asked, ({ model, prompts: [ids], options }) => {
        const { config } = model;
        const { dVocab } = config;
        const { cache } = model.runWithCache(ids, { logits: "none" });
        const { sites, component } = promotedTokens(model, ids, { ...options, top: dVocab });
        expect(component).toBe(options.component);
        const some = promotedTokens(model, ids, options).sites;
        for (const [i, { pos, promoted, suppressed, mean }] of sites.entries()) {
          const read = (hook: string) => {
            const { data } = cache.get(hook);
            return data.subarray((pos * data.length) / ids.length, ((pos + 1) * data.length) / ids.length);
          };
          const weights = weightsOf(model);
          const write = writeOf(config, weights, read, component);
          const want = vocabularyScores(config, weights, write, read("ln_final.hook_scale")[0]);
          const size = want.scores.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
          // where all scores nearly vanish by cancellation, what float64 may do to their terms
          const tolerance = Math.max(1e-9 * size, 2 ** -44 * want.magnitude);
          for (const { id, score } of promoted) {
            expect(Math.abs(score - want.scores[id]), `token ${id}`).toBeLessThanOrEqual(tolerance);
          }
          expect(Math.abs(mean - want.mean)).toBeLessThanOrEqual(tolerance);

          const scores = new Float64Array(dVocab);
          for (const { id, score } of promoted) scores[id] = score;
          const ids64 = [...scores.keys()];
          expect(promoted.map(({ id }) => id)).toEqual(
            [...ids64].sort((a, b) => scores[b] - scores[a] || a - b),
          );
          expect(suppressed.map(({ id }) => id)).toEqual(
            [...ids64].sort((a, b) => scores[a] - scores[b] || a - b),
          );
          expect(Math.abs(scores.reduce((sum, score) => sum + score, 0))).toBeLessThanOrEqual(
            dVocab * tolerance,
          );
          expect(some[i].promoted).toEqual(promoted.slice(0, options.top));
          expect(some[i].suppressed).toEqual(suppressed.slice(0, options.top));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("scores are the component's rows of directLogitAttribution, token by token, less their mean", () => {
    fc.assert(
      fc.property(asked, ({ model, prompts: [ids], options: { component, ...options } }) => {
        const { dVocab } = model.config;
        const [{ promoted, mean }] = promotedTokens(model, ids, {
          component,
          ...options,
          top: dVocab,
          pos: -1,
        }).sites;
        const unit = unitOf(component);
        const rows = promoted.map(({ id }) => {
          const asRows = { answer: id, unit, allowRawWeights: true } as const;
          const { labels, attributions } = directLogitAttribution(model, ids, asRows);
          return attributions[0].scores.data[labels.indexOf(component)];
        });
        const { cache } = model.runWithCache(ids, { pos: -1, logits: "none" });
        const read = (hook: string) => cache.get(hook).data;
        const write = writeOf(model.config, weightsOf(model), read, component);
        const [scale] = read("ln_final.hook_scale");
        const { magnitude } = vocabularyScores(model.config, weightsOf(model), write, scale);
        for (const [i, { score }] of promoted.entries()) {
          expect(Math.abs(score + mean - rows[i])).toBeLessThanOrEqual(2 ** -44 * magnitude);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("of prompts of any lengths are those of each alone, bit for bit", () => {
    fc.assert(
      fc.property(asked, ({ model, prompts, options }) => {
        const alone = prompts.flatMap((ids, prompt) =>
          promotedTokens(model, ids, options).sites.map((site) => ({ ...site, prompt })),
        );
        expect(promotedTokens(model, prompts, options).sites).toEqual(alone);
      }),
      { numRuns: 60 },
    );
  });

  test("tokens of one embedding: the lower id first, in both lists", () => {
    const weights = randomWeights(tinyConfig, 3);
    const W_E = Float32Array.from(weights.W_E, (_, i) => weights.W_E[i % 12]);
    const model = modelFromWeights(tinyConfig, { ...weights, W_E });
    const options = { component: "0_mlp_out", top: 4, allowRawWeights: true };
    const [{ promoted, suppressed }] = promotedTokens(model, [1, 2], options).sites;
    expect(promoted.map(({ id }) => id)).toEqual([0, 1, 2, 3]);
    expect(suppressed.map(({ id }) => id)).toEqual([0, 1, 2, 3]);
  });

  test("a vocabulary of one token has nothing to promote", () => {
    const model = tinyModel({ config: { dVocab: 1 } }).enableCompatibilityMode();
    const [{ promoted, suppressed }] = promotedTokens(model, [0], { component: "embed" }).sites;
    expect([promoted, suppressed]).toEqual([
      [{ id: 0, text: null, score: 0 }],
      [{ id: 0, text: null, score: 0 }],
    ]);
  });

  test("what the check is of is the token most promoted", () => {
    const model = tinyModel().enableCompatibilityMode();
    const [{ promoted, check }] = promotedTokens(model, [3, 1, 4], { component: "L1H0" }).sites;
    const asRows = { answer: promoted[0].id, unit: "head" } as const;
    expect(check).toEqual(directLogitAttribution(model, [3, 1, 4], asRows).attributions[0].check);
    expect(promoted).toHaveLength(10);
  });
});

describe("a given cache", () => {
  const model = tinyModel().enableCompatibilityMode();
  const ids = [3, 1, 4, 1, 5];

  test("gives the same, and nothing runs", () => {
    const options = { component: "L0H1", pos: [0, -1] } as const;
    const { cache } = model.runWithCache(ids);
    const want = promotedTokens(model, ids, options);
    const run = vi.spyOn(model, "runWithCache");
    expect(promotedTokens(model, undefined, { ...options, cache })).toEqual(want);
    expect(run).not.toHaveBeenCalled();
  });

  test("in which a write was changed is a CheckError", () => {
    const { cache } = model.runWithCache(ids);
    cache.get("blocks.0.attn.hook_z").data[4 * 12 + 5] += 1;
    const go = () => promotedTokens(model, ids, { component: "L0H1", cache });
    expect(go).toThrow(CheckError);
    expect(go).toThrow(/^promotedTokens: prompt 0, position 4: got rows that do not add up/);
  });

  test("in which a neuron was changed is a CheckError", () => {
    const { cache } = model.runWithCache(ids);
    const { data } = cache.get("blocks.0.mlp.hook_post");
    data[data.length - 1] += 1;
    const neuron = data.length / ids.length - 1;
    const go = () => promotedTokens(model, ids, { component: `L0N${neuron}`, cache });
    expect(go).toThrow(CheckError);
  });

  test("heads whose parts do not add up to what their writer reads is a CheckError", () => {
    const { cache } = model.runWithCache(ids);
    const [, , writer] = model.writers;
    const { read } = writer.heads!;
    vi.spyOn(writer.heads!, "read").mockImplementation((activations, directions) => {
      const reading = read(activations, directions);
      return directions.every((u) => u === 0)
        ? { ...reading, writes: reading.writes.map((v) => v * 1.001) }
        : reading;
    });
    const go = () => promotedTokens(model, ids, { component: "L0H1", cache });
    expect(go).toThrow(CheckError);
    expect(go).toThrow(
      /^promotedTokens: prompt 0, position 4: got .* for token \d+, expected its row .* within .*\. Take/,
    );
  });
});

describe("a model that declares its writers", () => {
  const blocks = [
    { type: "attn+mlp", writes: [{ name: "attn_out", part: "attn", heads: 2 }, { name: "mlp_out" }] },
  ];

  test.each(["layer", "rms"] as const)("with a norm that is %s: scores are the rows", (norm) => {
    const model = stubModel({ blocks, norm });
    for (const component of ["embed", "0_attn_out", "0_mlp_out", "L0H0", "L0H1"]) {
      const { promoted, mean } = promotedTokens(model, [3, 1, 4], { component, top: 11 }).sites[0];
      const unit = component.startsWith("L") ? "head" : "component";
      for (const { id, score } of promoted) {
        const { labels, attributions } = directLogitAttribution(model, [3, 1, 4], { answer: id, unit });
        expect(score + mean).toBeCloseTo(attributions[0].scores.data[labels.indexOf(component)], 12);
      }
    }
  });

  test("is refused where a part declares none", () => {
    const model = stubModel({ blocks: [{ type: "ssm", writes: [{ name: "mlp_out" }] }] });
    const go = () => promotedTokens(model, [1, 2], { component: "embed" });
    expect(go).toThrow(NotImplementedError);
    expect(go).toThrow(/^promotedTokens: got a block of type "ssm"/);
  });

  test("without heads offers none", () => {
    const model = stubModel({ blocks: [{ type: "mlp", writes: [{ name: "mlp_out" }] }] });
    expect(() => promotedTokens(model, [1], { component: "L0H0" })).toThrow(
      'promotedTokens: got component "L0H0", expected one of "embed", "pos_embed", "0_mlp_out". Give a label.',
    );
  });
});

describe("ValueError that names it, before anything runs", () => {
  const raw = wordModel();
  const model = raw.enableCompatibilityMode();
  const ids = model.toTokens("When Mary and John went");
  test.each<[string, ModelInput | undefined, PromotedTokensOptions, RegExp]>([
    [
      "an unknown component",
      ids,
      { component: "2_attn_out" },
      /got component "2_attn_out", expected one of "embed", .*"1_mlp_out", or a head, "L0H0" to "L1H1", or a neuron, "L0N0" to "L1N\d+"\. Give/,
    ],
    ["an unknown head", ids, { component: "L0H2" }, /got component "L0H2"/],
    ["an unknown neuron", ids, { component: "L0N999999" }, /got component "L0N999999"/],
    ["a neuron of no layer", ids, { component: "L2N0" }, /got component "L2N0"/],
    ["a number that is written otherwise", ids, { component: "L0N01" }, /got component "L0N01"/],
    ["a number that is none", ids, { component: "L0H" }, /got component "L0H"/],
    ["the remainder", ids, { component: "remainder" }, /got component "remainder"/],
    ["no component", ids, {} as never, /got component nothing/],
    ["half a token", ids, { component: "embed", top: 0.5 }, /got top 0.5, expected a whole number/],
    ["fewer than none", ids, { component: "embed", top: -1 }, /got top -1/],
    ["a position outside", ids, { component: "embed", pos: 9 }, /prompt 0: got position 9/],
    ["neither input nor cache", undefined, { component: "embed" }, /got neither an input nor a cache/],
  ])("%s", (_, input, options, message) => {
    const run = vi.spyOn(model, "runWithCache");
    const go = () => promotedTokens(model, input, options);
    expect(go).toThrow(ValueError);
    expect(go).toThrow(message);
    expect(go).toThrow(/^promotedTokens: /);
    expect(run).not.toHaveBeenCalled();
  });

  test("weights as trained, unless they are allowed", () => {
    const go = (options: object) => () => promotedTokens(raw, ids, { component: "embed", ...options });
    expect(go({})).toThrow(/^promotedTokens: got a model with its weights as trained/);
    expect(go({ allowRawWeights: true })).not.toThrow();
  });
});

describe("a search of the vocabulary", () => {
  test("has the very lists of reading it all, of the embedded model, raw and folded, on every backend", async () => {
    for (const kernels of [undefined, jsKernels]) {
      for (const compatibilityMode of [true, false]) {
        const model = await demoModel({ compatibilityMode, kernels });
        const { dVocab } = model.config;
        for (const component of ["embed", "pos_embed", "0_attn_out", "2_mlp_out", "L1H0", "L2H1", "L1N17"]) {
          const options = { component, pos: [0, 4, -1], allowRawWeights: true };
          const all = promotedTokens(model, sentence, { ...options, top: dVocab }).sites;
          const some = promotedTokens(model, sentence, { ...options, top: 7 }).sites;
          expect(some).toEqual(
            all.map(({ promoted, suppressed, ...rest }) => ({
              ...rest,
              promoted: promoted.slice(0, 7),
              suppressed: suppressed.slice(0, 7),
            })),
          );
        }
      }
    }
  });

  test("folds few columns once it knows them all", async () => {
    const model = await demoModel({ compatibilityMode: true });
    const options = { component: "2_mlp_out", top: 5 };
    promotedTokens(model, sentence, options);
    const tokens = vi.spyOn(model.unembedding as Required<typeof model.unembedding>, "tokens");
    promotedTokens(model, sentence, options);
    const folded = tokens.mock.calls.reduce((sum, [ids]) => sum + ids.length, 0);
    expect(folded).toBeGreaterThanOrEqual(10);
    expect(folded).toBeLessThan(model.config.dVocab / 10);
  });

  test("finds the greatest among tokens that float32 does not tell apart", () => {
    const config = { ...tinyConfig, dVocab: 120, tieWordEmbeddings: false };
    for (let seed = 0; seed < 20; seed++) {
      const weights = randomWeights(config, seed);
      const { W_U } = weights;
      if (!W_U) throw new Error("expected an unembedding");
      const next = random(seed + 1);
      const steps = seed % 2 === 0 ? 2 ** -22 : 2 ** -16; // a few units in the last place of the first row, or many
      for (let i = config.dModel; i < W_U.length; i++)
        W_U[i] = W_U[i % config.dModel] * (1 + steps * (next() - 0.5));
      for (const compatibilityMode of [true, false]) {
        const model = modelFromWeights(config, weights, { compatibilityMode });
        const options = { component: "1_mlp_out", pos: "all", allowRawWeights: true } as const;
        const all = promotedTokens(model, [1, 2, 3], { ...options, top: 120 }).sites;
        const some = promotedTokens(model, [1, 2, 3], { ...options, top: 3 }).sites;
        for (const [i, { promoted, suppressed }] of some.entries()) {
          expect(promoted).toEqual(all[i].promoted.slice(0, 3));
          expect(suppressed).toEqual(all[i].suppressed.slice(0, 3));
        }
      }
    }
  });
});
