import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import {
  type AttributeAllOptions,
  type AttributionRecord,
  attributeAll,
  directLogitAttribution,
  mean,
  type RunningSummary,
  runningSummary,
  ValueError,
} from "../../src/index.ts";

const model = await demoModel({ compatibilityMode: true });

async function all(
  records: Iterable<AttributionRecord> | AsyncIterable<AttributionRecord>,
  options?: AttributeAllOptions,
) {
  const found = [];
  for await (const one of attributeAll(model, records, options)) found.push(one);
  return found;
}

const record = fc.record({
  input: fc.array(fc.nat(99), { minLength: 1, maxLength: 6 }),
  answer: fc.option(fc.nat(99), { nil: undefined }),
  wrong: fc.option(fc.nat(99), { nil: undefined }),
});

describe("attributeAll", () => {
  test("gives each record what it has alone, bit for bit, in order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 12 }), async (records) => {
        const found = await all(records, { answer: 5, unit: "head" });
        expect(found.map(({ index, record }) => [index, record])).toEqual(records.map((one, i) => [i, one]));
        for (const [i, { input, answer = 5, wrong }] of records.entries()) {
          const alone = directLogitAttribution(model, [input], { answer, wrong, unit: "head" });
          expect(found[i].result).toEqual(alone);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("reads no more than 64 ahead, of iterables of any length", async () => {
    let read = 0;
    async function* forever() {
      for (;;) {
        read++;
        yield { input: [1 + (read % 7), 2], answer: 3 };
      }
    }
    let count = 0;
    for await (const { index } of attributeAll(model, forever())) {
      expect(index).toBe(count++);
      expect(read).toBeLessThanOrEqual(Math.ceil(count / 64) * 64);
      if (count === 300) break;
    }
    expect(count).toBe(300);
  });

  test("takes a token for each position, and the next one", async () => {
    const [one] = await all([{ input: [1, 2, 3], answer: [7, 8] }], { pos: [0, 1] });
    expect(one.result!.attributions.map(({ answer }) => answer!.id)).toEqual([7, 8]);
    const next = await all([{ input: [1, 2, 3] }, { input: [4, 5] }], { pos: "all", answer: "next" });
    expect(next.map(({ result }) => result!.attributions.map(({ answer }) => answer!.id))).toEqual([
      [2, 3],
      [5],
    ]);
  });

  const bad: AttributionRecord[] = [
    { input: [1, 2], answer: 3 },
    { input: [1, 1_000_000], answer: 3 },
    { input: [2, 2], answer: " no such token" },
    { input: [], answer: 3 },
    { input: [3, 2], answer: 3 },
  ];

  test("a bad record ends it, with its number, after those before it", async () => {
    const seen: number[] = [];
    const running = async () => {
      for await (const { index } of attributeAll(model, bad)) seen.push(index);
    };
    await expect(running).rejects.toThrow(/^attributeAll: record 1: .*1000000/);
    await expect(running).rejects.toThrow(ValueError);
    expect(seen).toEqual([0, 0]);
  });

  test("or is told of, and the others are what they are alone", async () => {
    const found = await all(bad, { onError: "skip" });
    expect(found.map(({ error }) => error === undefined)).toEqual([true, false, false, false, true]);
    expect(found[2].error!.message).toMatch(/^attributeAll: record 2: answer: /);
    expect(found[3].error!.message).toMatch(/^attributeAll: record 3: prompt: /);
    expect(found[4].result).toEqual(directLogitAttribution(model, [[3, 2]], { answer: 3 }));
  });

  test("a wrong option is a ValueError", async () => {
    await expect(all(bad, { onError: "warn" as "skip" })).rejects.toThrow(
      'attributeAll: got onError "warn", expected "throw" or "skip".',
    );
  });
});

describe("runningSummary", () => {
  const results = Array.from({ length: 9 }, (_, i) =>
    directLogitAttribution(model, [[1 + i, 2, 3]], { answer: 5 + i, wrong: 4 }),
  );
  const summaryOf = (members: readonly number[]) => {
    const summary = runningSummary();
    for (const i of members) summary.add(results[i]);
    return summary;
  };

  test("is the mean of all, and its standard error", () => {
    const together = directLogitAttribution(
      model,
      results.map((_, i) => [1 + i, 2, 3]),
      { answer: results.map((_, i) => 5 + i), wrong: 4 },
    );
    const want = mean(together);
    const got = summaryOf([0, 1, 2, 3, 4, 5, 6, 7, 8]).mean();
    const near = (a: Float64Array, b: Float64Array) =>
      a.every((x, i) => Math.abs(x - b[i]) <= 1e-12 * (1 + Math.abs(x)));
    expect(near(got.scores.data, want.scores.data)).toBe(true);
    expect(near(got.standardErrors!.data, want.standardErrors!.data)).toBe(true);
    expect(got.scores.shape).toEqual(want.scores.shape);
  });

  test("has the same bits in every order, of parts merged in every order, also by way of JSON", () => {
    const order = fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7, 8], { minLength: 9 });
    const whole = summaryOf([0, 1, 2, 3, 4, 5, 6, 7, 8]).mean();
    fc.assert(
      fc.property(
        order,
        fc.array(fc.nat(9), { minLength: 2, maxLength: 2 }),
        fc.boolean(),
        (members, cuts, asJson) => {
          const [from, to] = cuts.sort();
          const parts = [members.slice(0, from), members.slice(from, to), members.slice(to)].map(summaryOf);
          const merged: RunningSummary = runningSummary();
          for (const part of parts) merged.merge(asJson ? JSON.parse(JSON.stringify(part)) : part);
          expect([merged.count, merged.labels]).toEqual([9, results[0].labels]);
          expect(merged.mean()).toEqual(whole);
        },
      ),
    );
  });

  test("of one has no standard error; of none no mean", () => {
    expect(summaryOf([0]).mean().standardErrors).toBeNull();
    expect(runningSummary().labels).toEqual([]);
    const spared = runningSummary();
    const uneven = directLogitAttribution(model, [[1, 2], [1]], { answer: 3, unit: "source" });
    expect(() => spared.add(uneven)).toThrow("summary.add: got scores of shapes [");
    expect(spared.labels).toEqual([]);
    spared.add(results[0]);
    expect(() => runningSummary().mean()).toThrow("summary.mean: got no attribution");
  });

  test.each(["source", "path"] as const)(
    "is mean's of unit %s: of one shape its mean, of several its error",
    (unit) => {
      const prompts = [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
      ];
      const options = { answer: 3, wrong: 4, unit } as const;
      const want = mean(directLogitAttribution(model, prompts, options));
      const parts = prompts.map((prompt) => {
        const summary = runningSummary();
        summary.add(directLogitAttribution(model, [prompt], options));
        return summary;
      });
      const merged = runningSummary();
      for (const part of parts) merged.merge(JSON.parse(JSON.stringify(part)));
      const got = merged.mean();
      expect(got.scores.shape).toEqual(want.scores.shape);
      expect(got.scores.shape.length).toBe(unit === "source" ? 2 : 3);
      for (const [i, score] of want.scores.data.entries()) {
        // three float64 additions of scores of this size, a division, squares and a root; the summary's are exact
        const size = Math.max(...parts.map((part) => Math.abs(part.mean().scores.data[i])));
        expect(Math.abs(got.scores.data[i] - score)).toBeLessThanOrEqual(8 * 2 ** -53 * size);
        const error = Math.abs(got.standardErrors!.data[i] - want.standardErrors!.data[i]);
        expect(error).toBeLessThanOrEqual(32 * 2 ** -53 * size);
      }
      const longer = directLogitAttribution(model, [[1, 2, 3, 4]], options);
      const message =
        /: got scores of shapes \[.*\] and \[.*\], expected one shape\. Take the mean of attributions that have as many source positions\./;
      expect(() => merged.add(longer)).toThrow(message);
      expect(() => mean(directLogitAttribution(model, [...prompts, [1, 2, 3, 4]], options))).toThrow(message);
      const other = runningSummary();
      other.add(longer);
      expect(() => merged.merge(other)).toThrow(message);
      expect(merged.mean()).toEqual(got);
      const { shape, ...without } = merged.toJSON();
      expect(() => runningSummary().merge(without)).toThrow(ValueError);
      expect(() => runningSummary().merge({ ...without, shape: [shape![0], 0] })).toThrow(ValueError);
    },
  );

  test("refuses other units and rows, and what is no summary", () => {
    const summary = summaryOf([0]);
    const heads = directLogitAttribution(model, [[1, 2]], { answer: 3, unit: "head" });
    expect(() => summary.add(heads)).toThrow(
      'summary.add: got unit "head", expected unit "component" of the same 8 rows.',
    );
    const other = { ...summary.toJSON(), labels: ["embed", "x", ...summary.labels.slice(2)] };
    expect(() => summary.merge(other)).toThrow('got other rows ("x" at 1)');
    const good = summary.toJSON();
    for (const spoilt of [
      null,
      {},
      { ...good, schemaVersion: 2 },
      { ...good, count: -1 },
      { ...good, sums: [[1]] },
      { ...good, squares: good.squares.map(() => [Number.NaN]) },
      { ...good, labels: "embed" },
    ]) {
      expect(() => runningSummary().merge(spoilt as typeof good)).toThrow(ValueError);
    }
    expect(summary.count).toBe(1);
  });
});
