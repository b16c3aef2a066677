import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Ablatable,
  type AblationOptions,
  ablationEffects,
  ablationToJSON,
  directLogitAttribution,
} from "../../src/dla/index.ts";
import { CheckError, NotImplementedError, ValueError } from "../../src/errors.ts";
import type { Gpt2, Gpt2Config } from "../../src/model/index.ts";
import { version } from "../../src/version.ts";
import { directionOf, gpt2AndPrompt, type RandomModel, weightsOf } from "../support/arbitraries.ts";
import { tolerances } from "../support/noise.ts";
import {
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
  test("total is the change that the reference's forward pass makes, the activation replaced at every position, or at the one read", () => {
    let [told, all] = [0, 0];
    fc.assert(
      fc.property(asked, (drawn) => {
        const { of, config, ids, answer, wrong, which, at } = drawn;
        const { labels, attributions } = ablationEffects(of, ids, optionsOf(drawn));
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

  test("direct and directExact are what the captured residual stream, c′ in the place of c, is read as", () => {
    fc.assert(
      fc.property(asked, (drawn) => {
        const { of, config, ids, answer, wrong, unit, model } = drawn;
        const { labels, attributions } = ablationEffects(of, ids, optionsOf(drawn));
        const { cache } = of.runWithCache(ids, { logits: "none" });
        const weights = weightsOf(of);
        const w = Float64Array.from(directionOf(of, answer, wrong) ?? of.unembedding.token(answer).column);
        for (const [pos, { direct, directExact, total, indirect }] of attributions.entries()) {
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
            const frozen = after.rows[k] - before.rows[k];
            const limit = 2 ** -44 * (before.magnitudes[k] + after.magnitudes[k]);
            expect(Math.abs(direct[k] - frozen), label).toBeLessThanOrEqual(limit);

            const moved = x.map((value, i) => value - before.writes[k][i] + after.writes[k][i]);
            const sizes = x.map((value, i) =>
              [value, before.writes[k][i], after.writes[k][i]].reduce((sum, v) => sum + Math.abs(v), 0),
            );
            const [from, to] = [x, moved].map((stream) => referenceLogit(stream, of.finalNorm, w, sizes));
            const error = Math.abs(directExact[k] - (to.logit - from.logit));
            expect(error, label).toBeLessThanOrEqual(from.error + to.error);
            expect(indirect[k]).toBe(total[k] - directExact[k]);
          }
        }
      }),
      { numRuns: 80 },
    );
  });
});

describe("what must be so", () => {
  test("for zero, direct is −row and directExact −leaveOneOut, to the bit; labels are the rows' but what is left", () => {
    fc.assert(
      fc.property(asked, (drawn) => {
        const { of, ids, unit } = drawn;
        const { replace, at, ...options } = optionsOf(drawn);
        const result = ablationEffects(of, ids, { ...options, at, replace: "zero" });
        const rows = directLogitAttribution(of, ids, { ...options, leaveOneOut: true });
        expect(result.labels).toEqual(rows.labels.filter((label) => !["remainder", "beta"].includes(label)));
        expect(result.unit).toBe(unit);
        for (const [i, { direct, directExact, check }] of result.attributions.entries()) {
          const { scores, leaveOneOut, check: same } = rows.attributions[i];
          expect(check).toEqual(same);
          for (const k of result.labels.keys()) {
            expect(direct[k]).toBe(0 - scores.data[k]);
            expect(directExact[k]).toBe(0 - leaveOneOut!.data[k]);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  test("replaced by itself, nothing has an effect, to the bit", () => {
    fc.assert(
      fc.property(asked, (drawn) => {
        const { of, ids } = drawn;
        for (const replace of [{ from: ids }, { mean: [ids] }, { mean: [ids, ids] }]) {
          for (const one of ablationEffects(of, ids, { ...optionsOf(drawn), replace }).attributions) {
            for (const effects of [one.total, one.direct, one.directExact, one.indirect])
              expect([...effects]).toEqual([...effects].map(() => 0));
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  test("nothing comes after the last MLP: total is directExact but for float32's rounding", () => {
    fc.assert(
      fc.property(asked, (drawn) => {
        const { of, ids, config } = drawn;
        const options = { ...optionsOf(drawn), unit: "component" } as const;
        const { attributions, labels } = ablationEffects(of, ids, options);
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

  test("what is at earlier positions counts for what reads it alone: not in the last block, nor in a prompt of one token", () => {
    fc.assert(
      fc.property(asked, (drawn) => {
        const { of, config, ids } = drawn;
        const [all, attributed] = (["all", "attributed"] as const).map((at) =>
          ablationEffects(of, ids, { ...optionsOf(drawn), at }),
        );
        const last = config.nLayers - 1;
        for (const [pos, one] of attributed.attributions.entries()) {
          for (const [k, label] of attributed.labels.entries()) {
            if (pos > 0 && !label.startsWith(`L${last}H`) && !label.startsWith(`${last}_`)) continue;
            expect(one.total[k], `${label} at ${pos}`).toBe(all.attributions[pos].total[k]);
          }
          expect(one.direct).toEqual(all.attributions[pos].direct);
          expect(one.directExact).toEqual(all.attributions[pos].directExact);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("prompts have the effects of each alone, whatever their lengths; one run a label and length, and memory of one", () => {
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
        const { attributions, labels } = ablationEffects(counted, prompts, options);
        expect(runs).toBe((labels.length + 1) * 3 + (replace === "zero" ? 0 : 1));
        for (const [i, prompt] of prompts.entries()) {
          const [alone] = ablationEffects(model, prompt, options).attributions;
          expect(attributions[i]).toEqual({ ...alone, prompt: i });
        }
        const places = { ...options, at: "attributed", pos: "all" } as const;
        const together = ablationEffects(model, prompts, places).attributions;
        expect(together).toEqual(
          prompts.flatMap((prompt, i) =>
            ablationEffects(model, prompt, places).attributions.map((one) => ({ ...one, prompt: i })),
          ),
        );
      }
    }
  });

  test("a direction is read as tokens are", () => {
    const model = tinyModel().enableCompatibilityMode();
    const direction = Float64Array.from(model.unembedding.difference(1, 2).column);
    const [byTokens] = ablationEffects(model, ids, { answer: 1, wrong: 2 }).attributions;
    const [byDirection] = ablationEffects(model, ids, { direction }).attributions;
    expect(byDirection.direct).toEqual(byTokens.direct);
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
  ])("replace %j", (replace, message) => {
    const run = () => ablationEffects(idle, ids, { answer: 1, replace: replace as "zero" });
    if (replace === undefined) return expect(run).toThrow("ran");
    expect(run).toThrow(ValueError);
    expect(run).toThrow(message);
  });

  test("the unit, the answer and the model", () => {
    const run =
      (options: object, of: Ablatable = idle) =>
      () =>
        ablationEffects(of, ids, options);
    expect(run({ answer: 1, unit: "layer" })).toThrow(
      'ablationEffects: got unit "layer", expected "component" or "head", whose activations can be replaced.',
    );
    expect(run({ answer: 1, at: "last" })).toThrow(
      'ablationEffects: got at: "last", expected "all" positions or the "attributed" one. Give one of them.',
    );
    expect(run({ answer: 1, at: null })).toThrow(ValueError);
    expect(run({ answer: 1, unit: "neuron" })).toThrow(ValueError);
    expect(run({})).toThrow("ablationEffects: got no answer");
    expect(run({ answer: 1 }, tinyModel())).toThrow(
      /ablationEffects: got a model with its weights as trained/,
    );
    expect(run({ answer: 1 }, stubModel({ blocks: [{ type: "mamba", writes: [] }] }))).toThrow(
      NotImplementedError,
    );
    const headless = stubModel({ blocks: [{ type: "attn", writes: [{ name: "attn_out" }] }] });
    expect(run({ answer: 1, unit: "head" }, headless)).toThrow(/no writer of this model has heads/);
  });

  test("a model that runs without the hooks is told so, rather than that nothing has an effect", () => {
    const deaf = stubModel({ blocks: [{ type: "attn", writes: [{ name: "attn_out" }] }] });
    const run = () => ablationEffects(deaf, ids, { answer: 1 });
    expect(run).toThrow(ValueError);
    expect(run).toThrow(
      'ablationEffects: embed: got a model whose runWithCache did not call the hook on "hook_embed", expected it to. ' +
        "Have the model run with the hooks that it is given.",
    );
  });
});

test("a document has what the result has, its arrays as lists", () => {
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
      const result = ablationEffects(model, [1, 2, 3], { answer: 1, unit: "head", replace, at });
      const document = ablationToJSON(result);
      expect(JSON.parse(JSON.stringify(document))).toEqual(document);
      const { schemaVersion, version: of, attributions, ...rest } = document;
      const { attributions: own, ...shared } = result;
      expect([schemaVersion, of]).toEqual([1, version]);
      expect(rest).toEqual(shared);
      expect(rest).toMatchObject({ at, ablate: replace === "zero" ? "zero" : Object.keys(replace)[0] });
      for (const [i, { total, direct, directExact, indirect, ...one }] of own.entries()) {
        const lists = { total, direct, directExact, indirect };
        const plain = Object.entries(lists).map(([name, values]) => [name, [...values]]);
        expect(attributions[i]).toEqual({ ...one, ...Object.fromEntries(plain) });
      }
    }
  }
});

test("of a model that declares another eps than it runs with, the norm computed anew is refused; one with none has NaN", () => {
  const model = tinyModel();
  const { finalNorm } = model;
  const declaring = (eps: number) => Object.create(model, { finalNorm: { value: { ...finalNorm, eps } } });
  const options = { answer: 1, allowRawWeights: true } as const;
  const own = ablationEffects(model, [1, 2, 3], options).attributions[0];
  expect(() => ablationEffects(declaring(2 * finalNorm.eps), [1, 2, 3], options)).toThrow(CheckError);
  const [{ total, direct, directExact }] = ablationEffects(declaring(NaN), [1, 2, 3], options).attributions;
  expect([total, direct]).toEqual([own.total, own.direct]);
  expect(directExact.every(Number.isNaN)).toBe(true);
});
