import { afterEach, describe, expect, test, vi } from "vitest";
import { type DlaResult, directLogitAttribution, dla } from "../../src/dla/index.ts";
import { NotImplementedError, ValueError } from "../../src/errors.ts";
import * as logitscope from "../../src/index.ts";
import { stubModel } from "../support/stubModel.ts";
import { wordModel } from "./wordModel.ts";

const raw = wordModel();
const model = raw.enableCompatibilityMode();

const prompts = [
  "When Mary and John went to the store, John gave a drink to",
  "When John and Mary went to the store, Mary gave a drink to",
];
const pairs = [
  [" Mary", " John"],
  [" John", " Mary"],
];
const components = ["embed", "pos_embed", ...blocks((layer) => [`${layer}_attn_out`, `${layer}_mlp_out`])];
const residuals = [...blocks((layer) => [`${layer}_pre`, `${layer}_mid`]), "final_post"];

function blocks(labels: (layer: number) => string[]): string[] {
  return Array.from({ length: model.config.nLayers }, (_, layer) => labels(layer)).flat();
}

/** The mean over the prompts of logit (difference) − b_U, from the model's own run, and what it may be off. */
function logitsLessBias(
  answerTokens: string[][],
  { checks }: DlaResult,
): { value: number; tolerance: number } {
  const differences = prompts.map((prompt, index) => {
    const ids = answerTokens[index].map((token) => model.toSingleToken(token));
    const logits = model.run(prompt, { logits: "last" }).data;
    const [correct, wrong] = ids.map((id) => logits[id] - model.unembedding.token(id).bias);
    return correct - (wrong ?? 0);
  });
  const bounds = checks.map(({ bound, roundingBound }) => bound + roundingBound);
  return { value: mean(differences), tolerance: mean(bounds) + 1e-12 };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

afterEach(() => vi.restoreAllMocks());

describe("the correct path on a small GPT-2 in compatibility mode", () => {
  test("accumulated false: the decomposition, which sums to logit difference − (b_U[correct] − b_U[wrong])", () => {
    const result = dla(model, prompts, pairs, { accumulated: false });
    expect(result.labels).toEqual(components);
    expect(result.scores).toBeInstanceOf(Float64Array);
    expect(result.scores).toHaveLength(components.length);
    const { value, tolerance } = logitsLessBias(pairs, result);
    const sum = result.scores.reduce((total, score) => total + score, 0);
    expect(Math.abs(sum - value)).toBeLessThanOrEqual(tolerance);
    expect(tolerance).toBeLessThan(1e-4);
    expect(Math.abs(value)).toBeGreaterThan(0.01);
  });

  test("accumulated true: the running residual, whose last entry is that value", () => {
    const result = dla(model, prompts, pairs, { accumulated: true });
    expect(result.labels).toEqual(residuals);
    const { value, tolerance } = logitsLessBias(pairs, result);
    expect(Math.abs(result.scores.at(-1)! - value)).toBeLessThanOrEqual(tolerance);
    // each entry is the sum of the components so far
    const parts = dla(model, prompts, pairs, { accumulated: false }).scores;
    let running = parts[0];
    for (const [k, part] of parts.slice(1).entries()) {
      running += part;
      expect(result.scores[k], residuals[k]).toBeCloseTo(running, 10);
    }
  });

  test("accumulated is false unless asked", () => {
    expect(dla(model, prompts, pairs)).toEqual(dla(model, prompts, pairs, { accumulated: false }));
    expect(dla(model, prompts, pairs, {})).toEqual(dla(model, prompts, pairs, { accumulated: false }));
  });

  test.each([false, true])("one answer column: logit − b_U; accumulated %s", (accumulated) => {
    const column = pairs.map(([correct]) => [correct]);
    const result = dla(model, prompts, column, { accumulated });
    const { value, tolerance } = logitsLessBias(column, result);
    const total = accumulated ? result.scores.at(-1)! : result.scores.reduce((sum, score) => sum + score, 0);
    expect(Math.abs(total - value)).toBeLessThanOrEqual(tolerance);
  });

  test.each([false, true])("scores are the mean of each prompt's own; accumulated %s", (accumulated) => {
    const both = dla(model, prompts, pairs, { accumulated });
    const alone = prompts.map((prompt, i) => dla(model, [prompt], [pairs[i]], { accumulated }));
    both.scores.forEach((score, row) => {
      expect(score).toBeCloseTo(mean(alone.map(({ scores }) => scores[row])), 12);
    });
    expect(both.checks).toEqual(alone.map(({ checks }) => checks[0]));
    expect(alone[0].scores).not.toEqual(alone[1].scores);
  });

  test("two equal prompts have the scores of one", () => {
    const twice = dla(model, [prompts[0], prompts[0]], [pairs[0], pairs[0]]);
    expect(twice.scores).toEqual(dla(model, [prompts[0]], [pairs[0]]).scores);
    expect(twice.checks).toHaveLength(2);
  });

  test("swapping correct and wrong negates every score", () => {
    const swapped = dla(
      model,
      prompts,
      pairs.map(([correct, wrong]) => [wrong, correct]),
    );
    dla(model, prompts, pairs).scores.forEach((score, row) => {
      expect(swapped.scores[row]).toBeCloseTo(-score, 12);
    });
  });

  test("ids, and prompts of unequal length, each at its own last position", () => {
    const ragged = ["Mary gave a drink to", prompts[0]];
    const tokens = pairs.map((pair) => pair.map((text) => model.toSingleToken(text)));
    const got = dla(
      model,
      ragged.map((text) => model.toTokens(text)),
      tokens,
    );
    const alone = ragged.map((prompt, i) => dla(model, prompt, [pairs[i]]));
    expect(got.checks).toEqual(alone.flatMap(({ checks }) => checks));
    got.scores.forEach((score, row) => {
      expect(score).toBeCloseTo(mean(alone.map(({ scores }) => scores[row])), 12);
    });
  });

  test("is the component and layer rows of directLogitAttribution at the last position", () => {
    for (const [accumulated, unit] of [
      [false, "component"],
      [true, "layer"],
    ] as const) {
      const options = { unit, pos: -1, answer: " Mary", wrong: " John" };
      const { labels, attributions } = directLogitAttribution(model, prompts[0], options);
      const tool = dla(model, [prompts[0]], [[" Mary", " John"]], { accumulated });
      expect(tool.labels).toEqual(labels);
      expect(tool.scores).toEqual(attributions[0].scores.data);
      expect(tool.checks).toEqual([attributions[0].check]);
    }
  });
});

describe("ValueError before anything runs", () => {
  const ran = () => vi.spyOn(model, "runWithCache");

  test("when compatibility mode is off", () => {
    const run = vi.spyOn(raw, "runWithCache");
    for (const accumulated of [false, true]) {
      const attribute = () => dla(raw, prompts, pairs, { accumulated });
      expect(attribute).toThrow(ValueError);
      expect(attribute).toThrow(/^dla: .*compatibility mode.*enableCompatibilityMode\(\)/);
    }
    expect(run).not.toHaveBeenCalled();
    expect(() => dla(raw.enableCompatibilityMode(), prompts, pairs)).not.toThrow();
  });

  test.each([
    [
      "fewer answers than prompts",
      prompts,
      [pairs[0]],
      /^dla: answer: got a list of 1 for 2 prompts, expected one entry per prompt\. Give as many/,
    ],
    ["more answers than prompts", prompts, [...pairs, pairs[0]], /got a list of 3 for 2 prompts/],
    ["more answers than the one prompt", [prompts[0]], pairs, /got a list of 2 for 1 prompt,/],
    ["two answers for a bare text", prompts[0], pairs, /got a list of 2 for 1 prompt,/],
    ["no answers", prompts, [], /no row/],
    ["no columns", prompts, [[], []], /rows of 0 columns/],
    [
      "three columns",
      prompts,
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
      /rows of 3 columns/,
    ],
    ["rows of 1 and 2 columns", prompts, [[1, 2], [1]], /rows of 2 and 1 columns/],
    ["a flat list", prompts, [" Mary", " John"], /expected \[prompt\]\[1 or 2\]/],
    ["a text", prompts, " Mary", /expected \[prompt\]\[1 or 2\]/],
    ["a negative id", prompts, [[-1], [3]], /token id -1/],
    [
      "an unknown id",
      prompts,
      [
        [3, 1e6],
        [3, 4],
      ],
      /token id 1000000/,
    ],
    ["a text of several tokens", prompts, [["Mary John"], ["Mary"]], /"Mary John"/],
    ["no prompts", [], [], /no row|empty list/],
    ["an empty prompt", [[]], [[3]], /empty/],
  ])("%s", (_, input, answers, message) => {
    const run = ran();
    for (const accumulated of [false, true]) {
      const attribute = () => dla(model, input, answers as string[][], { accumulated });
      expect(attribute).toThrow(ValueError);
      expect(attribute).toThrow(message);
      expect(attribute).toThrow(/^dla: /);
    }
    expect(run).not.toHaveBeenCalled();
  });
});

test.each(["mamba", "ssm", "mixer", "linear_attn"])("NotImplementedError for blocks of kind %s", (kind) => {
  const writes = [{ name: "attn_out" }, { name: "mlp_out" }];
  for (const type of [kind, `${kind}+mlp`]) {
    const hybrid = stubModel({
      blocks: [
        { type: "attn+mlp", writes },
        { type, writes },
      ],
    });
    for (const accumulated of [false, true]) {
      const attribute = () =>
        dla(
          hybrid,
          [[1, 2], [3]],
          [
            [4, 5],
            [6, 7],
          ],
          { accumulated },
        );
      expect(attribute).toThrow(NotImplementedError);
      expect(attribute).toThrow(`"${type}" (layer 1)`);
    }
    expect(hybrid.runs).toBe(0);
  }
});

test("dla and directLogitAttribution are exported by the package", () => {
  expect(logitscope.dla).toBe(dla);
  expect(logitscope.directLogitAttribution).toBe(directLogitAttribution);
});
