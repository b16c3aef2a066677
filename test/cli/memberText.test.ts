import fc from "fast-check";
import { expect, test } from "vitest";
import { memberText } from "../../src/cli/memberText.ts";

const space = fc.string({ unit: fc.constantFrom(" ", "\t", "\r", "\n"), maxLength: 2 });

/** Texts of JSON values, written in ways that JSON.stringify does not write. */
const { value } = fc.letrec<{ value: string; members: string }>((tie) => ({
  members: fc
    .array(fc.tuple(space, anyString(), space, space, tie("value"), space), { maxLength: 3 })
    .map((all) => all.map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`).join()),
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      "1.0",
      "1e400",
      "-0",
      "3791411052119578828",
      "1E+2",
      "true",
      "false",
      "null",
      "{}",
      "[ ]",
    ),
    anyString(),
    fc.jsonValue().map((one) => JSON.stringify(one)),
    fc.array(tie("value"), { maxLength: 3 }).map((all) => `[${all.join(" , ")}]`),
    tie("members").map((members) => `{${members}}`),
  ),
}));

function anyString() {
  const unit = fc.constantFrom(
    "a",
    "\\u0041",
    '\\"',
    "\\\\",
    "\\n",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "é",
    "\u2028",
  );
  return fc.string({ unit, maxLength: 5 }).map((text) => `"${text}"`);
}

const idKey = fc.constantFrom('"id"', '"\\u0069d"', '"i\\u0064"');
const otherKey = anyString().filter((key) => JSON.parse(key) !== "id");

test("is the text that stands there, of two of one name the last's", () => {
  const member = fc.tuple(space, fc.oneof(idKey, otherKey), space, space, value, space);
  fc.assert(
    fc.property(fc.array(member, { maxLength: 5 }), space, space, (members, before, after) => {
      const texts = members.map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`);
      const json = `${before}{${texts.join() || before}}${after}`;
      const last = members.findLast(([, key]) => JSON.parse(key) === "id");
      expect(memberText(json, "id")).toBe(last?.[4]);
      expect(Object.hasOwn(JSON.parse(json), "id")).toBe(last !== undefined);
    }),
    { numRuns: 500 },
  );
});
