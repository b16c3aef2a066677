import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { type AttributionResult, directLogitAttribution, toCsv } from "../../src/index.ts";
import { type Cell, readCsv } from "../support/csv.ts";
import { hardNumbers, hardTexts } from "../support/hardTexts.ts";
import { attributionOf, resultOf } from "./support.ts";

const model = await demoModel({ compatibilityMode: true });
const prompts = ["The capital of France is", "The bags near the cabinet"];
const asked = { answer: [" Paris", " are"], wrong: " is" };

const names = [
  ...["record", "id", "prompt", "pos", "token", "answer", "answer_id", "wrong", "wrong_id", "unit", "label"],
  ...["layer", "head", "neuron", "source_pos", "source_token", "writer"],
  ...["score", "leave_one_out", "logit", "bias", "check"],
];

/** The rows as objects by the header's names. */
function read(csv: string): Record<string, Cell>[] {
  const { header, rows } = readCsv(csv);
  expect(header).toEqual(names);
  return rows.map((row) => Object.fromEntries(row.map((cell, i) => [header[i], cell])));
}
const column = (csv: string, name: string) => read(csv).map((row) => row[name]);

test("a line for each score, with all that belongs to it", () => {
  const result = directLogitAttribution(model, prompts, { ...asked, pos: [0, -1], leaveOneOut: true });
  const layerOf: Record<string, number | null> = { embed: null, pos_embed: null };
  for (const layer of [0, 1, 2]) {
    layerOf[`${layer}_attn_out`] = layer;
    layerOf[`${layer}_mlp_out`] = layer;
  }
  const want = result.attributions.flatMap(({ prompt, pos, answer, wrong, scores, leaveOneOut, check }) =>
    result.labels.map((label, row) => ({
      ...{ record: prompt, id: null, prompt, pos, token: result.prompts[prompt].stringTokens![pos] },
      ...{ answer: answer!.text, answer_id: answer!.id, wrong: wrong!.text, wrong_id: wrong!.id },
      ...{ unit: "component", label, layer: layerOf[label], head: null, neuron: null },
      ...{ source_pos: null, source_token: null, writer: null },
      ...{ score: scores.data[row], leave_one_out: leaveOneOut!.data[row] },
      ...{ logit: check.logit, bias: check.bias, check: check.bound + check.roundingBound },
    })),
  );
  expect(want).toHaveLength(2 * 2 * 8);
  expect(read(toCsv(result))).toEqual(want);
});

test("the columns are a check that a reader can make", () => {
  for (const unit of ["component", "head", "neuron", "full", "source", "path"] as const) {
    const rows = read(toCsv(directLogitAttribution(model, prompts[0], { answer: " Paris", unit })));
    const sum = rows.reduce((total, { score }) => total + (score as number), 0);
    const [{ logit, bias, check }] = rows as { logit: number; bias: number; check: number }[];
    expect(Math.abs(sum + bias - logit), unit).toBeLessThanOrEqual(check);
    expect(check).toBeLessThan(1e-3);
  }
});

test("layer, head and neuron are numbers of their own", () => {
  const of = (unit: "full" | "layer") => {
    const rows = read(toCsv(directLogitAttribution(model, prompts[0], { answer: " Paris", unit })));
    return new Map(rows.map(({ label, layer, head, neuron }) => [label, [layer, head, neuron]]));
  };
  const full = of("full");
  expect(full.get("L1H0")).toEqual([1, 0, null]);
  expect(full.get("L2N17")).toEqual([2, null, 17]);
  expect(full.get("embed")).toEqual([null, null, null]);
  expect(full.get("bias")).toEqual([null, null, null]);
  const layers = of("layer");
  expect(layers.get("0_mid")).toEqual([0, null, null]);
  expect(layers.get("2_pre")).toEqual([2, null, null]);
  expect(layers.get("final_post")).toEqual([null, null, null]);
});

test.each(["source", "path"] as const)("by %s, who was read and who wrote it", (unit) => {
  const result = directLogitAttribution(model, prompts[0], { answer: " Paris", unit });
  const [{ scores, sources }] = result.attributions;
  const rows = read(toCsv(result));
  expect(rows.map(({ score }) => score)).toEqual([...scores.data]);
  const writers = result.writers ?? [null];
  const want = result.labels.flatMap((label) =>
    sources!.flatMap((token, source) => {
      const isBias = source === sources!.length - 1;
      const read = { source_pos: isBias ? null : source, source_token: isBias ? null : token };
      return writers.map((writer) => ({ label, ...read, writer }));
    }),
  );
  expect(
    rows.map(({ label, source_pos, source_token, writer }) => ({ label, source_pos, source_token, writer })),
  ).toEqual(want);
});

describe("what was attributed", () => {
  const cells = (result: AttributionResult) => {
    const [{ answer, answer_id, wrong, wrong_id }] = read(toCsv(result));
    return [answer, answer_id, wrong, wrong_id];
  };
  const of = (options: Parameters<typeof directLogitAttribution>[2]) =>
    cells(directLogitAttribution(model, prompts[0], options));
  const idOf = (text: string) => model.tokenizer!.encode(text)[0];
  const [paris, rome, dot] = [" Paris", " Rome", "."].map(idOf);

  test("a token, alone and against another", () => {
    expect(of({ answer: " Paris" })).toEqual([" Paris", paris, null, null]);
    expect(of({ answer: " Paris", target: "logProbability" })).toEqual([" Paris", paris, null, null]);
  });

  test("several tokens, in the form that records have", () => {
    expect(of({ answer: { text: " Paris." }, wrong: { text: " Rome." } })).toEqual([
      ...[" Paris.", `{"tokens":[${paris},${dot}]}`],
      ...[" Rome.", `{"tokens":[${rome},${dot}]}`],
    ]);
  });

  test("a set, in the form that records have", () => {
    expect(of({ answer: " Paris", wrong: { anyOf: [" Rome", "."], weights: "softmax" } })).toEqual([
      ...[" Paris", paris],
      ...['{"anyOf":[" Rome","."],"weights":"softmax"}', `{"anyOf":[${rome},${dot}],"weights":"softmax"}`],
    ]);
  });

  test("a direction", () => {
    expect(of({ direction: new Float64Array(64).fill(0.5) })).toEqual([null, null, null, null]);
  });

  test("without a tokenizer ids alone", () => {
    const result = resultOf(["a"], [[1]], {
      prompts: [{ text: null, tokens: [0, 5, 7], stringTokens: null }],
      attributions: [
        { ...attributionOf([1]), answer: { id: 3, text: null }, wrong: null },
        {
          ...attributionOf([1]),
          answer: { anyOf: [{ id: 3, text: null, weight: 1 }], weights: "mean" },
          wrong: null,
        },
      ],
    });
    const rows = read(toCsv(result));
    expect(rows.map(({ token, answer }) => [token, answer])).toEqual([
      [null, null],
      [null, null],
    ]);
    expect(rows.map(({ answer_id }) => answer_id)).toEqual([3, '{"anyOf":[3],"weights":"mean"}']);
  });
});

test("a record's number and id, and no header, where the result is one of many", () => {
  const result = directLogitAttribution(model, prompts, asked);
  const whole = toCsv(result, { record: 40, id: '"a,\\n"' });
  expect(new Set(column(whole, "record"))).toEqual(new Set([40, 41]));
  expect(new Set(column(whole, "prompt"))).toEqual(new Set([0, 1]));
  expect(new Set(column(whole, "id"))).toEqual(new Set(['"a,\\n"']));
  const rest = toCsv(result, { record: 40, id: '"a,\\n"', header: false });
  expect(`${names.join()}\r\n${rest}`).toBe(whole);
});

test.each([
  [{ record: -1 }, "toCsv: record: got -1, expected a whole number from 0."],
  [{ record: 1.5 }, "toCsv: record: got 1.5, expected a whole number from 0."],
  [{ id: 7 }, "toCsv: id: got 7, expected JSON text. Give JSON.stringify of it."],
  [{ prompt: 7 }, 'toCsv: got option "prompt", expected header, record, id. Leave it out'],
])("toCsv with %j is a ValueError", (options, message) => {
  expect(() => toCsv(resultOf(["a"], [[1]]), options as object)).toThrow(message);
});

/** Where a text might be anything. */
const withTexts = (texts: readonly string[], scores: readonly number[]): AttributionResult => {
  const [token, answer, wrong, label] = texts;
  return resultOf(
    scores.map((_, i) => label + "\0".repeat(i)),
    [],
    {
      prompts: [{ text: token, tokens: [1, 2, 3], stringTokens: ["", "", token] }],
      attributions: [
        {
          ...attributionOf([1]),
          scores: { shape: [scores.length], data: Float64Array.from(scores) },
          answer: { id: 1, text: answer },
          wrong: { id: 2, text: wrong },
        },
      ],
    },
  );
};

const text = fc.oneof(
  fc.constantFrom(...hardTexts),
  fc.array(fc.constantFrom(...hardTexts), { minLength: 2, maxLength: 4 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 12 }),
);

test("any text and any number reads back exactly", () => {
  const numbers = fc.array(
    fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(...hardNumbers)),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(
      fc.tuple(text, text, text, text),
      numbers,
      text.map((one) => JSON.stringify(one)),
      (texts, scores, id) => {
        const csv = toCsv(withTexts(texts, scores), { id });
        const rows = read(csv);
        expect(rows.map(({ score }) => score)).toEqual(scores); // Object.is, so -0 is not 0
        for (const [i, row] of rows.entries()) {
          const { token, answer, wrong, label } = row;
          expect([token, answer, wrong, label, row.id]).toEqual([
            ...texts.slice(0, 3),
            texts[3] + "\0".repeat(i),
            id,
          ]);
        }
        expect(new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(csv))).toBe(csv);
      },
    ),
  );
});

test("a lone surrogate, which UTF-8 cannot hold, is U+FFFD; a pair stays", () => {
  const csv = toCsv(withTexts(["a\ud800", "\udc00\ud800", "\ud83d\ude42", "x"], [1]));
  const [{ token, answer, wrong }] = read(csv);
  expect([token, answer, wrong]).toEqual(["a\ufffd", "\ufffd\ufffd", "🙂"]);
});

test("a token that is not UTF-8 by itself is its bytes as text, as in JSON", () => {
  const tokenizer = model.tokenizer!;
  const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id);
  const part = ids.find((id) => /^\\x[0-9a-f]{2}$/.test(tokenizer.tokenString(id)))!;
  const result = directLogitAttribution(model, [1, part], { answer: part });
  const [{ token, answer, answer_id }] = read(toCsv(result));
  expect([token, answer, answer_id]).toEqual([
    tokenizer.tokenString(part),
    tokenizer.tokenString(part),
    part,
  ]);
  expect(token).toBe(result.prompts[0].stringTokens![1]);
});

test("an id that is no JSON text is refused", () => {
  for (const id of ["abc", "", "{"]) {
    const message = `toCsv: id: got ${JSON.stringify(id)}, expected JSON text. Give JSON.stringify of it.`;
    expect(() => toCsv(withTexts(["", "", "", "x"], [1]), { id })).toThrow(message);
  }
});
