import fc from "fast-check";
import { expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { type AttributionResult, directLogitAttribution, toJSON, toNdjson } from "../../src/index.ts";

const model = await demoModel({ compatibilityMode: true });
const prompts = ["The capital of France is", "The bags near the cabinet"];
const result = directLogitAttribution(model, prompts, {
  answer: [" Paris", " are"],
  wrong: " is",
  pos: [0, -1],
});

const withText = (text: string): AttributionResult => ({
  ...result,
  prompts: result.prompts.map((prompt) => ({ ...prompt, text })),
  attributions: result.attributions.map((one) => ({ ...one, answer: { id: 1, text }, wrong: null })),
});

test("ndjson has a line for each attribution, with its prompt and the document's fields", () => {
  const { attributions, prompts: described, mean, ...shared } = toJSON(result);
  const lines = toNdjson(result).split("\n");
  expect(lines.pop()).toBe("");
  expect(lines.map((line) => JSON.parse(line))).toEqual(
    JSON.parse(
      JSON.stringify(attributions.map((one) => ({ ...shared, ...one, prompt: described[one.prompt] }))),
    ),
  );
  expect(lines).toHaveLength(4);
  expect(mean).not.toBeNull();
});

test("ndjson of paths says who wrote, on every line", () => {
  const paths = directLogitAttribution(model, prompts, { answer: [" Paris", " are"], unit: "path" });
  for (const line of toNdjson(paths).trimEnd().split("\n"))
    expect(JSON.parse(line).writers).toEqual(paths.writers);
});

test("ndjson of any text has a line for each attribution", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 20 }), (text) => {
      const lines = toNdjson(withText(text)).trimEnd().split("\n");
      expect(lines).toHaveLength(result.attributions.length);
      for (const line of lines) expect(JSON.parse(line).prompt.text).toBe(text);
    }),
  );
});
