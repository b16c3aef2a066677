import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { ShapeError, ValueError } from "../../src/errors.ts";
import { type Gpt2, type Hook, type HookName, hookNames } from "../../src/model/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { gpt2AndPrompt, weightsOf } from "../support/arbitraries.ts";
import { tolerances } from "../support/noise.ts";
import { type Numbers, referenceForward } from "../support/reference.ts";
import { tinyModel } from "../support/tinyModel.ts";
import { expectSameBits } from "../tensor/conformance/support.ts";

const model = tinyModel();
const ids = [3, 1, 4, 1, 5];
const plain = model.runWithCache([ids], { names: () => true });

const scaled =
  (factor: number) =>
  ({ shape, data }: Tensor): Tensor => ({ shape, data: data.map((value) => factor * value) });

describe("a hook that changes nothing", () => {
  test.each([
    ["returns nothing", () => {}],
    ["returns what it got", (activation: Tensor) => activation],
    ["returns a copy", ({ shape, data }: Tensor) => ({ shape, data: data.slice() })],
  ])("on every point, and %s, changes no bit", (_, hook) => {
    fc.assert(
      fc.property(gpt2AndPrompt, fc.boolean(), (drawn, folded) => {
        const model = folded ? drawn.model.enableCompatibilityMode() : drawn.model;
        const hooks: Hook[] = [[() => true, hook]];
        const unhooked = model.runWithCache([drawn.ids], { names: () => true });
        const hooked = model.runWithCache([drawn.ids], { names: () => true, hooks });
        expectSameBits(hooked.logits.data, unhooked.logits.data, "logits");
        for (const name of unhooked.cache.names) {
          expectSameBits(hooked.cache.get(name).data, unhooked.cache.get(name).data, name);
        }
        // nor does looking: the same with no gated point computed
        expectSameBits(model.run([drawn.ids]).data, unhooked.logits.data, "logits alone");
      }),
      { numRuns: 40 },
    );
  });

  test.each(hookNames(2))("on %s alone changes no bit", (name) => {
    const logits = model.runWithHooks([ids], [[name, (activation) => activation]]);
    expectSameBits(logits.data, plain.logits.data, name);
  });
});

describe("what a hook gets and gives", () => {
  test("a change in place is kept, and does not reach what was captured elsewhere or before", () => {
    const kept: Tensor[] = [];
    const { cache, logits } = model.runWithCache([ids], {
      hooks: [
        ["blocks.0.hook_resid_pre", (activation) => void kept.push(activation)],
        ["blocks.0.hook_resid_mid", (activation) => void activation.data.fill(1)],
        ["blocks.0.hook_resid_post", () => void kept[0].data.fill(77)],
      ],
    });
    expect([...cache.get("blocks.0.hook_resid_mid").data]).toEqual(new Array(60).fill(1));
    expectSameBits(
      cache.get("blocks.0.hook_resid_pre").data,
      plain.cache.get("blocks.0.hook_resid_pre").data,
      "pre",
    );
    expectSameBits(
      cache.get("blocks.0.hook_attn_out").data,
      plain.cache.get("blocks.0.hook_attn_out").data,
      "out",
    );
    const replaced = model.runWithHooks(
      [ids],
      [["blocks.0.hook_resid_mid", ({ shape, data }) => ({ shape, data: data.map(() => 1) })]],
    );
    expectSameBits(logits.data, replaced.data, "logits");
  });

  test.each<[string, (activation: Tensor) => Tensor]>([
    ["returned", scaled(2)],
    [
      "changed in place",
      (activation) => {
        activation.data.forEach((value, i) => {
          activation.data[i] = 2 * value;
        });
        return activation;
      },
    ],
  ])("a tensor that a hook %s and kept may be written to later", (_, hook) => {
    const want = model.runWithCache([ids], { hooks: [["hook_embed", scaled(2)]] });
    let kept: Tensor | undefined;
    const got = model.runWithCache([ids], {
      hooks: [
        [
          "hook_embed",
          (activation) => {
            kept = hook(activation);
            return kept;
          },
        ],
        ["hook_pos_embed", () => void kept?.data.fill(9)],
      ],
    });
    for (const name of want.cache.names) {
      expectSameBits(got.cache.get(name).data, want.cache.get(name).data, name);
    }
  });

  test("hooks of one point are called in the order given, each with the last one's result", () => {
    const seen: number[] = [];
    const first = plain.cache.get("hook_embed").data[0];
    const doubleAndRecord = (activation: Tensor) => {
      seen.push(activation.data[0]);
      return scaled(2)(activation);
    };
    model.runWithHooks(
      [ids],
      [
        ["hook_embed", doubleAndRecord],
        ["hook_embed", (activation) => void activation.data.fill(5, 0, 1)],
        [
          (name) => name === "hook_embed",
          (activation) => void seen.push(activation.data[0], activation.data[1]),
        ],
      ],
    );
    expect(seen).toEqual([first, 5, 2 * plain.cache.get("hook_embed").data[1]]);
  });

  test("it is told its name and block", () => {
    const points: [HookName, number | null][] = [];
    const record: Hook[1] = (_, { name, layer }) => void points.push([name, layer]);
    model.runWithHooks(
      [ids],
      [
        ["blocks.1.attn.hook_z", record],
        ["hook_embed", record],
        ["ln_final.hook_scale", record],
      ],
    );
    expect(points).toEqual([
      ["hook_embed", null],
      ["blocks.1.attn.hook_z", 1],
      ["ln_final.hook_scale", null],
    ]);
  });

  test("a predicate means every name it holds for; hookNames is the order of all", () => {
    const called: string[] = [];
    model.runWithHooks([ids], [[() => true, (_, { name }) => void called.push(name)]]);
    expect(called).toEqual(hookNames(2));
    expect(plain.cache.names).toEqual(hookNames(2));
  });

  test.each([
    ["a transposed shape", ({ shape, data }: Tensor) => ({ shape: [shape[0], shape[2], shape[1]], data })],
    ["fewer axes", ({ shape, data }: Tensor) => ({ shape: [shape[0] * shape[1], shape[2]], data })],
  ])("%s is a ShapeError", (_, hook) => {
    const run = () => model.runWithHooks([ids], [["blocks.1.hook_mlp_out", hook]]);
    expect(run).toThrow(ShapeError);
    expect(run).toThrow(
      /^hook on blocks\.1\.hook_mlp_out: got shape \[.*\], expected \[batch=1, pos=5, dModel=12\]\./,
    );
  });

  test.each<[string, (data: Float32Array) => Float32Array]>([
    ["other", () => new Float32Array(3)],
    ["its own first", (data) => data.subarray(0, 3)],
    ["too many", () => new Float32Array(99)],
  ])("a shape that its data, %s elements, does not fill is a ShapeError", (_, change) => {
    const hook = ({ shape, data }: Tensor) => ({ shape, data: change(data) });
    expect(() => model.runWithHooks([ids], [["hook_embed", hook]])).toThrow(ShapeError);
  });

  test.each<[string, unknown]>([
    ["a number", 3],
    ["null's neighbour, a string", "x"],
    ["an array", [1, 2]],
    ["a Float64Array for data", { shape: [1, 5, 12], data: new Float64Array(60) }],
    ["no shape", { data: new Float32Array(60) }],
    ["true", true],
  ])("%s is a ValueError", (_, garbage) => {
    const run = () => model.runWithHooks([ids], [["hook_embed", () => garbage as Tensor]]);
    expect(run).toThrow(ValueError);
    expect(run).toThrow(/^hook on hook_embed: got .+, expected a Tensor or nothing\. Return \{ shape/);
  });
});

describe("names that are not", () => {
  const bad = "blocks.0.hook_resid_prf" as HookName;
  test.each<[string, () => unknown, RegExp]>([
    [
      "runWithHooks",
      () => model.runWithHooks([ids], [[bad, () => {}]]),
      /runWithHooks.*"blocks\.0\.hook_resid_prf".*Did you mean "blocks\.0\.hook_resid_pre"\?/,
    ],
    [
      "names",
      () => model.runWithCache([ids], { names: bad }),
      /runWithCache: names.*Did you mean "blocks\.0\.hook_resid_pre"\?/,
    ],
    [
      "a list of names",
      () => model.runWithCache([ids], { names: ["hook_embed", bad] }),
      /Did you mean "blocks\.0\.hook_resid_pre"\?/,
    ],
    [
      "hooks beside a cache",
      () => model.runWithCache([ids], { hooks: [[bad, () => {}]] }),
      /runWithCache: hooks.*Did you mean/,
    ],
    [
      "a layer too many",
      () => model.runWithCache([ids], { names: "blocks.2.hook_resid_pre" }),
      /Did you mean "blocks\.[01]\.hook_resid_pre"\?/,
    ],
    [
      "nothing near",
      () => model.runWithCache([ids], { names: "xyz" as HookName }),
      /The names are in hookNames\(model\.config\.nLayers\)/,
    ],
    [
      "a predicate that holds for none",
      () => model.runWithCache([ids], { names: () => false }),
      /predicate that matches none of the 52 hook names/,
    ],
    [
      "a hook's predicate that holds for none",
      () => model.runWithHooks([ids], [[() => false, () => {}]]),
      /predicate that matches none/,
    ],
    ["an empty list", () => model.runWithCache([ids], { names: [] }), /empty list of hook names/],
    [
      "a name the run does not reach",
      () => model.runWithHooks([ids], [["blocks.1.hook_mlp_out", () => {}]], { stopAtLayer: 1 }),
      /runWithHooks.*"blocks\.1\.hook_mlp_out"/,
    ],
  ])("%s: a ValueError that says so", (_, run, message) => {
    expect(run).toThrow(ValueError);
    expect(run).toThrow(message);
  });
});

describe("B11: of a list of names", () => {
  const list: HookName[] = [
    "hook_embed",
    "blocks.0.hook_attn_in",
    "blocks.0.attn.hook_result",
    "blocks.1.hook_q_input",
    "blocks.1.hook_k_input",
    "blocks.1.hook_v_input",
    "blocks.1.hook_mlp_in",
    "unembed.hook_out",
  ];

  test("every one is kept, and hooked, also those that nothing computes unless they are asked for", () => {
    expect(model.runWithCache([ids], { names: list }).cache.names).toEqual(list);
    expect(model.runWithCache([ids], { names: list[0], everyPos: list, pos: 1 }).cache.names).toEqual(list);
    const called: HookName[] = [];
    model.runWithHooks(
      [ids],
      list.map((name): Hook => [name, (_, point) => void called.push(point.name)]),
    );
    expect(called).toEqual(list);
  });

  test("one that is none, wherever it stands, and a predicate that holds for none, are errors and nothing runs", () => {
    const unknown = "blocks.0.attn.hook_results" as HookName;
    const ran = vi.spyOn(model.kernels, "session");
    for (const at of list.keys()) {
      const names = list.with(at, unknown);
      const hooks = names.map((name): Hook => [name, () => {}]);
      for (const run of [
        () => model.runWithCache([ids], { names }),
        () => model.runWithCache([ids], { everyPos: names }),
        () => model.runWithCache([ids], { hooks }),
        () => model.runWithHooks([ids], hooks),
      ]) {
        expect(run).toThrow(ValueError);
        expect(run).toThrow('Did you mean "blocks.0.attn.hook_result"?');
      }
    }
    for (const run of [
      () => model.runWithCache([ids], { names: (name) => name === unknown }),
      () => model.runWithCache([ids], { everyPos: (name) => name === unknown }),
      () => model.runWithHooks([ids], [[(name) => name === unknown, () => {}]]),
    ]) {
      expect(run).toThrow(ValueError);
      expect(run).toThrow("a predicate that matches none");
    }
    expect(ran).not.toHaveBeenCalled();
    ran.mockRestore();
  });
});

/** The logits, or an activation, of the reference where one activation is edited. */
function edited(model: Gpt2, prompt: number[], at: string, edit: (value: Float64Array) => Numbers) {
  const hook = (name: string, value: Float64Array) => (name === at ? edit(value) : value);
  const activations = referenceForward(model.config, weightsOf(model), prompt, hook);
  return { activations, within: tolerances(model.config, weightsOf(model), prompt, { hook }) };
}

function expectReference(
  got: Float32Array,
  name: string,
  { activations, within }: ReturnType<typeof edited>,
): void {
  const want = activations.get(name)!;
  got.forEach((value, i) => {
    if (value === want[i] || Math.abs(value - want[i]) <= within.get(name)!) return;
    expect.fail(`${name}, element ${i}: got ${value}, expected ${want[i]} within ${within.get(name)}`);
  });
}

describe.each<[string, Gpt2]>([
  ["as trained", model],
  ["in compatibility mode", model.enableCompatibilityMode()],
])("an edit reaches what the formula says, weights %s", (_, model) => {
  // Every element by a factor of its own, so that nothing that is scaled as a whole hides it.
  const factors = (i: number) => 1 + ((7 * i) % 5) / 4;

  test.each(hookNames(2))("%s", (name) => {
    const { logits, cache } = model.runWithCache([ids], {
      names: () => true,
      hooks: [[name, ({ shape, data }) => ({ shape, data: data.map((value, i) => value * factors(i)) })]],
    });
    const want = edited(model, ids, name, (value) =>
      value.map((v, i) => (v === -Infinity ? v : v * factors(i))),
    );
    for (const each of cache.names) expectReference(cache.get(each).data, each, want);
    expectReference(logits.data, "unembed.hook_out", want);
    expect(logits.data).not.toEqual(model.run([ids]).data);
  });
});

describe("edits of one head", () => {
  const head = 1;
  const { dModel, dHead, nHeads } = model.config;
  const onHead = ({ shape, data }: Tensor): Tensor => ({
    shape,
    data: data.map((value, i) => (Math.floor(i / dModel) % nHeads === head ? value * (1 + (i % 3)) : value)),
  });
  const changedHeads = (before: Float32Array, after: Float32Array) => [
    ...new Set(
      [...after.keys()].filter((i) => before[i] !== after[i]).map((i) => Math.floor(i / dHead) % nHeads),
    ),
  ];

  test.each([
    ["hook_q_input", ["q"]],
    ["hook_k_input", ["k"]],
    ["hook_v_input", ["v"]],
    ["hook_attn_in", ["q", "k", "v"]],
  ] as const)("%s of head 1 changes that head's %s alone", (input, changed) => {
    const { cache } = model.runWithCache([ids], { hooks: [[`blocks.1.${input}`, onHead]] });
    for (const name of ["q", "k", "v"] as const) {
      const [before, after] = [plain.cache, cache].map((run) => run.get(name, 1).data);
      expect(changedHeads(before, after), name).toEqual(
        (changed as readonly string[]).includes(name) ? [head] : [],
      );
    }
    expectSameBits(
      cache.get("normalized", 1, "ln1").data,
      plain.cache.get("normalized", 1, "ln1").data,
      "ln1",
    );
  });

  test("hook_resid_mid reaches the MLP and the stream, hook_mlp_in the MLP alone", () => {
    const add = ({ shape, data }: Tensor) => ({ shape, data: data.map((value, i) => value + (i % 4)) });
    const change = (name: HookName) => model.runWithCache([ids], { hooks: [[name, add]] }).cache;
    const difference = (cache: typeof plain.cache) => {
      const [post, mlpOut] = ["resid_post", "mlp_out"].map((name) => {
        const [after, before] = [cache, plain.cache].map((run) => run.get(name, 0).data);
        return after.map((value, i) => value - before[i]);
      });
      return {
        mlp: mlpOut.some((value) => value !== 0),
        stream: Math.max(...post.map((v, i) => Math.abs(v - mlpOut[i]))),
      };
    };
    const mid = difference(change("blocks.0.hook_resid_mid"));
    const mlpIn = difference(change("blocks.0.hook_mlp_in"));
    expect(mid.mlp && mlpIn.mlp).toBe(true);
    expect(mid.stream).toBeGreaterThan(2.9); // the largest of the 0, 1, 2, 3 added
    expect(mlpIn.stream).toBeLessThan(1e-5); // float32 sums of elements below 16
  });

  test("hook_result: the attention output is made of the heads' results, b_O once", () => {
    const zeroed = model.runWithCache([ids], {
      hooks: [["blocks.0.attn.hook_result", ({ data }) => void data.fill(0)]],
    });
    const { b_O } = model.blocks[0];
    zeroed.cache.get("attn_out", 0).data.forEach((value, i) => {
      expect(value).toBe(b_O[i % dModel]);
    });
  });
});

describe("what is no hook", () => {
  const model = tinyModel();
  test.each([
    ["a pair alone", ["hook_embed", () => {}] as never, 'runWithHooks: got "hook_embed", expected hooks'],
    ["no list", (() => {}) as never, "runWithHooks: got a function, expected hooks"],
    ["an object", [{ name: "hook_embed" } as never], "runWithHooks: got an object, expected hooks"],
    ["not a function", [["hook_embed", 7 as never]], "runWithHooks: got 7 as a hook, expected a function"],
    [
      "an async one",
      [["hook_embed", (async () => {}) as never]],
      "hook on hook_embed: got a Promise (hooks run synchronously)",
    ],
  ] as const)("%s: a ValueError", (_, hooks, message) => {
    expect(() => model.runWithHooks([1, 2], hooks)).toThrow(ValueError);
    expect(() => model.runWithHooks([1, 2], hooks)).toThrow(message);
  });
});

test("an option that there is not is a ValueError, so that no hook is left out in silence", () => {
  const model = tinyModel();
  const ignored = { hook: [["hook_embed", () => {}]] } as object;
  expect(() => model.runWithCache([1, 2], ignored)).toThrow(
    /^runWithCache: got option "hook", .* Did you mean hooks\?/,
  );
  expect(() => model.runWithHooks([1, 2], [], ignored)).toThrow(
    /^runWithHooks: got option "hook", expected logits, /,
  );
  expect(() => model.run([1, 2], { position: 1 } as object)).toThrow(/^run: got option "position"/);
});

test("logits and stopAtLayer exclude each other", () => {
  const run = () => tinyModel().run([1, 2], { logits: "last", stopAtLayer: 1 });
  expect(run).toThrow("run: got logits and stopAtLayer, expected one of them");
  expect(tinyModel().run([1, 2], { logits: "none", stopAtLayer: 1 }).shape).toEqual([1, 2, 12]);
});
