import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { CheckpointError } from "../../../src/errors.ts";
import type { BlockWeights, OuterWeights } from "../../../src/model/checkpoint/weights.ts";
import { type Gpt2Config, parseConfig } from "../../../src/model/config.ts";
import { fileNamed, type ModelFiles, type Source } from "../../../src/model/files/byteSource.ts";
import { readText } from "../../../src/model/files/json.ts";
import { folderFiles } from "../../../src/node/folder.ts";
import { modelFolder, modelNames } from "../../support/fixtures.ts";
import {
  expectedBlock,
  type Named,
  store,
  tinyConfig,
  tinyHead,
  tinyTensors,
  transposedLinears,
} from "../../support/gpt2Checkpoint.ts";
import { readCheckpoint } from "../../support/readPlain.ts";
import {
  bfloat16Tensor,
  bits16Tensor,
  concat,
  cutAt,
  float32Tensor,
  type StoredTensor,
  writeSafetensors,
} from "../../support/writeSafetensors.ts";

interface Loaded {
  readonly outer: OuterWeights;
  readonly blocks: Map<number, BlockWeights>;
  readonly warnings: string[];
}

async function load(config: object, files: ModelFiles): Promise<Loaded> {
  const blocks = new Map<number, BlockWeights>();
  const warnings: string[] = [];
  const receive = (layer: number, block: BlockWeights) => {
    expect(blocks.has(layer)).toBe(false);
    blocks.set(layer, block);
  };
  const outer = await readCheckpoint(parseConfig(config), files, receive, {
    onWarning: (text) => warnings.push(text),
  });
  return { outer, blocks, warnings };
}

const oneFile = (tensors: readonly StoredTensor[]): ModelFiles => ({
  "model.safetensors": writeSafetensors(tensors),
});
const loadTensors = (tensors: readonly Named[], config: object = tinyConfig) =>
  load(config, oneFile(tensors.map(store)));
const valuesOf = (name: string) =>
  [...tinyTensors(), tinyHead()].find((tensor) => tensor.name === name)!.values;
const without = (name: string) => tinyTensors().filter((tensor) => tensor.name !== name);
const changed = (name: string, change: (tensor: Named) => Named) =>
  tinyTensors().map((tensor) => (tensor.name === name ? change(tensor) : tensor));

function expectWeights({ outer, blocks }: Loaded, config = tinyConfig): void {
  const { W_E, W_pos, lnFinal_w, lnFinal_b } = outer;
  const values = new Map(tinyTensors(config).map((tensor) => [tensor.name, tensor.values]));
  expect([...W_E]).toEqual(values.get("wte.weight"));
  expect([...W_pos]).toEqual(values.get("wpe.weight"));
  expect([...lnFinal_w]).toEqual(values.get("ln_f.weight"));
  expect([...lnFinal_b]).toEqual(values.get("ln_f.bias"));
  expect([...blocks.keys()].sort()).toEqual(Array.from({ length: config.n_layer }, (_, layer) => layer));
  for (const [layer, block] of blocks) {
    const plain = Object.fromEntries(Object.entries(block).map(([name, weight]) => [name, [...weight]]));
    expect(plain).toEqual(expectedBlock(layer, config));
  }
}

describe("readCheckpoint reads", () => {
  test("every weight into its place", async () => {
    const loaded = await loadTensors(tinyTensors());
    expectWeights(loaded);
    expect(loaded.outer.W_U).toBeNull();
    expect(loaded.warnings).toEqual([]);
  });

  test("any order of tensors, any prefix, any chunks", async () => {
    const order = fc.shuffledSubarray(tinyTensors(), { minLength: tinyTensors().length });
    const cuts = fc.array(fc.integer({ min: 0, max: 4000 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(order, fc.boolean(), cuts, async (tensors, prefixed, places) => {
        const named = tensors.map((tensor) =>
          prefixed ? { ...tensor, name: `transformer.${tensor.name}` } : tensor,
        );
        const file = writeSafetensors(named.map(store), { padding: places.length % 4 });
        const inside = places.filter((place) => place <= file.length);
        expectWeights(await load(tinyConfig, { "model.safetensors": cutAt(file, inside) }));
      }),
      { numRuns: 60 },
    );
  });

  test("every size of chunk", async () => {
    const config = { ...tinyConfig, n_layer: 1, n_embd: 2, n_inner: 3, n_positions: 1, vocab_size: 2 };
    const file = writeSafetensors(tinyTensors(config).map(store));
    for (const size of [1, 2, 3, 4, 5, 7, 8, 11, 64, 1000, file.length - 1, file.length]) {
      const places = Array.from({ length: Math.floor(file.length / size) }, (_, i) => (i + 1) * size);
      expectWeights(await load(config, { "model.safetensors": cutAt(file, places) }), config);
    }
  });

  test("matrices longer than one read, as they are and transposed", async () => {
    const config = { ...tinyConfig, n_layer: 1, n_embd: 170, n_head: 1, n_inner: 700, vocab_size: 800 };
    expectWeights(await loadTensors(tinyTensors(config), config), config);
    expectWeights(await loadTensors(transposedLinears(tinyTensors(config)), config), config);
  });

  test("a Map of files, and the file's own prefix for each name", async () => {
    const tensors = tinyTensors().map((tensor, i) =>
      i % 2 ? { ...tensor, name: `transformer.${tensor.name}` } : tensor,
    );
    expectWeights(
      await load(
        tinyConfig,
        new Map([["model.safetensors", new Blob([writeSafetensors(tensors.map(store)).slice()])]]),
      ),
    );
  });

  test("float16, bfloat16 and float32 in one file", async () => {
    const tensors = tinyTensors().map(store);
    const at = (name: string) => tensors.findIndex((tensor) => tensor.name === name);
    tensors[at("ln_f.weight")] = bits16Tensor("ln_f.weight", "F16", [4], [0x3c00, 0xc000, 0x0001, 0x7bff]);
    tensors[at("h.1.attn.c_attn.bias")] = bfloat16Tensor("h.1.attn.c_attn.bias", [12], [...Array(12).keys()]);
    const { outer, blocks } = await load(tinyConfig, oneFile(tensors));
    expect([...outer.lnFinal_w]).toEqual([1, -2, 2 ** -24, 65504]);
    const { b_Q, b_K, b_V } = blocks.get(1)!;
    expect([b_Q, b_K, b_V].map((bias) => [...bias])).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9, 10, 11],
    ]);
  });

  test.each(["F32", "F64", "BOOL", "U8", "I64", "F8_E4M3"])("past mask buffers of %s", async (dtype) => {
    const size = { F32: 4, F64: 8, I64: 8 }[dtype] ?? 1;
    const masks = ["transformer.h.0.attn.bias", "h.1.attn.bias"].map((name) => {
      // longer than what is dropped at once
      return { name, dtype, shape: [1, 1, 400, 400], bytes: new Uint8Array(size * 160_000).fill(0xff) };
    });
    const fills = ["transformer.h.0.attn.masked_bias", "h.1.attn.masked_bias"].map((name) =>
      float32Tensor(name, [], [-1e4]),
    );
    expectWeights(await load(tinyConfig, oneFile([...masks, ...tinyTensors().map(store), ...fills])));
  });

  test("a block as soon as it is complete, and before the next is read", async () => {
    const events: string[] = [];
    const tensors = tinyTensors();
    await readCheckpoint(
      parseConfig(tinyConfig),
      oneFile(tensors.map(store)),
      (layer) => events.push(`block ${layer}`),
      {
        onProgress: ({ file, read, size }) => events.push(`${file} ${read === size ? "done" : "…"}`),
      },
    );
    // the header's length and the header; wte, wpe and block 0's 12 tensors; block 1's; ln_f's two
    expect(events.indexOf("block 0")).toBe(16);
    expect(events.indexOf("block 1")).toBe(29);
    expect(events.length).toBe(tensors.length + 4);
    expect(events.at(-1)).toBe("model.safetensors done");
    expect(events.filter((event) => event.endsWith("done"))).toHaveLength(1);
  });

  test("and forgets a block that it has handed over", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const bytes = writeSafetensors(tinyTensors().map(store));
    async function* slowly() {
      for (let at = 0; at < bytes.length; at += 200) {
        await setImmediate(); // what a WeakRef points to lives until the task is over
        yield bytes.slice(at, at + 200);
      }
    }
    const blocks: WeakRef<BlockWeights>[] = [];
    const alive: boolean[] = [];
    await readCheckpoint(
      parseConfig(tinyConfig),
      { "model.safetensors": slowly() },
      (_, block) => blocks.push(new WeakRef(block)),
      {
        onProgress() {
          collectGarbage();
          alive.push(blocks[0]?.deref() !== undefined);
        },
      },
    );
    expect(alive).toContain(true);
    expect(alive.at(-1)).toBe(false);
  });

  test("until the signal stops it", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const loading = readCheckpoint(
      parseConfig(tinyConfig),
      oneFile(tinyTensors().map(store)),
      () => stop.abort(reason),
      {
        signal: stop.signal,
      },
    );
    await expect(loading).rejects.toBe(reason);
  });

  test("and closes the file, whether it loads or not", async () => {
    for (const tensors of [tinyTensors(), without("ln_f.bias")]) {
      const bytes = writeSafetensors(tensors.map(store));
      const close = vi.fn(async () => {});
      const read = async (out: Uint8Array, position: number) => {
        const some = bytes.subarray(position, position + out.length);
        out.set(some);
        return some.length;
      };
      const source: Source = { size: bytes.length, read, close };
      await load(tinyConfig, { "model.safetensors": source }).catch(() => {});
      expect(close).toHaveBeenCalledOnce();
    }
  });
});

describe("wte and lm_head", () => {
  const untied = { ...tinyConfig, tie_word_embeddings: false };
  const twin = { ...tinyHead(), values: valuesOf("wte.weight") };

  test("tied, and stored twice alike: one array", async () => {
    const loaded = await loadTensors([...tinyTensors(), twin]);
    expectWeights(loaded);
    expect(loaded.outer.W_U).toBeNull();
    expect(loaded.warnings).toEqual([]);
  });

  test("tied, and lm_head alone", async () => {
    const loaded = await loadTensors([...without("wte.weight"), twin]);
    expectWeights(loaded);
    expect(loaded.outer.W_U).toBeNull();
  });

  test("tied, and different: lm_head for the logits, with a warning", async () => {
    const loaded = await loadTensors([tinyHead(), ...tinyTensors()]);
    expectWeights(loaded);
    expect([...loaded.outer.W_U!]).toEqual(valuesOf("lm_head.weight"));
    expect(loaded.warnings).toEqual([
      "lm_head.weight: differs from wte.weight, though config.json ties the two: the logits are computed with " +
        'lm_head.weight, as transformers 5 does. "tie_word_embeddings": false would say so.',
    ]);
  });

  test("tied, and different in the last bit of the last number", async () => {
    const values = valuesOf("wte.weight").with(-1, valuesOf("wte.weight").at(-1)! + 2 ** -23);
    const loaded = await loadTensors([...tinyTensors(), { ...twin, values }]);
    expect(loaded.outer.W_U?.at(-1)).toBe(values.at(-1));
  });

  test("untied: each its own, without a warning", async () => {
    const loaded = await loadTensors([...tinyTensors(), tinyHead()], untied);
    expectWeights(loaded);
    expect([...loaded.outer.W_U!]).toEqual(valuesOf("lm_head.weight"));
    expect(loaded.warnings).toEqual([]);
  });

  test("untied without lm_head", async () => {
    await expect(loadTensors(tinyTensors(), untied)).rejects.toThrow(
      new CheckpointError(
        'model.safetensors: got no lm_head.weight. With "tie_word_embeddings": false in config.json the logits need lm_head.weight.',
      ),
    );
  });

  test("untied without wte", async () => {
    await expect(loadTensors([...without("wte.weight"), tinyHead()], untied)).rejects.toThrow(
      new CheckpointError(
        "model.safetensors: got no wte.weight. Check that config.json belongs to this file.",
      ),
    );
  });

  test("neither", async () => {
    await expect(loadTensors(without("wte.weight"))).rejects.toThrow(
      new CheckpointError(
        "model.safetensors: got no wte.weight. Check that config.json belongs to this file.",
      ),
    );
  });
});

describe("nanoGPT's layout", () => {
  test("every linear layer is transposed, square ones too, in any order of tensors", async () => {
    const tensors = transposedLinears(tinyTensors());
    const order = fc.shuffledSubarray(tensors, { minLength: tensors.length });
    await fc.assert(
      fc.asyncProperty(order, async (shuffled) => {
        const loaded = await loadTensors(shuffled);
        expectWeights(loaded);
        expect(loaded.warnings).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  test("with an MLP as wide as the model, where c_attn alone tells", async () => {
    const config = { ...tinyConfig, n_inner: 4 };
    expectWeights(await loadTensors(transposedLinears(tinyTensors(config)), config), config);
    expectWeights(await loadTensors(tinyTensors(config), config), config);
  });

  test.each([true, false])(
    "square matrices in a shard before the one that tells (transposed: %s)",
    async (transposed) => {
      const config = { ...tinyConfig, n_inner: 4 };
      const tensors = transposed ? transposedLinears(tinyTensors(config)) : tinyTensors(config);
      const files = sharded(tensors, ({ name }) => (/c_attn/.test(name) ? 1 : 0));
      expectWeights(await load(config, files), config);
    },
  );

  test.each([true, false])("square matrices in a shard after it (transposed: %s)", async (transposed) => {
    const tensors = transposed ? transposedLinears(tinyTensors()) : tinyTensors();
    expectWeights(
      await load(
        tinyConfig,
        sharded(tensors, ({ name }) => (/attn.c_proj/.test(name) ? 1 : 0)),
      ),
    );
  });

  test("mixed with Conv1D's in another shard is refused", async () => {
    const tensors = tinyTensors().map((tensor, i) =>
      i < 14 ? tensor : transposedLinears(tinyTensors())[i]!,
    );
    const loading = load(
      tinyConfig,
      sharded(tensors, ({ name }) => (name.startsWith("h.1") ? 1 : 0)),
    );
    await expect(loading).rejects.toThrow(
      "got h.0.attn.c_attn.weight [4, 12] and h.1.attn.c_attn.weight [12, 4], expected all linear layers as",
    );
  });

  test("a config without an activation brings a warning, and only then", async () => {
    const { activation_function, ...silent } = tinyConfig;
    const { warnings } = await loadTensors(transposedLinears(tinyTensors()), silent);
    expect(warnings).toEqual([
      "config.json: the weights are laid out as nanoGPT's, and no activation_function is named: the tanh form of GELU " +
        'is assumed, as in early nanoGPT. Later ones use the exact form: "activation_function": "gelu".',
    ]);
    expect((await loadTensors(tinyTensors(), silent)).warnings).toEqual([]);
  });

  test("mixed with Conv1D's is refused", async () => {
    const [transposed] = transposedLinears(tinyTensors()).filter(
      ({ name }) => name === "h.1.mlp.c_fc.weight",
    );
    await expect(loadTensors(changed("h.1.mlp.c_fc.weight", () => transposed!))).rejects.toThrow(
      new CheckpointError(
        "model.safetensors: got h.0.attn.c_attn.weight [4, 12] and h.1.mlp.c_fc.weight [6, 4], expected all linear layers as " +
          "[inputs, outputs] (Conv1D) or all as [outputs, inputs] (nanoGPT). The checkpoint mixes the two.",
      ),
    );
  });
});

/** Shards by number, with their index. */
function sharded(tensors: readonly Named[], shardOf: (tensor: Named) => number): Record<string, Source> {
  const fileOf = (tensor: Named) => `model-0000${shardOf(tensor) + 1}-of-00009.safetensors`;
  const names = [...new Set(tensors.map(fileOf))];
  const weightMap = Object.fromEntries(tensors.map((tensor) => [tensor.name, fileOf(tensor)]));
  const index = JSON.stringify({ metadata: { total_size: 1 }, weight_map: weightMap });
  return {
    "model.safetensors.index.json": new Blob([index]),
    ...Object.fromEntries(
      names.map((name) => [
        name,
        writeSafetensors(tensors.filter((tensor) => fileOf(tensor) === name).map(store)),
      ]),
    ),
  };
}

describe("shards", () => {
  test("any division among them", async () => {
    const division = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 40, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(division, async (numbers) => {
        const tensors = tinyTensors();
        expectWeights(
          await load(
            tinyConfig,
            sharded(tensors, (tensor) => numbers[tensors.indexOf(tensor)]!),
          ),
        );
      }),
      { numRuns: 30 },
    );
  });

  test("model.safetensors is preferred to an index", async () => {
    const index = new Blob(["never read"]);
    const files = { ...oneFile(tinyTensors().map(store)), "model.safetensors.index.json": index };
    expectWeights(await load(tinyConfig, files));
  });

  const shards = () => sharded(tinyTensors(), ({ name }) => (name.startsWith("h.1") ? 1 : 0));
  const first = "model-00001-of-00009.safetensors";
  const second = "model-00002-of-00009.safetensors";
  const withIndex = (weightMap: unknown) => ({
    ...shards(),
    "model.safetensors.index.json": new Blob([JSON.stringify({ weight_map: weightMap })]),
  });
  const weightMap = () => {
    const entries = tinyTensors().map(({ name }) => [name, name.startsWith("h.1") ? second : first]);
    return Object.fromEntries(entries) as Record<string, unknown>;
  };

  test.each<[string, () => ModelFiles, string]>([
    [
      "an index without a weight_map",
      () => withIndex(undefined),
      "model.safetensors.index.json: got nothing as weight_map, expected an object.",
    ],
    [
      "a weight_map that is a list",
      () => withIndex([]),
      "model.safetensors.index.json: got a list of 0 as weight_map, expected an object.",
    ],
    ...(
      [
        7,
        "../secret.safetensors",
        "/etc/secret.safetensors",
        "a\\b.safetensors",
        "a\0.safetensors",
        "secret.bin",
      ] as const
    ).map((file): [string, () => ModelFiles, string] => [
      `a tensor in ${JSON.stringify(file)}`,
      () => withIndex({ ...weightMap(), "ln_f.bias": file }),
      `model.safetensors.index.json: ln_f.bias: got ${JSON.stringify(file)}, expected the name of a .safetensors file beside the index.`,
    ]),
    [
      "a shard that is not there",
      () => withIndex({ ...weightMap(), "ln_f.bias": "toString.safetensors" }),
      "model.safetensors.index.json: got no file toString.safetensors, which it names. Download it too.",
    ],
    [
      "a tensor that is in another shard",
      () => withIndex({ ...weightMap(), "ln_f.bias": second }),
      `${first}: got ln_f.bias, not expected there by model.safetensors.index.json.`,
    ],
    [
      "a tensor that is not in its shard",
      () => withIndex({ ...weightMap(), "h.1.ln_1.bias": first }),
      `${first}: got no h.1.ln_1.bias, expected there by model.safetensors.index.json.`,
    ],
    [
      "a tensor missing from the index",
      () => {
        const { "ln_f.bias": _, ...rest } = weightMap();
        return withIndex(rest);
      },
      "model.safetensors.index.json: got no ln_f.bias. Check that config.json belongs to this file.",
    ],
    [
      "an index that is an HTML page",
      () => ({ ...shards(), "model.safetensors.index.json": new Blob(["<html>"]) }),
      "model.safetensors.index.json: got an HTML page (its first byte is '<'). Check the address it came from.",
    ],
  ])("refuse %s", async (_rule, files, message) => {
    await expect(load(tinyConfig, files())).rejects.toThrow(new CheckpointError(message));
  });
});

describe("readCheckpoint refuses", () => {
  const names = (which: RegExp) => tinyTensors().filter(({ name }) => which.test(name));
  const extra = (name: string): Named => ({ name, shape: [1], values: [0] });

  test.each<[string, () => readonly Named[], object, string]>([
    [
      "missing and unexpected tensors, both by name",
      () => [...without("h.1.ln_2.bias"), extra("h.1.ln_2.beta"), extra("scores.weight")],
      {},
      "got no h.1.ln_2.bias; got h.1.ln_2.beta, scores.weight, which GPT-2 has no place for. Check that config.json belongs to this file.",
    ],
    [
      "a config of more layers than the file",
      () => tinyTensors(),
      { n_layer: 3 },
      "got no h.2.ln_1.weight, h.2.ln_1.bias, h.2.attn.c_attn.weight, h.2.attn.c_attn.bias, h.2.attn.c_proj.weight, … (12 in all). " +
        "config.json says n_layer = 3, the file has 2 layers.",
    ],
    [
      "a config of fewer layers than the file",
      () => tinyTensors(),
      { n_layer: 1 },
      "got h.1.ln_1.weight, h.1.ln_1.bias, h.1.attn.c_attn.weight, h.1.attn.c_attn.bias, h.1.attn.c_proj.weight, … (12 in all), " +
        "which GPT-2 has no place for. config.json says n_layer = 1, the file has 2 layers.",
    ],
    [
      "a mask buffer by another name",
      () => [...tinyTensors(), extra("h.0.attn.bias2")],
      {},
      "got h.0.attn.bias2, which GPT-2 has no place for. Check that config.json belongs to this file.",
    ],
    [
      "a name with leading zeros",
      () => [...tinyTensors(), extra("h.00.attn.bias")],
      {},
      "got h.00.attn.bias, which GPT-2 has no place for. config.json says n_layer = 2, the file has 3 layers.",
    ],
    [
      "one tensor with the prefix and without",
      () => [...tinyTensors(), { ...names(/^ln_f.bias$/)[0]!, name: "transformer.ln_f.bias" }],
      {},
      "got both ln_f.bias and transformer.ln_f.bias, expected one of them.",
    ],
    [
      "a config with another n_embd",
      () => tinyTensors(),
      { n_embd: 8 },
      "wte.weight: got shape [7, 4], expected [dVocab=7, dModel=8] (and 25 more tensors do not fit). " +
        "No tensor here agrees with config.json's n_embd = 8: the config is wrong for this file.",
    ],
    [
      "a config with another n_inner",
      () => tinyTensors(),
      { n_inner: null },
      "h.0.mlp.c_fc.weight: got shape [4, 6], expected [dModel=4, dMlp=16] (and 5 more tensors do not fit). " +
        "No tensor here agrees with config.json's n_inner = 16: the config is wrong for this file.",
    ],
    [
      "a config with another vocab_size",
      () => tinyTensors(),
      { vocab_size: 9 },
      "wte.weight: got shape [7, 4], expected [dVocab=9, dModel=4]. " +
        "No tensor here agrees with config.json's vocab_size = 9: the config is wrong for this file.",
    ],
    [
      "a config with another n_positions",
      () => tinyTensors(),
      { n_positions: 1024 },
      "wpe.weight: got shape [5, 4], expected [nCtx=1024, dModel=4]. " +
        "No tensor here agrees with config.json's n_positions = 1024: the config is wrong for this file.",
    ],
    [
      "one tensor of another shape",
      () =>
        changed("h.1.attn.c_attn.bias", (tensor) => ({
          ...tensor,
          shape: [8],
          values: tensor.values.slice(4),
        })),
      {},
      "h.1.attn.c_attn.bias: got shape [8], expected [3·dModel=12]. " +
        "Others (25) agree with config.json's n_embd = 4: this tensor is wrong.",
    ],
    [
      "a tensor of another rank",
      () => changed("ln_f.weight", (tensor) => ({ ...tensor, shape: [1, 4] })),
      {},
      "ln_f.weight: got shape [1, 4], expected [dModel=4]. Others (25) agree with config.json's n_embd = 4: this tensor is wrong.",
    ],
    [
      "a shape that only begins right",
      () => changed("wpe.weight", (tensor) => ({ ...tensor, shape: [5], values: tensor.values.slice(0, 5) })),
      {},
      "wpe.weight: got shape [5], expected [nCtx=5, dModel=4]. Others (25) agree with config.json's n_embd = 4: this tensor is wrong.",
    ],
    [
      "an embedding transposed, which no layout does",
      () => changed("wpe.weight", (tensor) => ({ ...tensor, shape: [4, 5] })),
      {},
      "wpe.weight: got shape [4, 5], expected [nCtx=5, dModel=4]. " +
        "No tensor here agrees with config.json's n_positions = 5: the config is wrong for this file.",
    ],
    ...(["NaN", "Infinity", "-Infinity"] as const).map(
      (value): [string, () => readonly Named[], object, string] => [
        `${value} among the weights`,
        () =>
          changed("h.1.mlp.c_proj.weight", (tensor) => ({
            ...tensor,
            values: tensor.values.with(14, Number(value)),
          })),
        {},
        `h.1.mlp.c_proj.weight: got ${value} at [3, 2], expected finite numbers: with it every logit would be NaN. Use another checkpoint.`,
      ],
    ),
  ])("%s", async (_rule, tensors, changes, message) => {
    await expect(loadTensors(tensors(), { ...tinyConfig, ...changes })).rejects.toThrow(
      new CheckpointError(`model.safetensors: ${message}`),
    );
  });

  test("a stream that goes on after the last tensor", async () => {
    const file = concat([writeSafetensors(tinyTensors().map(store)), new Uint8Array(1)]);
    await expect(load(tinyConfig, { "model.safetensors": cutAt(file, []) })).rejects.toThrow(
      `model.safetensors: got more bytes after byte ${file.length - 1}, where the last tensor ends.`,
    );
  });

  test("NaN as the very first number", async () => {
    const first = changed("wte.weight", (tensor) => ({
      ...tensor,
      values: tensor.values.with(0, Number.NaN),
    }));
    await expect(loadTensors(first)).rejects.toThrow(
      "model.safetensors: wte.weight: got NaN at [0, 0], expected finite",
    );
  });

  test.each([0x7c00, 0xfc00, 0x7e00])("non-finite float16 0x%s", async (bits) => {
    const tensors = tinyTensors().map(store);
    const at = tensors.findIndex(({ name }) => name === "h.0.attn.c_attn.bias");
    tensors[at] = bits16Tensor("h.0.attn.c_attn.bias", "F16", [12], [...Array(11).fill(0), bits]);
    await expect(load(tinyConfig, oneFile(tensors))).rejects.toThrow(
      /c_attn\.bias: got -?(Infinity|NaN) at \[11\], expected finite/,
    );
  });

  test.each(["F64", "I64"])("weights of dtype %s, before any is read", async (dtype) => {
    const tensors = tinyTensors().map(store);
    const last = tensors.findIndex(({ name }) => name === "ln_f.bias");
    tensors[last] = { name: "ln_f.bias", dtype, shape: [4], bytes: new Uint8Array(4 * 8) };
    const received = vi.fn();
    await expect(readCheckpoint(parseConfig(tinyConfig), oneFile(tensors), received)).rejects.toThrow(
      new CheckpointError(
        `model.safetensors: ln_f.bias: got dtype ${dtype}, expected F32, F16 or BF16. Convert the checkpoint to float32.`,
      ),
    );
    expect(received).not.toHaveBeenCalled();
  });

  test.each(["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"])(
    "%s alone, with what to do",
    async (name) => {
      await expect(load(tinyConfig, { "config.json": new Blob([]), [name]: new Blob([]) })).rejects.toThrow(
        new CheckpointError(
          `model.safetensors: got ${name} alone, which is PyTorch's pickles, expected safetensors. Convert it, in Python: ` +
            "GPT2LMHeadModel.from_pretrained(folder).save_pretrained(folder).",
        ),
      );
    },
  );

  test("no weights at all", async () => {
    await expect(
      load(tinyConfig, { "config.json": new Blob([]), "merges.txt": new Blob([]) }),
    ).rejects.toThrow(
      new CheckpointError(
        "model.safetensors: not among the files, which are config.json, merges.txt. Give it, or model.safetensors.index.json and its shards.",
      ),
    );
    await expect(load(tinyConfig, {})).rejects.toThrow("not among the files, which are no files.");
  });

  test("a file cut off anywhere, as a stream and as bytes", async () => {
    const config = { ...tinyConfig, n_layer: 1, n_embd: 2, n_inner: 2, n_positions: 1, vocab_size: 2 };
    const file = writeSafetensors(tinyTensors(config).map(store));
    for (let length = 0; length < file.length; length += length < 20 ? 1 : 7) {
      const cut = file.slice(0, length);
      await expect(load(config, { "model.safetensors": cut })).rejects.toThrow(CheckpointError);
      await expect(load(config, { "model.safetensors": cutAt(cut, []) })).rejects.toThrow(CheckpointError);
    }
  });
});

test("warnings go to the console by default", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  await readCheckpoint(parseConfig(tinyConfig), oneFile([...tinyTensors(), tinyHead()].map(store)), () => {});
  expect(warn).toHaveBeenCalledOnce();
  warn.mockRestore();
});

describe.each(modelNames)("Hugging Face's own file: %s", (name) => {
  test("loads, with every weight of the right size", async () => {
    const files = await folderFiles(modelFolder(name));
    const config: Gpt2Config = parseConfig(await readText(fileNamed(files, "config.json")!, "config.json"));
    const { dModel, dMlp, dVocab, nCtx, nLayers } = config;
    const blocks = new Map<number, BlockWeights>();
    const warnings: string[] = [];
    const outer = await readCheckpoint(config, files, (layer, block) => blocks.set(layer, block), {
      onWarning: (text) => warnings.push(text),
    });
    expect(blocks.size).toBe(nLayers);
    expect(outer.W_E.length).toBe(dVocab * dModel);
    expect(outer.W_pos.length).toBe(nCtx * dModel);
    for (const block of blocks.values()) {
      expect(block.W_V.length).toBe(dModel * dModel);
      expect(block.W_in.length).toBe(dModel * dMlp);
      expect(block.b_in.length).toBe(dMlp);
      expect(Object.keys(block)).toHaveLength(16);
    }
    expect(outer.W_U !== null).toBe(["untied", "tied-differs"].includes(name));
    expect(warnings.length).toBe(name === "tied-differs" ? 1 : 0);
  });
});
