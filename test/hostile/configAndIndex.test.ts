import { describe, test } from "vitest";
import { parseConfig } from "../../src/index.ts";
import { tinyConfig } from "../support/gpt2Checkpoint.ts";
import { expectRefusal, load } from "./support.ts";

const config = (changes: string) => `${JSON.stringify(tinyConfig).slice(0, -1)},${changes}}`;

const configs: readonly (readonly [string, string, RegExp])[] = [
  ["an empty file", "", /the file is empty/],
  ["null", "null", /got null, expected a JSON object/],
  ["a list", "[]", /got a list of 0, expected a JSON object/],
  ["lists nested 100,000 deep", "[".repeat(1e5), /not valid JSON/],
  [
    "an object nested 100,000 deep",
    config(`"n_layer":${'{"a":'.repeat(1e5)}0${"}".repeat(1e5)}`),
    /n_layer an object/,
  ],
  ["no keys", "{}", /got no n_layer/],
  ["keys to inherit", `{"__proto__":${JSON.stringify(tinyConfig)}}`, /got no n_layer/],
  ["1e308 layers", config('"n_layer":1e308'), /got n_layer 1e\+308, expected an integer from 1 to 4096/],
  ["1e400 layers", config('"n_layer":1e400'), /got n_layer Infinity/],
  ["2^31 layers", config('"n_layer":2147483648'), /got n_layer 2147483648/],
  ["no layers", config('"n_layer":0'), /got n_layer 0/],
  ["negative layers", config('"n_layer":-2'), /got n_layer -2/],
  ["half a layer", config('"n_layer":0.5'), /got n_layer 0\.5/],
  ["layers as a text", config('"n_layer":"2"'), /got n_layer "2"/],
  ["layers as a list", config('"n_layer":[2]'), /got n_layer a list of 1/],
  [
    "4096 layers where there are two",
    config('"n_layer":4096'),
    /config\.json says n_layer = 4096, the file has 2 layers/,
  ],
  ["heads that do not divide", config('"n_head":3'), /got n_embd 4 and n_head 3/],
  ["more heads than dims", config('"n_head":8'), /got n_embd 4 and n_head 8/],
  [
    "a vocabulary of 2^24",
    config('"vocab_size":16777216'),
    /wte\.weight: got shape \[7, 4\], expected \[dVocab=16777216/,
  ],
  ["a vocabulary of 2^32", config('"vocab_size":4294967296'), /got vocab_size 4294967296/],
  [
    "a context of 2^24",
    config('"n_positions":16777216'),
    /wpe\.weight: got shape \[5, 4\], expected \[nCtx=16777216/,
  ],
  [
    "matrices beyond 2^31",
    config('"n_embd":16777216,"n_head":1'),
    /sizes that make a matrix of 844424930131968/,
  ],
  ["an epsilon of 0", config('"layer_norm_epsilon":0'), /got layer_norm_epsilon 0/],
  ["an epsilon of 1e400", config('"layer_norm_epsilon":1e400'), /got layer_norm_epsilon Infinity/],
  [
    "an activation of Object's",
    config('"activation_function":"constructor"'),
    /got activation_function "constructor"/,
  ],
  [
    "an activation __proto__",
    config('"activation_function":"__proto__"'),
    /got activation_function "__proto__"/,
  ],
  ["a flag that is a text", config('"scale_attn_weights":"yes"'), /got scale_attn_weights "yes"/],
  ["half a bos token", config('"bos_token_id":0.5'), /got bos_token_id 0\.5/],
  ["an HTML page", "<html>", /an HTML page/],
  ["a git-lfs pointer", "version https://git-lfs.github.com/spec/v1\noid", /a git-lfs pointer/],
];

describe("a config is refused", () => {
  test.each(configs)("%s", (_name, text, message) => expectRefusal(load({ "config.json": text }), message));

  test("bytes that are no text", () =>
    expectRefusal(load({ "config.json": Uint8Array.of(0x80, 2, 0x7d) }), /not UTF-8 text/));

  test("a value that JSON has not", () =>
    expectRefusal(
      Promise.resolve().then(() => parseConfig({ ...tinyConfig, n_layer: 2n })),
      /got n_layer 2n, expected an integer/,
    ));

  test("one without an end", async () => {
    const endless = async function* () {
      for (;;) yield new Uint8Array(1 << 20);
    };
    await expectRefusal(load({ "config.json": endless() }), /got more bytes, expected at most 67108864/);
  });

  test("one of terabytes, without reading it", async () => {
    const sparse = { size: 2 ** 42, read: async () => 0, close: async () => {} };
    await expectRefusal(
      load({ "config.json": sparse }),
      /got 4398046511104 bytes, expected at most 67108864/,
    );
  });
});

const indexed = (file: unknown) =>
  load({
    "model.safetensors": undefined,
    "model.safetensors.index.json": JSON.stringify({ weight_map: { "wte.weight": file } }),
  });

describe("an index is refused", () => {
  test.each([
    "../model.safetensors",
    "../../../../etc/passwd",
    "/etc/x.safetensors",
    "./x.safetensors",
    "a/b.safetensors",
    "..\\x.safetensors",
    "C:\\x.safetensors",
    "\\\\host\\share\\x.safetensors",
    "a\0.safetensors",
    "x.safetensors\0.txt",
    "file:///etc/x.safetensors",
    "https://example.org/x.safetensors",
    "",
    "..",
    "config.json",
    "/dev/zero",
    0,
    null,
    ["x.safetensors"],
    { toString: "x.safetensors" },
  ])("that names %j", (file) =>
    expectRefusal(
      indexed(file),
      /wte\.weight: got .*, expected the name of a \.safetensors file beside the index/,
    ),
  );

  // names that mean a path elsewhere: here they are names, and no such file was given
  test.each([
    "C:x.safetensors",
    "%2e%2e%2fx.safetensors",
    "..%5cx.safetensors",
    "\u2025\u2215x.safetensors",
    "\uff0e\uff0e\uff0fx.safetensors",
    "CON.safetensors",
    "x.safetensors:stream.safetensors",
    "\u202ex.safetensors",
    "\ud800.safetensors",
    "__proto__.safetensors",
    ".safetensors",
  ])("that names %j, which was not given", (file) =>
    expectRefusal(indexed(file), /got no file .*, which it names/s),
  );

  test.each([
    ["no map", "{}", /got nothing as weight_map/],
    ["a map to inherit", '{"__proto__":{"weight_map":{}}}', /got nothing as weight_map/],
    ["a list", '{"weight_map":[]}', /got a list of 0 as weight_map/],
    ["an empty map", '{"weight_map":{}}', /got no wte\.weight/],
    ["a tensor __proto__", '{"weight_map":{"__proto__":"x.safetensors"}}', /got no file x\.safetensors/],
  ])("%s", (_name, text, message) =>
    expectRefusal(load({ "model.safetensors": undefined, "model.safetensors.index.json": text }), message),
  );
});
