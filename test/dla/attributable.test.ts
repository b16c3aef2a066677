import { describe, expect, test } from "vitest";
import { directLogitAttribution, dla, type Unit } from "../../src/dla/index.ts";
import { CheckError, NotImplementedError, ValueError } from "../../src/errors.ts";
import { jsKernels } from "../../src/tensor/index.ts";
import { type StubModel, type StubOptions, stubModel } from "../support/stubModel.ts";

const gpt2Block = { type: "attn+mlp", writes: [{ name: "attn_out", part: "attn" }, { name: "mlp_out" }] };
const prompts = [
  [3, 1, 4, 1, 5],
  [9, 2, 6],
];
const answer = 7;
const wrong = 10;

/** That rows, the independent b_U term and the stub's own logits agree as the mission says. */
function expectExact(model: StubModel, unit: Unit): void {
  const allowRawWeights = !model.compatibilityMode;
  const result = directLogitAttribution(model, prompts, { answer, wrong, unit, pos: "all", allowRawWeights });
  const { unembedding } = model;
  expect(result.attributions).toHaveLength(prompts.flat().length);
  for (const { prompt, pos, scores, check } of result.attributions) {
    const logits = model.logits(prompts[prompt])[pos];
    const sum = unit === "layer" ? scores.data.at(-1)! : scores.data.reduce((total, row) => total + row, 0);
    // a folded model keeps a final norm's beta out of its rows; a raw one has a row for it, unless they cumulate
    const betaInBias = model.compatibilityMode || unit === "layer" ? betaTerm(model) : 0;
    const bias = unembedding.token(answer).bias - unembedding.token(wrong).bias + betaInBias;
    const tolerance = check.bound + check.roundingBound;
    expect(Math.abs(sum + bias - (logits[answer] - logits[wrong]))).toBeLessThanOrEqual(tolerance);
    expect(tolerance).toBeLessThan(1e-5);
  }
}

function betaTerm({ finalNorm, unembedding }: StubModel): number {
  if (!finalNorm.beta) return 0;
  const [plus, minus] = [unembedding.token(answer).column, unembedding.token(wrong).column];
  return finalNorm.beta.reduce((sum, beta, i) => sum + beta * (plus[i] - minus[i]), 0);
}

describe("NotImplementedError before anything runs", () => {
  test.each(["mamba", "ssm", "mixer", "linear_attn"])("a block of kind %s", (kind) => {
    for (const type of [kind, `${kind}+mlp`, `attn+${kind}`, `attn+${kind}+mlp`]) {
      const model = stubModel({ blocks: [gpt2Block, { ...gpt2Block, type }] });
      const run = [
        () => dla(model, [[1, 2]], [[answer, wrong]]),
        () => dla(model, [[1, 2]], [[answer]], { accumulated: true }),
        () => directLogitAttribution(model, [1, 2], { answer }),
        () => directLogitAttribution(model, [1, 2], { answer, allowRawWeights: true }),
      ];
      for (const attribute of run) {
        expect(attribute).toThrow(NotImplementedError);
        expect(attribute).toThrow(`"${type}" (layer 1)`);
      }
      expect(model.runs).toBe(0);
    }
  });

  test("also for a raw model: the kind of block is the first thing to know", () => {
    const model = stubModel({ blocks: [{ ...gpt2Block, type: "mamba" }], compatibilityMode: false });
    expect(() => dla(model, [[1, 2]], [[answer]])).toThrow(NotImplementedError);
  });

  test("parts are whole words between +: mlp_mixer, mamba2 and attn are none of the four", () => {
    const model = stubModel({
      blocks: ["mlp_mixer", "mamba2+mlp", "linear_attn2", "attn"].map((type) => ({ ...gpt2Block, type })),
    });
    expect(() => dla(model, [[1, 2]], [[answer]])).not.toThrow();
  });

  test("a part that declares its writer is attributed, exactly", () => {
    const writes = [{ name: "mamba_out", part: "mamba" }, { name: "mlp_out" }];
    const model = stubModel({ blocks: [gpt2Block, { type: "mamba+mlp", writes }] });
    const { labels } = directLogitAttribution(model, prompts, { answer });
    expect(labels).toEqual(["embed", "pos_embed", "0_attn_out", "0_mlp_out", "1_mamba_out", "1_mlp_out"]);
    expectExact(model, "component");
    expectExact(model, "layer");
  });

  test("declared in another block, or only one of two parts, is not declared", () => {
    const mamba = { name: "mamba_out", part: "mamba" };
    const elsewhere = [
      { type: "mamba", writes: [mamba] },
      { type: "mamba+mlp", writes: [{ name: "mlp_out", part: "mlp" }] },
    ];
    expect(() => dla(stubModel({ blocks: elsewhere }), [[1]], [[answer]])).toThrow(/layer 1/);
    const half = [{ type: "mamba+ssm", writes: [mamba] }];
    expect(() => dla(stubModel({ blocks: half }), [[1]], [[answer]])).toThrow(/of its "ssm"/);
  });
});

describe("models that are not GPT-2", () => {
  const heads = { name: "attn_out", part: "attn", heads: 2 };
  const sources = { ...heads, name: "attn_read", attention: true };
  const shapes: Record<string, StubOptions> = {
    LayerNorm: { blocks: [gpt2Block, gpt2Block] },
    "RMSNorm, which does not centre": { blocks: [gpt2Block, gpt2Block], norm: "rms" },
    "a norm without gamma and beta": { blocks: [gpt2Block], affine: false },
    "RMSNorm without gamma": { blocks: [gpt2Block], affine: false, norm: "rms" },
    "three writers a block": {
      blocks: Array(2).fill({
        type: "attn+cross+mlp",
        writes: [heads, { name: "cross_out" }, { name: "mlp_out" }],
      }),
    },
    "attention alone": {
      blocks: [
        { type: "attn", writes: [heads] },
        { type: "attn", writes: [heads] },
      ],
    },
    "attention that declares its values": {
      blocks: [{ type: "attn", writes: [sources] }, gpt2Block, { type: "attn", writes: [sources] }],
    },
    "attention that declares its values, RMSNorm": {
      blocks: [
        { type: "attn", writes: [heads] },
        { type: "attn", writes: [sources] },
      ],
      norm: "rms",
    },
    "attention that declares its values, no affine parts": {
      blocks: [gpt2Block, { type: "attn", writes: [sources] }],
      affine: false,
    },
    "no blocks": { blocks: [] },
    "weights as trained": { blocks: [{ type: "attn+mlp", writes: [heads] }], compatibilityMode: false },
    "weights as trained, RMSNorm": { blocks: [gpt2Block], compatibilityMode: false, norm: "rms" },
  };
  describe.each(Object.entries(shapes))("%s", (_, options) => {
    const hasHeads = options.blocks.some(({ writes }) => writes.includes(heads) || writes.includes(sources));
    const hasSources = options.blocks.some(({ writes }) => writes.includes(sources));
    test.each([
      ...(["component", "layer"] as const),
      ...(hasHeads ? ["head" as const] : []),
      ...(hasSources ? (["source", "path"] as const) : []),
    ])("%s rows sum to the logit difference", (unit) => expectExact(stubModel(options), unit));
  });

  test("weights as trained have a row for the final norm's beta, where it has one", () => {
    const raw = (affine: boolean) => stubModel({ blocks: [gpt2Block], compatibilityMode: false, affine });
    const labels = (model: StubModel) =>
      directLogitAttribution(model, [3, 1], { answer, allowRawWeights: true }).labels;
    expect(labels(raw(true))).toEqual(["embed", "pos_embed", "0_attn_out", "0_mlp_out", "beta"]);
    expect(labels(raw(false))).toEqual(["embed", "pos_embed", "0_attn_out", "0_mlp_out"]);
    expectExact(raw(false), "component");
  });

  test("an uncentred norm reads the residual stream's mean, a centred one does not", () => {
    const blocks = [gpt2Block];
    const scores = (norm: "layer" | "rms") => {
      const model = stubModel({ blocks, norm });
      const direction = Float64Array.from(model.finalNorm.gamma!, (value) => 1 / value); // u = 1 everywhere
      return directLogitAttribution(model, [3, 1], { direction }).attributions[0].scores.data;
    };
    for (const row of scores("layer")) expect(Math.abs(row)).toBeLessThan(1e-12);
    for (const row of scores("rms")) expect(Math.abs(row)).toBeGreaterThan(1e-3);
  });

  test.each([
    ["head", "heads"],
    ["neuron", "neurons"],
    ["full", "heads or neurons"],
  ] as const)(
    "unit %s for a model whose writers have none is a ValueError before anything runs",
    (unit, parts) => {
      const model = stubModel({ blocks: [gpt2Block] });
      const attribute = () => directLogitAttribution(model, [1, 2], { answer, unit });
      expect(attribute).toThrow(ValueError);
      expect(attribute).toThrow(new RegExp(`"${unit}".*no writer of this model has ${parts}`));
      expect(model.runs).toBe(0);
    },
  );

  test("writers that do not divide keep their label in unit full, before the biases", () => {
    const blocks = [{ type: "attn+cross+mlp", writes: [heads, { name: "cross_out" }, { name: "mlp_out" }] }];
    const model = stubModel({ blocks });
    expectExact(model, "full");
    const { labels } = directLogitAttribution(model, [1, 2], { answer, unit: "full" });
    expect(labels.slice(-5)).toEqual(["embed", "pos_embed", "0_cross_out", "0_mlp_out", "bias"]);
  });

  test("heads may miss what they wrote by the products' own error, as the backend states it, and by no more", () => {
    const model = stubModel({ blocks: [{ type: "attn", writes: [heads] }], productError: 2 ** -14 });
    const options = { answer, wrong, unit: "head", pos: "all" } as const;
    for (const { check } of directLogitAttribution(model, prompts, options).attributions) {
      expect(Math.abs(check.rounding)).toBeLessThanOrEqual(check.roundingBound);
    }
    const boastful = { ...model, accuracy: jsKernels.accuracy };
    expect(() => directLogitAttribution(boastful, prompts, options)).toThrow(CheckError);
    // what was written is added up as it is, whatever made it
    expect(() => directLogitAttribution(boastful, prompts, { ...options, unit: "component" })).not.toThrow();
  });

  test("so may sources what the heads mixed of them", () => {
    const blocks = [{ type: "attn", writes: [sources] }];
    const model = stubModel({ blocks, productError: 2 ** -14 });
    const boastful = { ...model, accuracy: jsKernels.accuracy };
    for (const unit of ["source", "path"] as const) {
      const options = { answer, wrong, unit, pos: "all" } as const;
      const { attributions } = directLogitAttribution(model, prompts, options);
      const exact = directLogitAttribution(stubModel({ blocks }), prompts, options).attributions;
      for (const [i, { check }] of attributions.entries()) {
        expect(Math.abs(check.rounding)).toBeGreaterThan(4 * Math.abs(exact[i].check.rounding));
        expect(check.roundingBound).toBeGreaterThan(4 * exact[i].check.roundingBound);
      }
      expect(() => directLogitAttribution(boastful, prompts, options)).toThrow(CheckError);
    }
  });

  test("three writers a block have three names in the running residual", () => {
    const writes = [{ name: "attn_out" }, { name: "cross_out" }, { name: "mlp_out" }];
    const blocks = [
      { type: "attn+cross+mlp", writes },
      { type: "attn+cross+mlp", writes },
    ];
    expect(directLogitAttribution(stubModel({ blocks }), [1], { answer, unit: "layer" }).labels).toEqual([
      "0_pre",
      "0_mid",
      "0_mid2",
      "1_pre",
      "1_mid",
      "1_mid2",
      "final_post",
    ]);
  });
});

test("B6: an attention-only model has unit layer, its rows the residual before each block and after the last", () => {
  const attention = { type: "attn", writes: [{ name: "attn_out", part: "attn" }] };
  const model = stubModel({ blocks: [attention, attention, attention] });
  const running = directLogitAttribution(model, [3, 1, 4], { answer, wrong, unit: "layer" });
  expect(running.labels).toEqual(["0_pre", "1_pre", "2_pre", "final_post"]);
  const component = directLogitAttribution(model, [3, 1, 4], { answer, wrong });
  expect(component.labels).toEqual(["embed", "pos_embed", "0_attn_out", "1_attn_out", "2_attn_out"]);
  const [embed, positions, ...attn] = component.attributions[0].scores.data;
  let total = embed + positions;
  const accumulated = [total, ...attn.map((row) => (total += row))];
  accumulated.forEach((want, k) => {
    expect(running.attributions[0].scores.data[k]).toBeCloseTo(want, 12);
  });
});

describe("the embeddings are found by exact names, never by a suffix", () => {
  const bystanders = [
    "vision.hook_embed",
    "vision.hook_pos_embed",
    "audio_hook_embed",
    "blocks.0.hook_embed",
  ];
  const plain = stubModel({ blocks: [gpt2Block] });
  const crowded = stubModel({ blocks: [gpt2Block], bystanders });

  test("activations whose names end alike change no bit", () => {
    for (const accumulated of [false, true]) {
      const [want, got] = [plain, crowded].map((model) => dla(model, prompts, [[7], [2]], { accumulated }));
      expect(got.labels).toEqual(want.labels);
      expect(got.scores).toEqual(want.scores);
    }
  });

  test("nor when a cache that is given holds them all", () => {
    const names = [
      ...bystanders,
      ...crowded.writers.map(({ hook }) => hook),
      ...["final.hook_in", "final.hook_scale", "final.hook_out"],
    ];
    const { cache } = crowded.runWithCache([prompts[0]], {
      names: (name) => names.includes(name),
      pos: [4],
      logits: "none",
    });
    const got = directLogitAttribution(crowded, undefined, { answer, wrong, cache });
    const want = directLogitAttribution(plain, prompts[0], { answer, wrong });
    expect(got.attributions[0].scores).toEqual(want.attributions[0].scores);
  });

  test("only what is declared is asked for", () => {
    const asked: string[] = [];
    const { runWithCache } = crowded;
    const watched = {
      ...crowded,
      runWithCache: (...args: Parameters<typeof runWithCache>) => {
        asked.push(...["hook_embed", ...bystanders].filter(args[1].names));
        return runWithCache(...args);
      },
    };
    directLogitAttribution(watched, prompts, { answer });
    expect(new Set(asked)).toEqual(new Set(["hook_embed"]));
  });
});
