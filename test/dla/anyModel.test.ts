import { describe, expect, test } from "vitest";
import { hybrid } from "../../examples/hybrid/attributable.mjs";
import { forward as hybridForward } from "../../examples/hybrid/hybrid.mjs";
import { config as hybridConfig, hybridWeights } from "../../examples/hybrid/weights.mjs";
import { capture, llama } from "../../examples/llama/attributable.mjs";
import { featureOf, residualBefore } from "../../examples/llama/features.mjs";
import { linearSplit } from "../../examples/llama/linear.mjs";
import { type At, forward as llamaForward } from "../../examples/llama/llama.mjs";
import { config as llamaConfig, llamaWeights, noise, random } from "../../examples/llama/weights.mjs";
import { type Attributable, directLogitAttribution, dla, logitLens, type Unit } from "../../src/dla/index.ts";
import { CheckError, NotImplementedError, ValueError } from "../../src/errors.ts";
import { type Activations, llamaReference, mambaReference, project } from "../support/llamaReference.ts";

// The models of examples/llama and examples/hybrid, attributed by the sources: what attribution is to know of neither.

const prompts = [[3, 1, 4, 1, 5, 9, 2, 6], [7, 7, 7, 0, 39, 12, 3, 8], [20]];
const [answer, wrong] = [7, 11];
const seeds = [1, 2, 3];
const llamas = seeds.map((seed) => ({ seed, weights: llamaWeights(llamaConfig, seed) }));
const hybrids = seeds.map((seed) => ({ seed, weights: hybridWeights(hybridConfig, seed) }));

interface Case {
  readonly model: Attributable;
  /** The example's own forward pass. */
  run(ids: number[], at: At): void;
  reference(ids: number[]): Activations;
}

const cases: [string, Case][] = [
  ...llamas.map(({ seed, weights }): [string, Case] => [
    `llama ${seed}`,
    {
      model: llama(llamaConfig, weights),
      run: (ids, at) => void llamaForward({ config: llamaConfig, weights }, ids, at),
      reference: (ids) => llamaReference(llamaConfig, weights, ids),
    },
  ]),
  ...hybrids.map(({ seed, weights }): [string, Case] => [
    `hybrid ${seed}`,
    {
      model: hybrid(hybridConfig, weights),
      run: (ids, at) => void hybridForward({ config: hybridConfig, weights }, ids, at),
      reference: (ids) => llamaReference(hybridConfig, weights, ids, mambaReference(hybridConfig, weights)),
    },
  ]),
];

/** All that a pass stores, each row as `rounded` makes it. */
function activations(run: Case["run"], ids: number[], rounded: (value: number) => number): Activations {
  const kept: Activations = new Map();
  run(ids, (name, rows) => {
    const stored = rows.map((row) => Array.from(row, rounded));
    kept.set(name, stored);
    return stored;
  });
  return kept;
}

/**
 * How far float32 may take each activation, by hook and position: Monte Carlo arithmetic, as test/support/noise.ts says. Each
 * stored number is off by a full unit roundoff, up or down; twice the largest deviation of sixteen such runs.
 */
function float32Error(run: Case["run"], ids: number[]): (of: (kept: Activations) => number) => number {
  const next = random(ids.length);
  const exact = activations(run, ids, (value) => value);
  const shaken = Array.from({ length: 16 }, () =>
    activations(run, ids, (value) => value * (1 + (next() < 0.5 ? -1 : 1) * 2 ** -24)),
  );
  return (of) => 2 * Math.max(...shaken.map((kept) => Math.abs(of(kept) - of(exact))));
}

const total = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0);
const logitDifference = (pos: number) => (kept: Activations) => {
  const logits = kept.get("unembed.hook_out")![pos];
  return logits[answer] - logits[wrong];
};

describe.each(cases)("%s", (_, { model, run, reference }) => {
  test.each(prompts)("its pass is the formulas', to float64", (...ids) => {
    const got = activations(run, ids, (value) => value);
    const want = reference(ids);
    expect(want.size).toBeGreaterThan(2 * 4);
    for (const [name, rows] of want) {
      const size = Math.max(...rows.flat().map(Math.abs));
      // some thousand operations of 2⁻⁵³ each, on values of this size, through two blocks
      for (const [pos, row] of rows.entries())
        row.forEach((value, i) => {
          expect(Math.abs(got.get(name)![pos][i] - value), `${name} ${pos} ${i}`).toBeLessThan(1e-12 * size);
        });
    }
  });

  const units: Unit[] = ["component", "layer", "head", "neuron", "full"];
  test.each(units)("%s rows sum to the pass's logit difference, at every position", (unit) => {
    const options = { answer, wrong, unit, pos: "all", allowRawWeights: true } as const;
    const { labels, attributions } = directLogitAttribution(model, prompts, options);
    expect(new Set(labels).size).toBe(labels.length);
    expect(labels).not.toContain("beta"); // this norm has none
    const own = prompts.map((ids) => activations(run, ids, Math.fround));
    const exact = prompts.map((ids) => reference(ids));
    const errors = prompts.map((ids) => float32Error(run, ids));
    expect(attributions).toHaveLength(prompts.flat().length);
    for (const { prompt, pos, scores, check } of attributions) {
      const sum = unit === "layer" ? scores.data.at(-1)! : total(scores.data);
      const bound = check.bound + check.roundingBound;
      const difference = logitDifference(pos);
      const roundedLogits = own[prompt].get("unembed.hook_out")![pos];
      // the model rounds two logits, and the check's difference the two columns
      const output = own[prompt].get("unembed.hook_in")![pos];
      const { column } = model.unembedding.difference(answer, wrong);
      const magnitudes = column.map((value, i) => Math.abs(value * output[i]));
      const roundings =
        2 ** -24 * (Math.abs(roundedLogits[answer]) + Math.abs(roundedLogits[wrong]) + total(magnitudes));
      expect(Math.abs(sum - difference(own[prompt]))).toBeLessThanOrEqual(bound + roundings);
      const tolerance = bound + errors[prompt](difference);
      expect(Math.abs(sum - difference(exact[prompt]))).toBeLessThanOrEqual(tolerance);
      expect(tolerance).toBeLessThan(1e-4);
    }
  });

  test("each component's and head's row is what it writes in float64, read by hand", () => {
    const ids = prompts[0];
    const pos = ids.length - 1;
    const exact = reference(ids);
    const float32 = float32Error(run, ids);
    const { finalNorm, unembedding, config } = model;
    const w = unembedding.difference(answer, wrong).column;
    /** w·(gamma ⊙ write)/scale. */
    const row = (write: (kept: Activations) => number[]) => (kept: Activations) => {
      const x = kept.get(`blocks.${config.nLayers - 1}.hook_resid_post`)![pos];
      const scale = Math.sqrt(total(x.map((value) => value ** 2)) / x.length + finalNorm.eps);
      return total(write(kept).map((value, i) => (w[i] * finalNorm.gamma![i] * value) / scale));
    };
    const options = { answer, wrong, allowRawWeights: true } as const;
    const component = directLogitAttribution(model, ids, options);
    const head = directLogitAttribution(model, ids, { ...options, unit: "head" });
    const scoreOf = (result: typeof head, label: string) =>
      result.attributions[0].scores.data[result.labels.indexOf(label)];
    const expectRow = (got: number, write: (kept: Activations) => number[]) => {
      const read = row(write);
      const tolerance = float32(read) + 2 ** -24 * Math.abs(got); // the scale is rounded too
      expect(Math.abs(got - read(exact))).toBeLessThan(tolerance);
    };
    for (const { label, hook } of model.writers) {
      expectRow(scoreOf(component, label), (kept) => kept.get(hook)![pos]);
    }
    for (const { layer, heads } of model.writers) {
      if (!heads) continue;
      expect([heads.parts, heads.size]).toEqual([llamaConfig.nHeads, llamaConfig.dHead]);
      const W = heads.weights(); // [parts · size, dModel]
      for (let h = 0; h < heads.parts; h++) {
        expectRow(scoreOf(head, `L${layer}H${h}`), (kept) => {
          const z = kept.get(heads.hook)![pos];
          return Array.from({ length: config.dModel }, (_, d) =>
            total(
              Array.from({ length: heads.size }, (_, i) => h * heads.size + i).map(
                (i) => z[i] * W[i * config.dModel + d],
              ),
            ),
          );
        });
      }
    }
  });
});

describe("the hybrid", () => {
  const { weights } = hybrids[0];
  const options = { answer, wrong, allowRawWeights: true };

  test("has the mixer's rows where it declares its writer", () => {
    const { labels } = directLogitAttribution(hybrid(hybridConfig, weights), prompts[0], options);
    const block = (layer: number) => ["attn_out", "mamba_out", "mlp_out"].map((name) => `${layer}_${name}`);
    expect(labels).toEqual(["embed", ...block(0), ...block(1)]);
  });

  test("is refused where it does not, before anything runs", () => {
    const model = hybrid(hybridConfig, weights, { declareMamba: false });
    let runs = 0;
    const watched: Attributable = {
      ...model,
      runWithCache: (...args) => {
        runs++;
        return model.runWithCache(...args);
      },
    };
    for (const attribute of [
      () => directLogitAttribution(watched, prompts, options),
      () => dla(watched, prompts, [[answer], [answer], [answer]]),
    ]) {
      expect(attribute).toThrow(NotImplementedError);
      expect(attribute).toThrow(/"attn\+mamba\+mlp" \(layer 0\).*its "mamba"/);
    }
    expect(runs).toBe(0);
  });

  test("one that hides its mixer, in types and writers alike, fails the check", () => {
    const model = hybrid(hybridConfig, weights, { declareMamba: false });
    const hidden: Attributable = { ...model, layerTypes: () => ["attn+mlp", "attn+mlp"] };
    expect(() => directLogitAttribution(hidden, prompts[0], options)).toThrow(CheckError);
  });
});

describe("directions beside tokens", () => {
  const { weights } = llamas[0];
  const model = llama(llamaConfig, weights);
  const { dModel } = llamaConfig;
  const ids = prompts[0];
  const pos = ids.length - 1;
  const kept = capture({ config: llamaConfig, weights }, llamaForward, ids, () => true);

  test("a probe is read off the final norm's output", () => {
    const direction = Float64Array.from(noise(random(9), dModel, 1));
    const { attributions } = directLogitAttribution(model, ids, {
      direction,
      unit: "full",
      allowRawWeights: true,
    });
    const [{ scores, check }] = attributions;
    const [want] = project([...kept.get("unembed.hook_in")![pos]], Float32Array.from(direction));
    expect(Math.abs(total(scores.data) - want)).toBeLessThanOrEqual(check.bound + check.roundingBound);
    expect(check.logit).toBeCloseTo(want, 12);
  });

  test("a column of the unembedding as a direction has the token's rows", () => {
    const direction = Float64Array.from(model.unembedding.token(answer).column);
    const [byToken, byDirection] = [{ answer }, { direction }].map((read) =>
      directLogitAttribution(model, ids, { ...read, allowRawWeights: true }),
    );
    expect(byDirection.attributions[0].scores).toEqual(byToken.attributions[0].scores);
  });

  const autoencoder = {
    W_enc: noise(random(5), 8 * dModel, 0.5),
    b_enc: noise(random(6), 8, 0.1),
    b_dec: noise(random(7), dModel, 0.1),
  };

  test.each(["component", "head", "neuron", "full"] as const)(
    "%s rows and its bias are a feature of an autoencoder inside the model, before the relu",
    (unit) => {
      const stream = residualBefore(model, 1);
      for (let f = 0; f < 8; f++) {
        const { direction, bias } = featureOf(autoencoder, f);
        const options = { direction, unit, allowRawWeights: true } as const;
        const [{ scores, check }] = directLogitAttribution(stream, ids, options).attributions;
        const x = [...kept.get("blocks.0.hook_resid_post")![pos]];
        const row = autoencoder.W_enc.subarray(f * dModel, (f + 1) * dModel);
        const want =
          project(
            x.map((value, i) => value - autoencoder.b_dec[i]),
            row,
          )[0] + autoencoder.b_enc[f];
        const tolerance = check.bound + check.roundingBound;
        expect(Math.abs(total(scores.data) + bias - want)).toBeLessThanOrEqual(tolerance);
        expect(tolerance).toBeLessThan(1e-5);
      }
    },
  );

  test("where there is no norm, there is none to compute anew", () => {
    const direction = new Float64Array(dModel).fill(1);
    const options = { direction, leaveOneOut: true, allowRawWeights: true };
    expect(() => directLogitAttribution(residualBefore(model, 1), ids, options)).toThrow(
      /got a model with eps NaN, expected a norm to compute anew/,
    );
  });

  test("the stream before a block has the writers before it alone", () => {
    const direction = new Float64Array(dModel).fill(1);
    const result = directLogitAttribution(residualBefore(model, 1), ids, {
      direction,
      allowRawWeights: true,
    });
    expect(result.labels).toEqual(["embed", "0_attn_out", "0_mlp_out"]);
    expect(result.model.layers).toBe(1);
  });
});

describe("of what a model declares, as docs/attributable.md says,", () => {
  const { weights } = llamas[0];
  const model = llama(llamaConfig, weights);
  const { writers, finalNorm, unembedding, accuracy } = model;
  const options = { answer, wrong, unit: "head", allowRawWeights: true } as const;
  const attributed = (changed: Partial<Attributable>) =>
    directLogitAttribution({ ...model, ...changed }, prompts[0], options);
  const last = writers.length - 1;
  const { dModel, nHeads, dHead } = llamaConfig;

  test.each<[string, Partial<Attributable>]>([
    ["a writer that is missing", { writers: writers.slice(0, -1) }],
    ["one declared twice", { writers: [...writers, writers[1]] }],
    ["another's activation", { writers: writers.with(last, { ...writers[last], hook: writers[2].hook }) }],
    ["a norm that centres", { finalNorm: { ...finalNorm, centred: true } }],
    ["a norm without gamma", { finalNorm: { ...finalNorm, gamma: null } }],
    ["a beta", { finalNorm: { ...finalNorm, beta: new Float32Array(dModel).fill(0.01) } }],
    ["another scale", { finalNorm: { ...finalNorm, scaleHook: "hook_embed" } }],
  ])("the check refuses %s", (_, changed) => {
    expect(() => attributed(changed)).toThrow(CheckError);
  });

  const biased: Partial<Attributable> = {
    unembedding: {
      ...unembedding,
      token: (token) => ({ ...unembedding.token(token), bias: token }),
      difference: (a, b) => ({ ...unembedding.difference(a, b), bias: a - b }),
    },
  };
  const W_O = weights["model.layers.0.self_attn.o_proj.weight"];
  test.each<[string, Partial<Attributable>]>([
    ["labels exchanged", { writers: writers.with(1, { ...writers[1], label: "0_mlp_out" }) }],
    [
      "heads of another size",
      {
        writers: writers.with(1, {
          ...writers[1],
          heads: linearSplit("blocks.0.attn.hook_z", dHead, nHeads, W_O),
        }),
      },
    ],
    ["another unembedding", biased],
    ["an accuracy that is not true", { accuracy: { ...accuracy, normalization: 1 } }],
  ])("it does not see %s", (_, changed) => {
    expect(() => attributed(changed)).not.toThrow();
  });

  test("another eps is seen, where it shows in the scale, as soon as something is computed by it", () => {
    const changed = { ...model, finalNorm: { ...finalNorm, eps: 2 * finalNorm.eps } };
    const anew = { ...options, leaveOneOut: true };
    expect(() => directLogitAttribution(model, prompts[0], anew)).not.toThrow();
    expect(() => directLogitAttribution(changed, prompts[0], options)).not.toThrow();
    expect(() => directLogitAttribution(changed, prompts[0], anew)).toThrow(CheckError);
    const lens = { answer, allowRawWeights: true };
    expect(() => logitLens(model, prompts[0], lens)).not.toThrow();
    expect(() => logitLens(changed, prompts[0], { ...lens, scale: "frozen" })).not.toThrow();
    expect(() => logitLens(changed, prompts[0], lens)).toThrow(CheckError);
  });

  test("another unembedding than the pass's is refused with the pass's own logits", () => {
    const withLogits = (changed: Partial<Attributable>) => {
      const other = { ...model, ...changed };
      const { cache } = model.runWithCache([prompts[0]], { names: () => true, pos: [7], logits: "none" });
      return directLogitAttribution(other, undefined, { ...options, cache: { ...cache, model: other } });
    };
    expect(() => withLogits({})).not.toThrow();
    expect(() => withLogits(biased)).toThrow(CheckError);
  });
});

test("weights as trained are asked for by name", () => {
  const model = llama(llamaConfig, llamas[0].weights);
  expect(() => directLogitAttribution(model, prompts, { answer })).toThrow(ValueError);
});
