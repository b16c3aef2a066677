import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { ablationEffects, directLogitAttribution, type Gpt2, toTable } from "../../src/index.ts";
import { fromPretrained } from "../../src/node/index.ts";

interface Case {
  readonly prompt: string;
  readonly answer: string;
  readonly wrong: string;
  /** Where several answers are right: the two-digit tokens that are. */
  readonly valid?: readonly string[];
}

const folder = new URL("../../src/demo/model/", import.meta.url);
const heldOut: Record<string, Case[]> = JSON.parse(
  readFileSync(new URL("../fixtures/demo-model/heldout.json", import.meta.url), "utf8"),
);
const twoDigits = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, "0"));
const model = await demoModel({ compatibilityMode: true });

/** The definitions of docs/demo-model.md: over the whole vocabulary, save for agreement. */
function isRight(task: string, { prompt, answer, wrong, valid }: Case): boolean {
  const logits = model.run(prompt, { logits: "last" }).data;
  const logit = (token: string) => logits[model.toSingleToken(token)];
  if (task === "agreement") return logit(answer) > logit(wrong);
  const top = logits.indexOf(Math.max(...logits));
  if (valid === undefined) return top === model.toSingleToken(answer);
  const mass = (tokens: readonly string[]) => tokens.reduce((sum, token) => sum + Math.exp(logit(token)), 0);
  const invalid = twoDigits.filter((token) => !valid.includes(token));
  return valid.some((token) => model.toSingleToken(token) === top) && mass(valid) > mass(invalid);
}

describe("held-out accuracy", () => {
  test.each([
    ["indirectObject", 0.97],
    ["repetition", 0.97],
    ["facts", 0.95],
    ["successors", 0.95],
    ["agreement", 0.95],
    ["greaterThan", 0.95],
  ])("%s is at least %d", (task, required) => {
    const cases = heldOut[task];
    expect(cases.length).toBeGreaterThanOrEqual(150);
    const right = cases.filter((item) => isRight(task, item)).length;
    expect(right / cases.length).toBeGreaterThanOrEqual(required);
  });
});

/** The answer's logit less the wrong one's; of sets of answers, the difference of their means. */
function logitDifference({ prompt, answer, wrong, valid }: Case): number {
  const logits = model.run(prompt, { logits: "last" }).data;
  const average = (tokens: readonly string[]) =>
    tokens.reduce((sum, token) => sum + logits[model.toSingleToken(token)], 0) / tokens.length;
  const invalid = twoDigits.filter((token) => !valid?.includes(token));
  return valid ? average(valid) - average(invalid) : average([answer]) - average([wrong]);
}

describe("docs/demo-model.md says what is measured here", () => {
  const doc = readFileSync(new URL("../../docs/demo-model.md", import.meta.url), "utf8");
  const rows = [...doc.matchAll(/^\| (\w+) \| (\d+) \| ([\d.]+)% \| .* \| ([\d.]+) \|$/gm)];

  test("of every task", () => expect(rows.map(([, task]) => task)).toEqual(Object.keys(heldOut)));

  test.each(rows.map(([, ...cells]) => cells))("%s: %d cases, %d%%", (task, count, accuracy, difference) => {
    const cases = heldOut[task];
    expect(cases).toHaveLength(Number(count));
    const right = cases.filter((item) => isRight(task, item)).length;
    expect(((100 * right) / cases.length).toFixed(1)).toBe(accuracy);
    const mean = cases.reduce((sum, item) => sum + logitDifference(item), 0) / cases.length;
    expect(Math.abs(mean - Number(difference))).toBeLessThan(0.0051); // the table has two decimals
  });
});

describe("the prompt of `npm start`", () => {
  const prompt = "When Mary and John went to the store, John gave a drink to";

  test("is answered with a clear margin, in both orders", () => {
    const { check } = directLogitAttribution(model, prompt, { answer: " Mary", wrong: " John" })
      .attributions[0];
    expect(check.logit).toBeGreaterThan(2);
    const swapped = prompt.replace("Mary and John", "John and Mary");
    const other = directLogitAttribution(model, swapped, { answer: " Mary", wrong: " John" }).attributions[0];
    expect(other.check.logit).toBeGreaterThan(2);
  });

  test.each(["component", "layer", "head"] as const)(
    "is attributed by %s, and the table shows it",
    (unit) => {
      const result = directLogitAttribution(model, prompt, { answer: " Mary", wrong: " John", unit });
      const [{ check }] = result.attributions;
      expect(Math.abs(check.sum + check.bias - check.logit)).toBeLessThanOrEqual(
        check.bound + check.roundingBound,
      );
      const row = { component: "embed", layer: "final_post", head: "remainder" }[unit];
      expect(toTable(result)).toMatch(new RegExp(`^${row} +[+-]\\d`, "m"));
    },
  );
});

test("the files are a Hugging Face folder under 600 kB", async () => {
  const names = ["config.json", "model.safetensors", "vocab.json", "merges.txt"];
  expect(names.reduce((sum, name) => sum + statSync(new URL(name, folder)).size, 0)).toBeLessThan(600_000);
  const opened: Gpt2 = await fromPretrained(fileURLToPath(folder), { compatibilityMode: true });
  const logits = (of: Gpt2) => of.run("The capital of France is", { logits: "last" }).data;
  expect(logits(opened)).toEqual(logits(model));
});

test("every word of the held-out cases is one token with its leading space", () => {
  for (const { prompt, answer, wrong } of heldOut.indirectObject) {
    expect(model.toTokens(prompt).length - 1).toBe(
      prompt
        .replace(/([,.])/g, " $1")
        .trim()
        .split(/\s+/).length,
    );
    expect(() => [answer, wrong].map((token) => model.toSingleToken(token))).not.toThrow();
  }
});

test("L0H1 adds little to indirect objects, yet without it nothing is left of them: it works through later layers", async () => {
  const cases = heldOut.indirectObject;
  const of = (name: "prompt" | "answer" | "wrong") => cases.map((item) => item[name]);
  const { labels, attributions } = await ablationEffects(model, of("prompt"), {
    unit: "head",
    answer: of("answer"),
    wrong: of("wrong"),
  });
  const mean = (effect: "total" | "direct" | "indirect" | "frozen") =>
    attributions.reduce((sum, one) => sum + one[effect][labels.indexOf("L0H1")], 0) / attributions.length;
  const difference = attributions.reduce((sum, { check }) => sum + check.logit, 0) / attributions.length;
  expect(difference).toBeCloseTo(7.23, 2);
  expect(Math.abs(mean("frozen"))).toBeLessThan(0.02 * difference);
  expect(Math.abs(mean("direct"))).toBeLessThan(0.03 * difference);
  expect(mean("total")).toBeLessThan(-0.9 * difference);
  expect(mean("indirect")).toBeLessThan(-0.9 * difference);
});
