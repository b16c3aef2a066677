import { describe, expect, test } from "vitest";
import { directLogitAttribution, ValueError } from "../../src/index.ts";
import { tinyModel, tinyTokenizer } from "../support/tinyModel.ts";
import { expectCleanPrototypes } from "./support.ts";

const model = tinyModel({ tokenizer: tinyTokenizer() }).enableCompatibilityMode();
const attribute = (input: unknown, options: object = {}) =>
  directLogitAttribution(model, input as never, { answer: 1, ...options });

/** What no caller that is checked by TypeScript gives. */
const given: readonly (readonly [string, unknown])[] = [
  ["null", null],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["half", 0.5],
  ["-0.5", -0.5],
  ["2^53", 2 ** 53],
  ["a bigint", 1n],
  ["a symbol", Symbol("x")],
  ["a function", () => 1],
  ["an object", {}],
  ["an object without a prototype", Object.create(null)],
  ["an object whose JSON fails", { toJSON: () => 1n }],
  ["true", true],
];

const kinds: typeof given = [["undefined", undefined], ...given];

describe("a ValueError, and nothing else", () => {
  test.each(kinds)("where a prompt is %s", (_name, value) => {
    expect(() => attribute(value)).toThrow(ValueError);
    expect(() => attribute([value])).toThrow(ValueError);
    expect(() => attribute([[value]])).toThrow(ValueError);
    expect(() => attribute([0, value])).toThrow(ValueError);
    expectCleanPrototypes();
  });

  test.each(given)("where a position is %s", (_name, pos) => {
    expect(() => attribute([0, 1], { pos })).toThrow(ValueError);
    expect(() => attribute([0, 1], { pos: [pos] })).toThrow(ValueError);
  });

  test.each(kinds)("where an answer is %s", (_name, answer) => {
    expect(() => attribute([0, 1], { answer })).toThrow(ValueError);
    expect(() => attribute([0, 1], { answer: [answer] })).toThrow(ValueError);
    expect(() => attribute([0, 1], { answer: [[answer]] })).toThrow(ValueError);
    if (answer !== undefined) expect(() => attribute([0, 1], { wrong: answer })).toThrow(ValueError);
  });

  test.each(given)("where a unit or direction is %s", (_name, value) => {
    expect(() => attribute([0, 1], { unit: value })).toThrow(ValueError);
    expect(() => attribute([0, 1], { answer: undefined, direction: value })).toThrow(ValueError);
  });

  test.each(given)("where logits or layers are %s", (_name, value) => {
    if (value !== null) expect(() => model.run([0, 1], { logits: value as never })).toThrow(ValueError);
    expect(() => model.run([0, 1], { logits: { tokens: [value] as never } })).toThrow(ValueError);
    expect(() => model.run([0, 1], { stopAtLayer: value as never })).toThrow(ValueError);
  });

  test.each([
    ["a list of 2^32 - 1 holes", new Array(2 ** 32 - 1)],
    ["a text of a million tokens", "!".repeat(1e6)],
    ["a text of the tokens' parts", "\u20ac".repeat(10)],
    ["lone surrogates", "\ud800\udfff\ud800"],
  ])("where a prompt is %s", (_name, input) => {
    expect(() => attribute([input])).toThrow(ValueError);
  });

  test("where an answer is a text of a million tokens, told in a short message", () => {
    const answer = "!".repeat(1e6);
    expect(() => attribute("hat", { answer })).toThrow(ValueError);
    try {
      attribute("hat", { answer });
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(2000);
    }
  });
});
