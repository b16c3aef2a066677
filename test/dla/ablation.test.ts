import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import {
  type Ablatable,
  type AblationOptions,
  ablationEffects,
  ablationToJSON,
  directLogitAttribution,
  meanEffects,
} from "../../src/dla/index.ts";
import { CheckError, NotImplementedError, ValueError } from "../../src/errors.ts";
import type { Gpt2, Gpt2Config } from "../../src/model/index.ts";
import { version } from "../../src/version.ts";
import { directionOf, gpt2AndPrompt, type RandomModel, weightsOf } from "../support/arbitraries.ts";
import { tolerances } from "../support/noise.ts";
import {
  asTrained,
  foldReference,
  type Numbers,
  type ReferenceHook,
  referenceAttribution,
  referenceForward,
  referenceLogit,
} from "../support/reference.ts";
import { stubModel } from "../support/stubModel.ts";
import { tinyModel } from "../support/tinyModel.ts";

const ids = [3, 1, 4, 1, 5];

/** What is ablated, by the label: its hook, and which numbers of a position's row are its own. */
function place({ dHead, dModel }: Gpt2Config, label: string): { hook: string; own: (i: number) => boolean } {
  const head = /^L(\d+)H(\d+)$/.exec(label);
  if (head)
    return {
      hook: `blocks.${head[1]}.attn.hook_z`,
      own: (i) => Math.floor((i % dModel) / dHead) === Number(head[2]),
    };
  return { hook: label.replace(/^(\d+)_/, "blocks.$1.").replace(/(\w+)$/, "hook_$1"), own: () => true };
}

interface Asked extends RandomModel {
  readonly ids: number[];
  readonly references: number[][];
  readonly kind: "zero" | "mean" | "from";
  readonly unit: "component" | "head";
  readonly of: Gpt2;
  readonly answer: number;
  readonly wrong: number | undefined;
  readonly which: number;
  readonly at: "all" | "attributed";
}

const asked: fc.Arbitrary<Asked> = gpt2AndPrompt.chain((drawn) => {
  const token = fc.nat(drawn.config.dVocab - 1);
  const other = (most: number) => fc.array(token, { minLength: drawn.ids.length, maxLength: most });
  return fc
    .record({
      kind: fc.constantFrom("zero", "mean", "from"),
      reference: other(drawn.ids.length),
      others: fc.array(other(drawn.config.nCtx), { maxLength: 2 }),
      unit: fc.constantFrom("component", "head"),
      folded: fc.boolean(),
      answer: token,
      wrong: fc.option(token, { nil: undefined }),
      which: fc.nat(),
      at: fc.constantFrom("all", "attributed"),
    })
    .map(({ folded, reference, others, ...rest }) => ({
      ...drawn,
      ...rest,
      of: folded ? drawn.model.enableCompatibilityMode() : drawn.model,
      references: rest.kind === "mean" ? [reference, ...others] : [reference],
    }));
});

function optionsOf({ kind, references, unit, answer, wrong, at }: Asked): AblationOptions {
  const replace = kind === "zero" ? kind : kind === "mean" ? { mean: references } : { from: references[0] };
  return { unit, answer, wrong, pos: "all", allowRawWeights: true, replace, at };
}

/** The activation that takes the place of a hook's, [pos, …], of what the model itself computed on the references. */
function replacementOf({ kind, references, of, ids }: Asked, hook: string): Float32Array {
  const runs = references.map((prompt) => {
    const { data } = of.runWithCache(prompt, { logits: "none" }).cache.get(hook as "hook_embed");
    return data.subarray(0, (data.length * ids.length) / prompt.length);
  });
  if (kind === "zero") return runs[0].map(() => 0);
  return runs[0].map((_, i) => runs.reduce((sum, run) => sum + run[i], 0) / runs.length);
}

const rowAt = (activation: Numbers, pos: number, size: number) =>
  Array.from(activation).slice(pos * size, (pos + 1) * size);
const magnitude = (a: Numbers, b: Numbers) =>
  Array.from(a).reduce((sum, value, i) => sum + Math.abs(value * b[i]), 0);
const product = (a: Numbers, b: Numbers) => Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0);

describe("ablationEffects against brute force in float64", () => {
  test("total is the change that the reference's forward pass makes, the activation replaced at every position, or at the one read", async () => {
    let [told, all] = [0, 0];
    await fc.assert(
      fc.asyncProperty(asked, async (drawn) => {
        const { of, config, ids, answer, wrong, which, at } = drawn;
        const { labels, attributions } = await ablationEffects(of, ids, optionsOf(drawn));
        const label = labels[which % labels.length];
        const { hook, own } = place(config, label);
        const instead = replacementOf(drawn, hook);
        const weights = weightsOf(of);
        const width = instead.length / ids.length;
        const isReplaced = (pos: number, i: number) =>
          own(i) && (at === "all" || Math.floor(i / width) === pos);
        const column =
          wrong === undefined ? of.unembedding.token(answer) : of.unembedding.difference(answer, wrong);
        const runOf = (hook?: ReferenceHook) => ({
          output: referenceForward(config, weights, ids, hook).get("unembed.hook_in")!,
          within: tolerances(config, weights, ids, hook ? { hook } : {}).get("unembed.hook_in")!,
        });
        const editedAt = (pos: number) =>
          runOf((name, value) =>
            name === hook ? value.map((v, i) => (isReplaced(pos, i) ? instead[i] : v)) : value,
          );
        const before = runOf();
        const everywhere = editedAt(0);
        for (const [pos, { total }] of attributions.entries()) {
          const runs = [before, at === "all" ? everywhere : editedAt(pos)];
          let tolerance = 0;
          const [untouched, replaced] = runs.map(({ output, within }) => {
            const row = Float32Array.from(rowAt(output, pos, config.dModel));
            const logit = product(rowAt(output, pos, config.dModel), column.column);
            // the output's own error as the column reads it, then a float32 dot product, rounded once
            const error = magnitude(
              column.column,
              row.map(() => within),
            );
            tolerance += error + of.accuracy.dotError(row, column.column, column.bias);
            tolerance += 2 ** -24 * Math.abs(logit + column.bias) + 2 ** -149;
            return logit;
          });
          const want = replaced - untouched;
          all++;
          if (Math.abs(want) > 20 * tolerance) told++;
          expect(Math.abs(total[labels.indexOf(label)] - want), `${label} at ${pos}`).toBeLessThanOrEqual(
            tolerance,
          );
        }
      }),
      { numRuns: 100 },
    );
    expect(told / all).toBeGreaterThan(0.25); // of many draws, tiny and near-constant ones aside, the tolerance is a small part
  });

  test("frozen and direct are what the captured residual stream, c′ in the place of c, is read as", async () => {
    await fc.assert(
      fc.asyncProperty(asked, async (drawn) => {
        const { of, config, ids, answer, wrong, unit, model } = drawn;
        const { labels, attributions } = await ablationEffects(of, ids, optionsOf(drawn));
        const { cache } = of.runWithCache(ids, { logits: "none" });
        const weights = weightsOf(of);
        const w = Float64Array.from(directionOf(of, answer, wrong) ?? of.unembedding.token(answer).column);
        for (const [pos, { frozen, direct, total, indirect }] of attributions.entries()) {
          const at = (data: Float32Array) =>
            data.subarray((pos * data.length) / ids.length, ((pos + 1) * data.length) / ids.length);
          const read = (hook: string) => at(cache.get(hook as "hook_embed").data);
          const attribution = (reading: typeof read) =>
            referenceAttribution({
              ...{ config, unit, read: reading, weights, answer, wrong, direction: w },
              betaRow: of === model,
            });
          const before = attribution(read);
          const x = [...read(of.finalNorm.inputHook)];
          for (const [k, label] of labels.entries()) {
            const { hook, own } = place(config, label);
            const other = at(replacementOf(drawn, hook));
            const after = attribution((name) =>
              name === hook ? read(name).map((value, i) => (own(i) ? other[i] : value)) : read(name),
            );
            const row = after.rows[k] - before.rows[k];
            const limit = 2 ** -44 * (before.magnitudes[k] + after.magnitudes[k]);
            expect(Math.abs(frozen[k] - row), label).toBeLessThanOrEqual(limit);

            const moved = x.map((value, i) => value - before.writes[k][i] + after.writes[k][i]);
            const sizes = x.map((value, i) =>
              [value, before.writes[k][i], after.writes[k][i]].reduce((sum, v) => sum + Math.abs(v), 0),
            );
            const [from, to] = [x, moved].map((stream) => referenceLogit(stream, of.finalNorm, w, sizes));
            const error = Math.abs(direct[k] - (to.logit - from.logit));
            expect(error, label).toBeLessThanOrEqual(from.error + to.error);
            expect(indirect[k]).toBe(total[k] - direct[k]);
          }
        }
      }),
      { numRuns: 80 },
    );
  });
});

describe("zero ablation of heads on folded weights", () => {
  test("is that of the weights as trained where the value biases are kept, in float64; and another where they are folded", async () => {
    let [all, folded] = [0, 0];
    await fc.assert(
      fc.asyncProperty(asked, async ({ model, config, weights, ids, answer, wrong = 0, which }) => {
        const raw = asTrained(weights);
        const reference = (hook?: ReferenceHook) =>
          referenceForward(config, raw, ids, hook).get("unembed.hook_out")!;
        const kept = model.enableCompatibilityMode({ foldValueBiases: false });
        const options = { unit: "head", answer, wrong, pos: "all" } as const;
        const { labels, attributions } = await ablationEffects(kept, ids, options);
        const usual = await ablationEffects(model.enableCompatibilityMode(), ids, options);
        const k = which % labels.length;
        const { hook, own } = place(config, labels[k]);
        const silence: ReferenceHook = (name, value) =>
          name === hook ? value.map((v, i) => (own(i) ? 0 : v)) : value;
        const folding = foldReference(config, raw, { foldValueBiases: false });
        const within = (hook?: ReferenceHook) =>
          tolerances(config, folding, ids, { weightRoundings: 1, ...(hook && { hook }) }).get(
            "unembed.hook_out",
          )!;
        const bound = 2 * (within() + within(silence)); // of two logits each
        const [before, after] = [reference(), reference(silence)];
        const difference = (logits: Numbers, pos: number) =>
          logits[pos * config.dVocab + answer] - logits[pos * config.dVocab + wrong];
        for (const [pos, { total }] of attributions.entries()) {
          const want = difference(after, pos) - difference(before, pos);
          expect(Math.abs(total[k] - want), `${labels[k]} at ${pos}`).toBeLessThanOrEqual(bound);
          all++;
          if (Math.abs(usual.attributions[pos].total[k] - want) > bound) folded++;
        }
      }),
      { seed: 5, numRuns: 60 },
    );
    expect(folded / all).toBeGreaterThan(0.25); // with folded biases most are not, so the bound tells the two apart
  });

  test("on the embedded model the three agree or not, as docs/circuit.md says", async () => {
    const model = await demoModel();
    const prompt = "When Mary and John went to the store, John gave a drink to";
    const totals = async (of: Gpt2) => {
      const options = { answer: " Mary", wrong: " John", unit: "head", allowRawWeights: true } as const;
      return (await ablationEffects(of, prompt, options)).attributions[0].total;
    };
    const raw = await totals(model);
    const off = async (of: Gpt2) =>
      Math.max(...(await totals(of)).map((value, k) => Math.abs(value - raw[k])));
    expect(await off(model.enableCompatibilityMode({ foldValueBiases: false }))).toBeLessThan(1e-4);
    expect(await off(model.enableCompatibilityMode())).toBeGreaterThan(0.1);
  });

  test("with the value biases kept, rows of every unit add up, and each head's is with its own", () => {
    fc.assert(
      fc.property(gpt2AndPrompt, ({ model, config, ids }) => {
        const kept = model.enableCompatibilityMode({ foldValueBiases: false });
        for (const unit of ["component", "layer", "head", "neuron", "full", "source", "path"] as const) {
          const result = directLogitAttribution(kept, ids, { answer: 1, wrong: 0, unit, pos: "all" });
          expect(result.model.valueBiases).toBe("kept"); // and every check holds, or it were an error
        }
        const { cache } = kept.runWithCache(ids, { logits: "none" });
        const weights = weightsOf(kept);
        const w = Float64Array.from(directionOf(kept, 1, 0)!);
        const { attributions } = directLogitAttribution(kept, ids, {
          answer: 1,
          wrong: 0,
          unit: "head",
          pos: "all",
        });
        for (const [pos, { scores }] of attributions.entries()) {
          const read = (hook: string) => {
            const { data } = cache.get(hook as "hook_embed");
            return data.subarray((pos * data.length) / ids.length, ((pos + 1) * data.length) / ids.length);
          };
          const want = referenceAttribution({
            ...{ config, unit: "head", read, weights, answer: 1, wrong: 0, direction: w, betaRow: false },
          });
          for (const [k, row] of want.rows.entries())
            expect(Math.abs(scores.data[k] - row)).toBeLessThanOrEqual(2 ** -44 * want.magnitudes[k]);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("what must be so", () => {
  test("for zero, frozen is −row and direct leaveOneOut, to the bit; labels are the rows' but what is left", async () => {
    await fc.assert(
      fc.asyncProperty(asked, async (drawn) => {
        const { of, ids, unit } = drawn;
        const { replace, at, ...options } = optionsOf(drawn);
        const result = await ablationEffects(of, ids, { ...options, at, replace: "zero" });
        const rows = directLogitAttribution(of, ids, { ...options, leaveOneOut: true });
        expect(result.labels).toEqual(rows.labels.filter((label) => !["remainder", "beta"].includes(label)));
        expect(result.unit).toBe(unit);
        for (const [i, { direct, frozen, check }] of result.attributions.entries()) {
          const { scores, leaveOneOut, check: same } = rows.attributions[i];
          expect(check).toEqual(same);
          for (const k of result.labels.keys()) {
            expect(frozen[k]).toBe(0 - scores.data[k]);
            expect(direct[k]).toBe(leaveOneOut!.data[k]);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  test("replaced by itself, nothing has an effect, to the bit", async () => {
    await fc.assert(
      fc.asyncProperty(asked, async (drawn) => {
        const { of, ids } = drawn;
        for (const replace of [{ from: ids }, { mean: [ids] }, { mean: [ids, ids] }]) {
          for (const one of (await ablationEffects(of, ids, { ...optionsOf(drawn), replace })).attributions) {
            for (const effects of [one.total, one.direct, one.indirect, one.frozen])
              expect([...effects]).toEqual([...effects].map(() => 0));
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  test("nothing comes after the last MLP: total is direct but for float32's rounding", async () => {
    await fc.assert(
      fc.asyncProperty(asked, async (drawn) => {
        const { of, ids, config } = drawn;
        const options = { ...optionsOf(drawn), unit: "component" } as const;
        const { attributions, labels } = await ablationEffects(of, ids, options);
        const { hook } = place(config, labels.at(-1)!);
        const instead = replacementOf(drawn, hook);
        const { cache } = of.runWithCache(ids, {
          logits: "none",
          hooks: [[hook as "hook_embed", ({ shape }) => ({ shape, data: instead.slice() })]],
        });
        const { replace, at, ...rest } = options;
        const plain = directLogitAttribution(of, ids, rest).attributions;
        const without = directLogitAttribution(of, undefined, { ...rest, cache }).attributions;
        const { answer, wrong } = drawn;
        const w = Float64Array.from(directionOf(of, answer, wrong) ?? of.unembedding.token(answer).column);
        const read = (from: typeof cache, name: string, pos: number) => {
          const { data } = from.get(name as "hook_embed");
          return [...data.subarray((pos * data.length) / ids.length, ((pos + 1) * data.length) / ids.length)];
        };
        const { cache: before } = of.runWithCache(ids, { logits: "none" });
        for (const [pos, { indirect, total }] of attributions.entries()) {
          const { finalNorm } = of;
          let bound = 2 ** -50 * Math.abs(total.at(-1)!);
          for (const [of, { check }] of [
            [before, plain[pos]],
            [cache, without[pos]],
          ] as const) {
            const x = read(of, finalNorm.inputHook, pos);
            const [scale] = read(of, finalNorm.scaleHook, pos);
            // x is a float32 sum, as x − c + c′ is not; the scale of the check is float32's
            const sizes = x.map((value, i) => 2 ** 29 * (Math.abs(value) + Math.abs(read(of, hook, pos)[i])));
            const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
            const exact = Math.sqrt(
              x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length + finalNorm.eps,
            );
            const { logit, error } = referenceLogit(x, finalNorm, w, sizes);
            bound +=
              check.bound + error + (Math.abs(logit) + Math.abs(check.bias)) * Math.abs(exact / scale - 1);
          }
          expect(Math.abs(indirect.at(-1)!), `position ${pos}`).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("what is at earlier positions counts for what reads it alone: not in the last block, nor in a prompt of one token", async () => {
    await fc.assert(
      fc.asyncProperty(asked, async (drawn) => {
        const { of, config, ids } = drawn;
        const run = (at: "all" | "attributed") => ablationEffects(of, ids, { ...optionsOf(drawn), at });
        const [all, attributed] = [await run("all"), await run("attributed")];
        const last = config.nLayers - 1;
        for (const [pos, one] of attributed.attributions.entries()) {
          for (const [k, label] of attributed.labels.entries()) {
            if (pos > 0 && !label.startsWith(`L${last}H`) && !label.startsWith(`${last}_`)) continue;
            expect(one.total[k], `${label} at ${pos}`).toBe(all.attributions[pos].total[k]);
          }
          expect(one.direct).toEqual(all.attributions[pos].direct);
          expect(one.frozen).toEqual(all.attributions[pos].frozen);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("prompts have the effects of each alone, whatever their lengths; one run a label and length, and memory of one", async () => {
    const model = tinyModel().enableCompatibilityMode();
    const prompts = [ids, [2, 7], ids.toReversed(), [5]];
    let runs = 0;
    const counted: Ablatable = Object.create(model, {
      runWithCache: {
        value: (...args: Parameters<Gpt2["runWithCache"]>) => {
          runs++;
          return model.runWithCache(...args);
        },
      },
    });
    for (const unit of ["component", "head"] as const) {
      for (const replace of [
        "zero",
        {
          mean: [
            [1, 2, 3, 4, 5, 6],
            [6, 5, 4, 3, 2],
          ],
        },
      ] as const) {
        runs = 0;
        const options = { answer: 1, wrong: 2, unit, replace } as const;
        const { attributions, labels } = await ablationEffects(counted, prompts, options);
        expect(runs).toBe((labels.length + 1) * 3 + (replace === "zero" ? 0 : 1));
        for (const [i, prompt] of prompts.entries()) {
          const [alone] = (await ablationEffects(model, prompt, options)).attributions;
          expect(attributions[i]).toEqual({ ...alone, prompt: i });
        }
        const places = { ...options, at: "attributed", pos: "all" } as const;
        const together = (await ablationEffects(model, prompts, places)).attributions;
        const alone = await Promise.all(prompts.map((prompt) => ablationEffects(model, prompt, places)));
        expect(together).toEqual(
          alone.flatMap(({ attributions }, i) => attributions.map((one) => ({ ...one, prompt: i }))),
        );
      }
    }
  });

  test("a direction is read as tokens are", async () => {
    const model = tinyModel().enableCompatibilityMode();
    const direction = Float64Array.from(model.unembedding.difference(1, 2).column);
    const [byTokens] = (await ablationEffects(model, ids, { answer: 1, wrong: 2 })).attributions;
    const [byDirection] = (await ablationEffects(model, ids, { direction })).attributions;
    expect(byDirection.direct).toEqual(byTokens.direct);
    expect(byDirection.frozen).toEqual(byTokens.frozen);
    for (const [k, total] of byDirection.total.entries()) expect(total).toBeCloseTo(byTokens.total[k], 5);
  });
});

describe("errors, before anything runs", () => {
  const model = tinyModel().enableCompatibilityMode();
  const idle: Ablatable = Object.create(model, {
    runWithCache: {
      value: () => {
        throw new Error("ran");
      },
    },
  });

  test.each<[unknown, string]>([
    ["average", '"zero", { mean: prompts } or { from: prompt }. Give one of them.'],
    [undefined, ""],
    [null, "ablationEffects: replace: got null"],
    [{}, "ablationEffects: replace: got "],
    [{ mean: [[1, 2, 3, 4, 5]], from: [1] }, "ablationEffects: replace: got { mean, from }, expected"],
    [
      {
        mean: [
          [1, 2, 3, 4, 5],
          [1, 2, 3, 4],
        ],
      },
      "ablationEffects: replace.mean: got a reference prompt (1) of 4 tokens for a prompt of 5, expected at least as many, " +
        "since the mean is taken position by position. Give longer ones, or leave it out.",
    ],
    [{ mean: [] }, "ablationEffects: replace.mean: got an empty list"],
    [
      { from: [1, 2, 3, 4, 5, 6] },
      "ablationEffects: replace.from: got a prompt of 6 tokens for prompt 0 of 5, expected as many, since activations are " +
        "replaced position by position. Give one of that length.",
    ],
    [
      {
        from: [
          [1, 2, 3, 4, 5],
          [5, 4, 3, 2, 1],
        ],
      },
      "ablationEffects: replace.from: got 2 prompts, expected one. Ablate by each on its own, or give mean.",
    ],
    [{ from: [1, 2, 3, 4, 99] }, "replace.from: prompt: position 4: got token id 99"],
  ])("replace %j", async (replace, message) => {
    const run = () => ablationEffects(idle, ids, { answer: 1, replace: replace as "zero" });
    if (replace === undefined) return expect(run()).rejects.toThrow("ran");
    await expect(run()).rejects.toThrow(ValueError);
    await expect(run()).rejects.toThrow(message);
  });

  test("the unit, the answer and the model", async () => {
    const run = (options: object, of: Ablatable = idle) => ablationEffects(of, ids, options);
    await expect(run({ answer: 1, unit: "layer" })).rejects.toThrow(
      'ablationEffects: got unit "layer", expected "component" or "head", whose activations can be replaced.',
    );
    await expect(run({ answer: 1, at: "last" })).rejects.toThrow(
      'ablationEffects: got at: "last", expected "all" positions or the "attributed" one. Give one of them.',
    );
    await expect(run({ answer: 1, at: null })).rejects.toThrow(ValueError);
    await expect(run({ answer: 1, unit: "neuron" })).rejects.toThrow(ValueError);
    await expect(run({})).rejects.toThrow("ablationEffects: got no answer");
    await expect(run({ answer: 1 }, tinyModel())).rejects.toThrow(
      /ablationEffects: got a model with its weights as trained/,
    );
    await expect(run({ answer: 1 }, stubModel({ blocks: [{ type: "mamba", writes: [] }] }))).rejects.toThrow(
      NotImplementedError,
    );
    const headless = stubModel({ blocks: [{ type: "attn", writes: [{ name: "attn_out" }] }] });
    await expect(run({ answer: 1, unit: "head" }, headless)).rejects.toThrow(
      /no writer of this model has heads/,
    );
  });

  test("a model that runs without the hooks is told so, rather than that nothing has an effect", async () => {
    const deaf = stubModel({ blocks: [{ type: "attn", writes: [{ name: "attn_out" }] }] });
    const run = () => ablationEffects(deaf, ids, { answer: 1 });
    await expect(run()).rejects.toThrow(ValueError);
    await expect(run()).rejects.toThrow(
      'ablationEffects: embed: got a model whose runWithCache did not call the hook on "hook_embed", expected it to. ' +
        "Have the model run with the hooks that it is given.",
    );
  });
});

test("a document has what the result has, its arrays as lists", async () => {
  const model = tinyModel().enableCompatibilityMode();
  for (const replace of [
    "zero",
    {
      mean: [
        [5, 6, 7],
        [1, 2, 3],
      ],
    },
    { from: [3, 2, 1] },
  ] as const) {
    for (const at of ["all", "attributed"] as const) {
      const result = await ablationEffects(model, [1, 2, 3], { answer: 1, unit: "head", replace, at });
      const document = ablationToJSON(result);
      expect(JSON.parse(JSON.stringify(document))).toEqual(document);
      const { schemaVersion, version: of, attributions, mean, ...rest } = document;
      expect(mean).toBeNull();
      const { attributions: own, ...shared } = result;
      expect([schemaVersion, of]).toEqual([1, version]);
      expect(rest).toEqual(shared);
      expect(rest).toMatchObject({ at, ablate: replace === "zero" ? "zero" : Object.keys(replace)[0] });
      for (const [i, { total, direct, indirect, frozen, ...one }] of own.entries()) {
        const lists = { total, direct, indirect, frozen };
        const plain = Object.entries(lists).map(([name, values]) => [name, [...values]]);
        expect(attributions[i]).toEqual({ ...one, ...Object.fromEntries(plain) });
      }
    }
  }
});

test("of a model that declares another eps than it runs with, the norm computed anew is refused", async () => {
  const model = tinyModel();
  const { finalNorm } = model;
  const changed = Object.create(model, { finalNorm: { value: { ...finalNorm, eps: 2 * finalNorm.eps } } });
  const options = { answer: 1, allowRawWeights: true } as const;
  await expect(ablationEffects(model, [1, 2, 3], options)).resolves.toMatchObject({ scale: "recomputed" });
  await expect(ablationEffects(changed, [1, 2, 3], options)).rejects.toThrow(CheckError);
});

test("of a model that declares no norm to compute anew direct is frozen, and total direct and indirect together", async () => {
  const model = tinyModel();
  const { finalNorm } = model;
  const without = Object.create(model, { finalNorm: { value: { ...finalNorm, eps: Number.NaN } } });
  for (const unit of ["component", "head"] as const) {
    const options = { answer: 1, allowRawWeights: true, unit } as const;
    const [own] = (await ablationEffects(model, [1, 2, 3], options)).attributions;
    const { scale, attributions } = await ablationEffects(without, [1, 2, 3], options);
    const [{ total, direct, indirect, frozen }] = attributions;
    expect(scale).toBe("frozen");
    expect([total, frozen]).toEqual([own.total, own.frozen]);
    expect(direct).toEqual(frozen);
    expect(indirect).toEqual(total.map((value, k) => value - direct[k]));
  }
});

describe("the mean of several", () => {
  const model = tinyModel().enableCompatibilityMode();
  const prompts = [ids, [2, 7], ids.toReversed(), [5]];

  test("is each effect's own, with its standard error, in the result's document", async () => {
    for (const unit of ["component", "head"] as const) {
      const result = await ablationEffects(model, prompts, { answer: 1, wrong: 2, unit, pos: "all" });
      const n = result.attributions.length;
      const means = meanEffects(result);
      const document = ablationToJSON(result);
      for (const effect of ["total", "direct", "indirect", "frozen"] as const) {
        const { scores, standardErrors } = means[effect];
        expect(document.mean![effect]).toEqual({
          scores: [...scores.data],
          standardErrors: [...standardErrors!.data],
        });
        for (const k of result.labels.keys()) {
          const values = result.attributions.map((one) => one[effect][k]);
          const exact = values.reduce((sum, value) => sum + value, 0) / n;
          const squares = values.reduce((sum, value) => sum + (value - exact) ** 2, 0);
          const size = values.reduce((sum, value) => sum + Math.abs(value), 0);
          // n float64 additions and a division, here in the same order
          expect(Math.abs(scores.data[k] - exact)).toBeLessThanOrEqual(n * 2 ** -52 * size);
          const error = Math.sqrt(squares / (n - 1) / n);
          expect(Math.abs(standardErrors!.data[k] - error)).toBeLessThanOrEqual(1e-12 * size);
          const { total, direct, indirect } = means;
          const sum = direct.scores.data[k] + indirect.scores.data[k];
          expect(Math.abs(total.scores.data[k] - sum)).toBeLessThanOrEqual(4 * n * 2 ** -52 * size + 1e-12);
        }
      }
    }
  });

  test("of one attribution has no standard errors, and its document no mean", async () => {
    const result = await ablationEffects(model, ids, { answer: 1 });
    expect(meanEffects(result).total).toEqual({
      scores: { shape: [result.labels.length], data: result.attributions[0].total },
      standardErrors: null,
    });
    expect(ablationToJSON(result).mean).toBeNull();
  });
});

describe("long work", () => {
  const model = tinyModel().enableCompatibilityMode();
  const prompts = [ids, [2, 7], ids.toReversed()];

  test("tells how many runs are done, and has told all in the end", async () => {
    for (const at of ["all", "attributed"] as const) {
      const told: { done: number; total: number }[] = [];
      const options = {
        answer: 1,
        pos: "all",
        at,
        onProgress: (progress: (typeof told)[0]) => told.push(progress),
      } as const;
      const { labels } = await ablationEffects(model, prompts, options);
      const total = labels.length * (at === "all" ? 3 : 5 + 2 + 5);
      expect(told.every((one) => one.total === total)).toBe(true);
      expect(told.map(({ done }) => done)).toEqual(told.map(({ done }) => done).toSorted((a, b) => a - b));
      expect(told.at(-1)).toEqual({ done: total, total });
    }
  });

  test("ends with the signal's reason, before anything runs or between two runs", async () => {
    const reason = new Error("enough");
    const idle: Ablatable = Object.create(model, {
      runWithCache: {
        value: () => {
          throw new Error("ran");
        },
      },
    });
    for (const replace of ["zero", { mean: [ids] }] as const) {
      const options = { answer: 1, replace, signal: AbortSignal.abort(reason) };
      await expect(ablationEffects(idle, ids, options)).rejects.toBe(reason);
    }
    const controller = new AbortController();
    let runs = 0;
    const onProgress = () => {
      runs++;
      if (runs === 2) controller.abort(reason);
    };
    const run = ablationEffects(model, prompts, { answer: 1, signal: controller.signal, onProgress });
    await expect(run).rejects.toBe(reason);
    expect(runs).toBe(2);
  });

  test("lets the event loop go on once it has held it for 16 ms", async () => {
    const now = vi.spyOn(performance, "now");
    try {
      let clock = 0;
      now.mockImplementation(() => (clock += 17)); // each look at the clock is a frame later
      let turns = 0;
      let isDone = false;
      const count = () => {
        turns++;
        if (!isDone) setTimeout(count);
      };
      setTimeout(count);
      await ablationEffects(model, prompts, { answer: 1 });
      isDone = true;
      expect(turns).toBeGreaterThan(0);
    } finally {
      now.mockRestore();
    }
  });

  test("refuses what is no signal and no function", async () => {
    await expect(ablationEffects(model, ids, { answer: 1, signal: {} as AbortSignal })).rejects.toThrow(
      "ablationEffects: got signal an object, expected an AbortSignal. Give that of an AbortController.",
    );
    await expect(ablationEffects(model, ids, { answer: 1, onProgress: 1 as never })).rejects.toThrow(
      "ablationEffects: got onProgress 1, expected a function. Give one, or leave it out.",
    );
  });
});
