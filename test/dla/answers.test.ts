import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import {
  type AblationOptions,
  type AnswerOptions,
  type AnswerRef,
  type Attribution,
  type AttributionOptions,
  type AttributionRecord,
  ablationEffects,
  attributeAll,
  checkHolds,
  compare,
  directLogitAttribution,
  erasures,
  logitLens,
  runningSummary,
  type Unit,
} from "../../src/dla/index.ts";
import { ValueError } from "../../src/errors.ts";
import type { Gpt2 } from "../../src/model/index.ts";
import { gpt2AndPrompt, randomModel, weightsOf } from "../support/arbitraries.ts";
import { logSoftmax, type Numbers, referenceAttribution } from "../support/reference.ts";
import { tinyConfig } from "../support/tinyModel.ts";
import { wordModel } from "./wordModel.ts";

const units: readonly Unit[] = ["component", "layer", "head", "neuron", "full", "source", "path"];

/** How much each token's logit counts, and the entropies that come with it, by softmax of the forward pass's own logits. */
function expected(logits: Numbers, answer: AnswerRef, wrong: AnswerRef | undefined, target: string) {
  const weights = new Float64Array(logits.length);
  const sizes = new Float64Array(logits.length); // Σ|weight|: an answer's may cancel a wrong one's
  const entropies: { answer?: number; wrong?: number; model?: number } = {};
  const count = (ids: readonly number[], share: readonly number[], sign: number) => {
    for (const [i, id] of ids.entries()) {
      weights[id] += sign * share[i];
      sizes[id] += share[i];
    }
  };
  const nats = (logs: Numbers) => Array.from(logs).reduce((sum, log) => sum - Math.exp(log) * log, 0);
  for (const [of, sign] of [
    [answer, 1],
    [wrong, -1],
  ] as const) {
    if (of === undefined) continue;
    if (typeof of !== "object") {
      count([of as number], [1], sign);
      continue;
    }
    const { anyOf, weights: kind } = of as { anyOf: number[]; weights?: string };
    const logs = logSoftmax(
      anyOf.map((id) => logits[id]),
      anyOf.length,
    );
    if (kind === "softmax") entropies[sign > 0 ? "answer" : "wrong"] = nats(logs);
    const share = anyOf.map((_, i) => (kind === "softmax" ? Math.exp(logs[i]) : 1 / anyOf.length));
    count(anyOf, share, sign);
  }
  if (target === "logProbability") {
    const logs = logSoftmax(logits, logits.length);
    entropies.model = nats(logs);
    logs.forEach((log, id) => {
      weights[id] -= Math.exp(log);
      sizes[id] += Math.exp(log);
    });
  }
  return { weights, sizes, entropies };
}

/** The logits of every position as the forward pass has them. */
function logitsOf(model: Gpt2, ids: readonly number[]) {
  const { data } = model.run(ids, { logits: "all" });
  const { dVocab } = model.config;
  return (pos: number) => data.subarray(pos * dVocab, (pos + 1) * dVocab);
}

/** Rows, check and weights of one position against the float64 reference. */
function expectAttribution(
  model: Gpt2,
  ids: readonly number[],
  unit: Unit,
  attribution: Attribution,
  {
    answer,
    wrong,
    target = "logit",
  }: { answer: AnswerRef; wrong?: AnswerRef | undefined; target?: string | undefined },
) {
  const { pos, scores, check } = attribution;
  const { config } = model;
  const { dModel, dVocab } = config;
  const logits = logitsOf(model, ids)(pos);
  const { weights, sizes, entropies } = expected(logits, answer, wrong, target);
  const own = weightsOf(model);
  const along = (counts: Float64Array, of: (value: number) => number) =>
    Float64Array.from({ length: dModel }, (_, i) =>
      counts.reduce((sum, count, v) => sum + count * of(own.W_U[v * dModel + i]), 0),
    );
  const asItIs = (value: number) => value;
  const [w, size] = [along(weights, asItIs), along(sizes, Math.abs)];
  const { cache } = model.runWithCache(ids, { logits: "none" });
  const readAll = (hook: string) => cache.get(hook).data;
  const read = (hook: string) => {
    const data = readAll(hook);
    return data.subarray((pos * data.length) / ids.length, ((pos + 1) * data.length) / ids.length);
  };
  const input = {
    config,
    unit,
    read,
    readAll,
    pos,
    weights: own,
    answer: 0,
    betaRow: !model.compatibilityMode,
  };
  const { rows } = referenceAttribution({ ...input, direction: w });
  const { magnitudes } = referenceAttribution({ ...input, direction: size });
  expect(scores.data).toHaveLength(rows.length);
  for (const [row, want] of rows.entries())
    expect(Math.abs(scores.data[row] - want), `row ${row}`).toBeLessThanOrEqual(
      1e-11 * magnitudes[row] + 1e-300,
    );

  // what the rows sum to is the forward pass's own logits, so weighted, less the b_U term
  const sumOf = (counts: Float64Array, of: (v: number) => number) =>
    counts.reduce((sum, count, v) => sum + count * of(v), 0);
  const logit = sumOf(weights, (v) => logits[v]);
  const slack = 1e-12 * (1 + sumOf(sizes, (v) => Math.abs(logits[v])));
  expect(Math.abs(check.logit - logit)).toBeLessThanOrEqual(slack);
  const { b_U, lnFinal_b } = own;
  const beta = unit === "layer" ? sumOf(w, (i) => lnFinal_b[i]) : 0;
  const biases = sumOf(sizes, (v) => Math.abs(b_U[v])) + sumOf(size, (i) => Math.abs(lnFinal_b[i]));
  expect(Math.abs(check.bias - sumOf(weights, (v) => b_U[v]) - beta)).toBeLessThanOrEqual(
    1e-12 * (1 + biases),
  );
  expect(checkHolds(check)).toBe(true);
  const sum = unit === "layer" ? scores.data.at(-1)! : scores.data.reduce((total, row) => total + row, 0);
  expect(Math.abs(sum + check.bias - logit)).toBeLessThanOrEqual(check.bound + check.roundingBound + slack);

  // and with the entropies, none negative, the log-probability, or log-sum-exp, itself
  expect(Object.keys(check.entropy ?? {}).sort()).toEqual(Object.keys(entropies).sort());
  expect("value" in check).toBe("entropy" in check);
  for (const [kind, entropy] of Object.entries(entropies)) {
    const own = check.entropy![kind as keyof typeof entropies]!;
    expect(own).toBeGreaterThanOrEqual(0);
    expect(Math.abs(own - entropy), kind).toBeLessThanOrEqual(1e-12 * (1 + entropy));
  }
  const logs = logSoftmax(logits, dVocab);
  const logSumExp = (of: AnswerRef | undefined) => {
    if (of === undefined) return 0;
    if (typeof of !== "object") return logits[of as number];
    const { anyOf, weights: kind } = of as { anyOf: number[]; weights?: string };
    const each = anyOf.map((id) => logits[id]);
    if (kind !== "softmax") return each.reduce((sum, logit) => sum + logit / each.length, 0);
    return each[0] - logSoftmax(each, each.length)[0];
  };
  const log =
    target === "logProbability"
      ? logSumExp(answer) - (logits[0] - logs[0])
      : logSumExp(answer) - logSumExp(wrong);
  expect(Math.abs((check.value ?? check.logit) - log)).toBeLessThanOrEqual(slack);
  if (check.value !== undefined) {
    const nats = { answer: 0, wrong: 0, model: 0, ...check.entropy };
    expect(check.value).toBe(check.logit + nats.answer - nats.wrong - nats.model);
  }
}

describe("sets and log-probabilities against float64, of random GPT-2s", () => {
  const asked = gpt2AndPrompt.chain((drawn) => {
    const token = fc.nat(drawn.config.dVocab - 1);
    const anyOf = fc.uniqueArray(token, { minLength: 1, maxLength: 5 });
    const set = fc.record({ anyOf, weights: fc.constantFrom("mean" as const, "softmax" as const) });
    const answer: fc.Arbitrary<AnswerRef> = fc.oneof(token, set);
    return fc
      .record({
        folded: fc.boolean(),
        unit: fc.constantFrom(...units),
        answer,
        more: fc.oneof(
          fc.record({ wrong: fc.option(answer, { nil: undefined }) }),
          fc.constant({ target: "logProbability" as const }),
        ),
      })
      .map((options) => ({ ...drawn, ...options }));
  });

  test("rows, bias, logit and entropy, by every unit, raw and folded", () => {
    fc.assert(
      fc.property(asked, ({ model: raw, ids, folded, unit, answer, more }) => {
        const isPlain = typeof answer !== "object" && typeof (more as AnswerOptions).wrong !== "object";
        fc.pre(!isPlain || "target" in more); // tokens alone are other tests'
        const model = folded ? raw.enableCompatibilityMode() : raw;
        const options: AnswerOptions = { answer, ...more };
        const result = directLogitAttribution(model, ids, {
          ...options,
          unit,
          pos: "all",
          allowRawWeights: true,
        });
        expect(result.attributions).toHaveLength(ids.length);
        expect(result.target).toBe(options.target);
        for (const one of result.attributions) expectAttribution(model, ids, unit, one, { answer, ...more });
      }),
      { numRuns: 150 },
    );
  });
});

const model = randomModel({ ...tinyConfig, nCtx: 12 }, 11).model.enableCompatibilityMode();
const ids = [3, 1, 4, 1, 5];

describe("answers of several tokens", () => {
  test.each(units)(
    "each at its own position of the prompt with those before appended, and their sum: %s",
    (unit) => {
      const [answer, wrong] = [
        [2, 7, 1],
        [8, 2, 8],
      ];
      for (const pos of [-1, 2]) {
        const at = pos < 0 ? ids.length + pos : pos;
        const forced = [...ids.slice(0, at + 1), ...answer.slice(0, -1)];
        const positions = answer.map((_, i) => at + i);
        const each = directLogitAttribution(model, forced, {
          ...{ unit, pos: positions, answer, wrong, leaveOneOut: unit === "component", probability: true },
        });
        const { attributions, labels } = directLogitAttribution(model, ids, {
          ...{ unit, pos, leaveOneOut: unit === "component", probability: true },
          answer: { tokens: answer },
          wrong: { tokens: wrong },
        });
        expect(attributions).toHaveLength(1);
        const [{ tokens, scores, check, sources, probability, ...whole }] = attributions;
        expect(tokens).toEqual(each.attributions);
        expect(whole).toMatchObject({ prompt: 0, pos: at });
        expect(whole.answer).toEqual({ text: null, tokens: answer.map((id) => ({ id, text: null })) });
        expect(whole.wrong).toEqual({ text: null, tokens: wrong.map((id) => ({ id, text: null })) });
        expect(sources).toEqual(each.attributions.at(-1)!.sources);

        const total = (of: (one: Attribution) => number) =>
          each.attributions.reduce((sum, one) => sum + of(one), 0);
        for (const key of ["sum", "bias", "logit", "rounding", "error", "bound", "roundingBound"] as const)
          expect(check[key]).toBe(total((one) => one.check[key]));
        expect(checkHolds(check)).toBe(true);
        expect(probability).toBeCloseTo(
          each.attributions.reduce((product, one) => product * one.probability!, 1),
          12,
        );

        // score by score: a source that only later tokens have is of these alone
        const [, columns = 1, depth = 1] = scores.shape;
        expect(scores.shape[0]).toBe(labels.length);
        for (const index of scores.data.keys()) {
          const [row, column, k] = [
            Math.floor(index / (columns * depth)),
            Math.floor(index / depth) % columns,
            index % depth,
          ];
          const want = total((one) => {
            const [, own = 1] = one.scores.shape;
            const from = column === columns - 1 ? own - 1 : column;
            if (column !== columns - 1 && column >= own - 1) return 0;
            return one.scores.data[(row * own + from) * depth + k];
          });
          expect(scores.data[index]).toBeCloseTo(want, 12);
        }
      }
    },
  );

  test("a text, with its spaces; of a list, some; and the log-probability of the whole", () => {
    const words = wordModel().enableCompatibilityMode();
    const prompt = "When Mary and John went to the";
    const [mary, john] = [" Mary", " John"].map((token) => words.toSingleToken(token));
    const logProbability = { target: "logProbability", probability: true } as const;
    const { attributions } = directLogitAttribution(words, prompt, {
      answer: { text: " Mary John" },
      ...logProbability,
    });
    const [{ answer, check, probability, tokens, rank }] = attributions;
    expect(answer).toEqual({
      text: " Mary John",
      tokens: [mary, john].map((id, i) => ({ id, text: [" Mary", " John"][i] })),
    });
    expect(check.value).toBeCloseTo(Math.log(probability!), 9);
    expect(check.logit - check.entropy!.model!).toBeCloseTo(check.value!, 12);
    expect(rank).toBeUndefined();
    expect(tokens!.map(({ rank }) => rank)).toEqual([expect.any(Number), expect.any(Number)]);

    const mixed = directLogitAttribution(words, [prompt, prompt], {
      answer: [" Mary", { text: " Mary John" }],
      pos: [-1, -2],
    });
    expect(mixed.attributions.map(({ prompt, pos, tokens }) => [prompt, pos, tokens?.length])).toEqual([
      [0, 7, undefined],
      [0, 6, undefined],
      [1, 7, 2],
      [1, 6, 2],
    ]);
  });

  test("prompts whose runs are of one length, but read at other positions, have what each has alone", () => {
    const prompts = [ids, ids.slice(0, 4), [...ids, 2]];
    const answer = [{ tokens: [1, 2] }, { tokens: [3, 4, 5] }, 6];
    const { attributions } = directLogitAttribution(model, prompts, { answer });
    expect(attributions.map(({ tokens }) => tokens?.length)).toEqual([2, 3, undefined]);
    for (const [prompt, one] of attributions.entries()) {
      const [alone] = directLogitAttribution(model, prompts[prompt], {
        answer: [answer[prompt]],
      }).attributions;
      const tokens = alone.tokens && { tokens: alone.tokens.map((token) => ({ ...token, prompt })) };
      expect(one).toEqual({ ...alone, prompt, ...tokens });
    }
  });

  test("a text of one token is that token, beside a plain wrong one", () => {
    const plain = directLogitAttribution(model, ids, { answer: 3, wrong: 4 }).attributions[0];
    for (const answer of [{ tokens: [3] }, 3]) {
      for (const wrong of [{ tokens: [4] }, 4]) {
        if (answer === 3 && wrong === 4) continue;
        const [one] = directLogitAttribution(model, ids, { answer, wrong }).attributions;
        expect(one.tokens).toEqual([plain]);
        expect(one.scores).toEqual(plain.scores);
      }
    }
  });

  test("records, summaries and comparisons take them as they do one token", async () => {
    const records: AttributionRecord[] = [
      { input: ids, answer: { tokens: [1, 2] } },
      { input: ids, answer: { tokens: [1, 2] } },
      { input: [1, 2], answer: { anyOf: [1, 2] } },
      { input: ids },
    ];
    const summary = runningSummary();
    let index = 0;
    for await (const { result } of attributeAll(model, records, { answer: 3 })) {
      const { input, answer = 3 } = records[index++];
      expect(result).toEqual(directLogitAttribution(model, input, { answer: [answer as AnswerRef] }));
      summary.add(result);
    }
    expect(summary.count).toBe(4);
    const logProbability = directLogitAttribution(model, ids, { answer: 1, target: "logProbability" });
    expect(() => summary.add(logProbability)).toThrow(/rows of a logProbability, expected those of a logit/);
    const other = runningSummary();
    other.add(logProbability);
    expect(() => summary.merge(other.toJSON())).toThrow(/rows of a logProbability/);
    expect(other.toJSON().target).toBe("logProbability");
    const [a, b] = [ids, [2, 6, 5, 3]].map((input) =>
      directLogitAttribution(model, input, { answer: { tokens: [1, 2] } }),
    );
    const [{ check }] = compare(a, b).attributions;
    expect(check.logit).toBe(a.attributions[0].check.logit - b.attributions[0].check.logit);
    expect(() => compare(a, directLogitAttribution(model, ids, { answer: 1 }))).toThrow(
      /target: got .*2 tokens/,
    );
    expect(() =>
      compare(
        a,
        directLogitAttribution(model, ids, { answer: { tokens: [1, 2] }, target: "logProbability" }),
      ),
    ).toThrow(ValueError);
  });
});

describe("the answer's probability and rank", () => {
  test("are softmax of the model's own logits, at every position, of a token, a set and several tokens", () => {
    const logits = logitsOf(model, ids);
    const options = { pos: "all", probability: true } as const;
    for (const target of ["logit", "logProbability"] as const) {
      for (const { pos, probability, rank } of directLogitAttribution(model, ids, {
        answer: 4,
        target,
        ...options,
      }).attributions) {
        const logs = logSoftmax(logits(pos), model.config.dVocab);
        expect(probability).toBeCloseTo(Math.exp(logs[4]), 13);
        expect(rank).toBe(logs.filter((log) => log > logs[4]).length);
      }
    }
    for (const one of directLogitAttribution(model, ids, { answer: { anyOf: [4, 2] }, wrong: 1, ...options })
      .attributions) {
      const logs = logSoftmax(logits(one.pos), model.config.dVocab);
      expect(one.probability).toBeCloseTo(Math.exp(logs[4]) + Math.exp(logs[2]), 13);
      expect(one).not.toHaveProperty("rank");
    }
    const { cache } = model.runWithCache(ids, { logits: "all" });
    const given = directLogitAttribution(model, undefined, { answer: 4, cache, ...options });
    const run = directLogitAttribution(model, ids, { answer: 4, ...options });
    expect(given.attributions.map(({ probability }) => probability)).toEqual(
      run.attributions.map(({ probability }) => probability),
    );
    expect(directLogitAttribution(model, ids, { answer: 4 }).attributions[0]).not.toHaveProperty(
      "probability",
    );
  });
});

test("entropy of softmax weights is there with the probability as without, also where it is 0", () => {
  for (const anyOf of [[3], [3, 4]]) {
    const answer = { anyOf, weights: "softmax" } as const;
    const [one] = directLogitAttribution(model, ids, { answer }).attributions;
    const [other] = directLogitAttribution(model, ids, { answer, probability: true }).attributions;
    expect(one.check.entropy).toEqual({ answer: expect.any(Number) });
    expect(other.check).toEqual(one.check);
  }
});

describe("other questions", () => {
  test("ablation holds a set's weights: what replacing nothing changes is nothing", async () => {
    const answer = { anyOf: [4, 2, 9], weights: "softmax" } as const;
    const effects = async (options: AblationOptions) =>
      (await ablationEffects(model, ids, options)).attributions[0];
    const { total, direct } = await effects({ answer, replace: { from: ids } });
    for (const value of [...total, ...direct]) expect(Math.abs(value)).toBeLessThan(1e-12);
    const zero = await effects({ answer: { anyOf: [4, 2] } });
    const each = [(await effects({ answer: 4 })).total, (await effects({ answer: 2 })).total];
    for (const [k, value] of zero.total.entries())
      expect(value).toBeCloseTo((each[0][k] + each[1][k]) / 2, 5);
  });

  test("refuse what they cannot answer", async () => {
    const several = { answer: { tokens: [1, 2] } };
    await expect(ablationEffects(model, ids, several)).rejects.toThrow(
      /^ablationEffects: got \{ text \} or \{ tokens \}/,
    );
    expect(() => erasures(model, ids, several)).toThrow(/^erasures: got \{ text \} or \{ tokens \}/);
    expect(() => logitLens(model, ids, several)).toThrow(
      /^logitLens: answer: got \{ text \} or \{ tokens \}, expected a token/,
    );
    const held = { answer: 1, target: "logProbability" } as object;
    expect(() => erasures(model, ids, held)).toThrow(/^erasures: got option "target", expected answer, /);
    expect(() => logitLens(model, ids, { answer: 1, wrong: { anyOf: [2, 3] } })).toThrow(/wrong: got a set/);
    await expect(ablationEffects(model, ids, held)).rejects.toThrow(
      /^ablationEffects: got option "target", expected answer, /,
    );
  });
});

describe("ValueError, before anything runs", () => {
  const cache = model.runWithCache(ids).cache;
  const tokens = { tokens: [1, 2] };
  test.each<[string, AttributionOptions, RegExp]>([
    [
      "an answer that is no form",
      { answer: { token: 1 } as never },
      /answer: got an object, expected a token, \{ text \}/,
    ],
    ["two forms", { answer: { text: "a", anyOf: [1] } as never }, /expected a token/],
    ["weights alone", { answer: { weights: "mean" } as never }, /expected a token/],
    ["null", { answer: null as never }, /answer: got token id null/],
    ["an empty set", { answer: { anyOf: [] } }, /answer: anyOf: got none/],
    ["a set that is no list", { answer: { anyOf: 3 as never } }, /anyOf: got 3/],
    ["a set with a hole", { answer: { anyOf: new Array(1) } }, /anyOf: 0: got token id nothing/],
    ["tokens with a hole", { answer: { tokens: new Array(2) } }, /tokens: 0: got token id nothing/],
    ["a token twice", { answer: { anyOf: [1, 2, 1] } }, /token 1 twice/],
    ["an unknown token of a set", { answer: { anyOf: [1, -2] } }, /anyOf: 1: got token id -2/],
    ["other weights", { answer: { anyOf: [1], weights: "max" as never } }, /weights "max"/],
    ["no tokens", { answer: { tokens: [] } }, /tokens: got none/],
    ["an empty text", { answer: { text: "" } }, /got text ""/],
    ["a text without a tokenizer", { answer: { text: "a" } }, /without tokenizer files/],
    [
      "several and one",
      { answer: tokens, wrong: 1 },
      /prompt 0: got an answer of 2 tokens and a wrong one of 1 token/,
    ],
    [
      "one and several",
      { answer: { anyOf: [1] }, wrong: tokens },
      /an answer of a set and a wrong one of 2 tokens/,
    ],
    ["more and fewer", { answer: tokens, wrong: { tokens: [1] } }, /of 2 tokens and a wrong one of 1 token/],
    [
      "more than the context",
      { answer: { tokens: Array(9).fill(1) } },
      /13 tokens with the 9 of the answer but the last, expected at most 12/,
    ],
    ["several and a cache", { answer: tokens, cache }, /several tokens and a cache/],
    ["another target", { answer: 1, target: "loss" as never }, /target "loss"/],
    [
      "a log-probability and a wrong answer",
      { answer: 1, wrong: 2, target: "logProbability" },
      /and a wrong answer/,
    ],
    [
      "of a direction",
      { direction: new Float64Array(model.config.dModel), target: "logProbability" },
      /and a direction/,
    ],
    [
      "a direction's probability",
      { direction: new Float64Array(model.config.dModel), probability: true },
      /probability and a direction/,
    ],
    [
      "left out of a log-probability",
      { answer: 1, target: "logProbability", leaveOneOut: true },
      /leaveOneOut and target/,
    ],
    [
      "left out of softmax weights",
      { answer: { anyOf: [1], weights: "softmax" }, leaveOneOut: true },
      /leaveOneOut and softmax/,
    ],
  ])("%s", (_, options, message) => {
    const run = vi.spyOn(model, "runWithCache");
    const go = () => directLogitAttribution(model, ids, options);
    expect(go).toThrow(ValueError);
    expect(go).toThrow(message);
    expect(go).toThrow(/^directLogitAttribution: /);
    expect(run).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });
});
