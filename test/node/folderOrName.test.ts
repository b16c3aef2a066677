import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { CheckpointError, ValueError } from "../../src/errors.ts";
import { fromPretrained } from "../../src/node/index.ts";

const address = new URL("../../src/demo/model", import.meta.url);

test.each([
  ["a path", fileURLToPath(address)],
  ["a URL", address],
  ["a URL with a slash at its end", new URL(`${address.href}/`)],
  ["its text", address.href],
])("%s of a folder", async (_, folder) => {
  const model = await fromPretrained(folder);
  expect(model.name).toBe("model");
  expect(model.config.nLayers).toBe(3);
});

test.each([
  [undefined, "fromPretrained: got nothing, expected a folder or a name on the hub."],
  [
    "",
    'fromPretrained: got "", expected a folder or a name on the hub. Give "./gpt2" or "openai-community/gpt2".',
  ],
  [["gpt2"], "fromPretrained: got a list of 1, expected a folder"],
  [
    new URL("https://huggingface.co/openai-community/gpt2"),
    'fromPretrained: got the address "https://huggingface.co/openai-community/gpt2", expected a folder or a name on the hub. Give modelFromFiles',
  ],
  [
    "https://huggingface.co/openai-community/gpt2",
    "Give modelFromFiles the files' addresses, each a URL; or fromPretrained the name",
  ],
  ["file://elsewhere/gpt2%2F", "expected the address of a folder here."],
])("%s: a ValueError", async (given, message) => {
  const loading = fromPretrained(given as string);
  await expect(loading).rejects.toThrow(ValueError);
  await expect(loading).rejects.toThrow(message);
});

test("a folder that is not there, by its address, is named by its path", async () => {
  await expect(fromPretrained(new URL("./nowhere", address))).rejects.toThrow(CheckpointError);
  await expect(fromPretrained(new URL("./nowhere", address))).rejects.toThrow(/nowhere: got nothing there/);
});
