import { describe, test } from "vitest";
import { modelFromFiles } from "../../../src/model/index.ts";
import { wasmKernels } from "../../../src/tensor/index.ts";
import { expectSameBytes } from "../../support/bits.ts";
import {
  type Named,
  store,
  tinyConfig,
  tinyTensors,
  transposedLinears,
} from "../../support/gpt2Checkpoint.ts";
import { writeSafetensors } from "../../support/writeSafetensors.ts";

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** The logits of a model on WebAssembly, folded, from the files of its shards. */
async function logitsOf(config: object, shards: readonly (readonly Named[])[]): Promise<Float32Array> {
  const names = shards.map((_, i) => `${i}.safetensors`);
  const weight_map = Object.fromEntries(
    shards.flatMap((tensors, i) => tensors.map(({ name }) => [name, names[i]])),
  );
  const files = {
    "config.json": json({ model_type: "gpt2", ...config }),
    "model.safetensors.index.json": json({ weight_map }),
    ...Object.fromEntries(shards.map((tensors, i) => [names[i], writeSafetensors(tensors.map(store))])),
  };
  const model = await modelFromFiles(files, {
    kernels: wasmKernels({ precision: "reproducible" }),
    compatibilityMode: true,
  });
  return model.run([[1, 0, 1]]).data;
}

const small = { ...tinyConfig, n_layer: 1, n_positions: 4, vocab_size: 2 };

/** Values as they are in a model, whatever the shape: of the size of GPT-2's. */
const evened = (tensors: readonly Named[]): Named[] =>
  tensors.map((tensor) => ({ ...tensor, values: tensor.values.map((_, i) => Math.sin(i * i) / 8) }));

describe("a transposed checkpoint is the same model, bit for bit, on WebAssembly", () => {
  // what is read at once is, of some of these, no whole number of panels; nor is where queries end and keys begin
  test.each([
    { n_embd: 320, n_head: 4 },
    { n_embd: 1280, n_head: 20 },
    { n_embd: 333, n_head: 3, n_inner: 777 },
  ])("%j", async (shape) => {
    const config = { ...small, n_inner: null, ...shape };
    const tensors = evened(tinyTensors({ ...config, n_inner: config.n_inner ?? 4 * shape.n_embd }));
    const want = await logitsOf(config, [tensors]);
    expectSameBytes(await logitsOf(config, [transposedLinears(tensors)]), want, "logits");
  });
});

test("an MLP as wide as the model, in a shard before the one that tells the layout, is centred as ever", async () => {
  const config = { ...small, n_embd: 16, n_head: 2, n_inner: 16 };
  const tensors = evened(tinyTensors(config));
  const want = await logitsOf(config, [tensors]);
  for (const stored of [tensors, transposedLinears(tensors)]) {
    const isFirst = ({ name }: Named) => /mlp.c_proj/.test(name);
    const got = await logitsOf(config, [stored.filter(isFirst), stored.filter((tensor) => !isFirst(tensor))]);
    expectSameBytes(got, want, "logits");
  }
});
