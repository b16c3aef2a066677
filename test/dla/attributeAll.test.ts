import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { demoModel } from "../../src/demo/index.ts";
import { evenPace } from "../../src/dla/many/pace.ts";
import {
  type AttributeAllOptions,
  type AttributeAllProgress,
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

describe("a record's own options", () => {
  const { dModel } = model.config;
  const direction = fc
    .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: dModel, maxLength: dModel })
    .map((values) => Float64Array.from(values));
  const own = fc.record(
    {
      unit: fc.constantFrom("component" as const, "head" as const, "layer" as const),
      pos: fc.constantFrom(0, -1, "all" as const, [0], [-1, 0]),
      probability: fc.boolean(),
      prependBos: fc.boolean(),
      allowRawWeights: fc.boolean(),
      id: fc.jsonValue(),
      meta: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const asked = fc.oneof(
    fc.record({ answer: fc.nat(99), wrong: fc.nat(99) }, { requiredKeys: [] }),
    fc.record({ answer: fc.nat(99), target: fc.constant("logProbability" as const) }),
    fc.record({ answer: fc.nat(99), leaveOneOut: fc.constant(true), unit: fc.constant("head" as const) }),
    fc.record({ direction, probability: fc.constant(false) }),
  );
  const input = fc.oneof(
    fc.array(fc.nat(99), { minLength: 1, maxLength: 4 }),
    fc.constantFrom("When Mary", "John gave"),
  );
  const anyRecord = fc
    .tuple(input, own, asked)
    .map(([input, own, asked]): AttributionRecord => ({ input, ...own, ...asked }));

  test("go over the shared ones, in groups that come out in order with the bits each has alone", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRecord, { maxLength: 10 }), async (records) => {
        const shared = { answer: 5, unit: "layer", pos: 0 } as const;
        const found = await all(records, shared);
        expect(found.map(({ index, record }) => [index, record])).toEqual(records.map((one, i) => [i, one]));
        for (const [i, { input, id: _id, meta: _meta, ...own }] of records.entries()) {
          const answer = own.direction === undefined ? { answer: 5 } : {};
          const alone = directLogitAttribution(model, [input] as string[], {
            ...shared,
            answer: undefined,
            ...answer,
            ...own,
          });
          expect(found[i].result).toEqual(alone);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("an answer of its own takes the place of the shared direction", async () => {
    const shared = { direction: new Float64Array(dModel).fill(1) };
    const [one, other] = await all([{ input: [1, 2], answer: 3 }, { input: [1, 2] }], shared);
    expect(one.result).toEqual(directLogitAttribution(model, [[1, 2]], { answer: 3 }));
    expect(other.result).toEqual(directLogitAttribution(model, [[1, 2]], shared));
  });

  test.each<[object, string]>([
    [{ position: 1 }, "Did you mean pos? "],
    [{ positions: "all" }, "Did you mean pos? "],
    [{ pso: 1 }, "Did you mean pos? "],
    [{ units: "head" }, "Did you mean unit? "],
    [{ asnwer: 3 }, "Did you mean answer? "],
    [{ leave_one_out: true }, "Did you mean leaveOneOut? "],
    [{ prompt: "a" }, "Did you mean input? "],
    [{ cache: {} }, ""],
    [{ source: "the corpus" }, ""],
  ])("that there are not are a ValueError: %j", async (extra, hint) => {
    const records = [
      { input: [1], answer: 3 },
      { input: [1], answer: 3, ...extra },
    ];
    const name = JSON.stringify(Object.keys(extra)[0]);
    const message =
      `attributeAll: record 1: got a record with ${name}, expected input, answer, wrong, direction, target, unit, pos, leaveOneOut, ` +
      `probability, allowRawWeights, prependBos, id, meta. ${hint}What is your own goes under id or meta.`;
    await expect(all(records)).rejects.toThrow(message);
    const found = await all(records, { onError: "skip" });
    expect(found.map(({ error }) => error?.message)).toEqual([undefined, message]);
    expect(found[1].error).toBeInstanceOf(ValueError);
  });

  test.each<[unknown, string]>([
    ["a text", 'attributeAll: record 0: got "a text", expected a record.'],
    [null, "attributeAll: record 0: got null, expected a record."],
    [[1, 2], "attributeAll: record 0: got a list of 2, expected a record."],
    [{ answer: 3 }, "attributeAll: record 0: got nothing as the input, expected a text or ids."],
    [{ input: 7, answer: 3 }, "attributeAll: record 0: got 7 as the input, expected a text or ids."],
  ])("what is no record: %j", async (record, message) => {
    await expect(all([record as AttributionRecord])).rejects.toThrow(message);
  });

  test.each([["a text"], [7], [undefined], [{ input: [1] }]])("no records: %j", async (records) => {
    await expect(all(records as never)).rejects.toThrow(
      /^attributeAll: got .*, expected records, one after another\. Give a list of them, or an iterable\.$/,
    );
  });

  test("an error has the record's number, and no prompt's", async () => {
    const found = await all(
      [
        { input: [1, 2], answer: 3, pos: 9 },
        { input: [1, 2], answer: 1e6 },
        { input: [1, 2], answer: [1, 2, 3] },
      ],
      { onError: "skip" },
    );
    expect(found.map(({ error }) => error!.message.split(", expected")[0])).toEqual([
      "attributeAll: record 0: got position 9",
      "attributeAll: record 1: answer: got token id 1000000",
      "attributeAll: record 2: answer: got 3 for 1 position",
    ]);
  });
});

describe("while it runs", () => {
  /** Holds the event loop, as computing does. */
  const work = (ms: number) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  };
  /** The model, each of whose runs takes 20 ms at least. */
  const slow = new Proxy(model, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (name !== "runWithCache") return typeof value === "function" ? value.bind(target) : value;
      return (...args: Parameters<typeof target.runWithCache>) => {
        work(20);
        return target.runWithCache(...args);
      };
    },
  });
  const lengths = Array.from({ length: 12 }, (_, i) => ({ input: Array(1 + i).fill(1), answer: 3 }));

  test("the event loop has its turns", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const seen: number[] = [];
    for await (const _ of attributeAll(slow, lengths)) seen.push(turns);
    clearInterval(timer);
    expect(seen).toHaveLength(12);
    expect(seen[0]).toBeGreaterThanOrEqual(10); // the 12 runs are made before the first is given
  });

  test("an abort ends it, and the iterable", async () => {
    const controller = new AbortController();
    let isClosed = false;
    function* records() {
      try {
        for (;;) yield* lengths;
      } finally {
        isClosed = true;
      }
    }
    setTimeout(() => controller.abort(new Error("enough")), 30);
    const running = (async () => {
      for await (const _ of attributeAll(slow, records(), { signal: controller.signal }));
    })();
    await expect(running).rejects.toThrow("enough");
    expect(isClosed).toBe(true);
    await expect(all(lengths, { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
  });

  test("an abort ends it while it waits for a record that never comes", async () => {
    const controller = new AbortController();
    let isReturned = false;
    const never: AsyncIterable<AttributionRecord> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => {
          isReturned = true;
          return new Promise(() => {});
        },
      }),
    };
    setTimeout(() => controller.abort(new Error("enough")), 5);
    await expect(all(never, { signal: controller.signal })).rejects.toThrow("enough");
    expect(isReturned).toBe(true);
  });

  test("a break, or a record at fault, closes the iterable once", async () => {
    let closed = 0;
    async function* records() {
      try {
        yield { input: [1], answer: 3 };
        yield { input: [1], answer: -1 };
        for (;;) yield { input: [2], answer: 3 };
      } finally {
        closed++;
      }
    }
    for await (const _ of attributeAll(model, records())) break;
    expect(closed).toBe(1);
    await expect(all(records())).rejects.toThrow("record 1");
    expect(closed).toBe(2);
    const errors = await all([{ input: [1], answer: -1 }], { onError: "skip" });
    expect(errors).toHaveLength(1);
  });

  test("what the iterable throws comes after the records before", async () => {
    async function* records() {
      yield { input: [1], answer: 3 };
      yield { input: [2], answer: 3 };
      throw new Error("torn");
    }
    const seen: number[] = [];
    const running = async () => {
      for await (const { index } of attributeAll(model, records())) seen.push(index);
    };
    await expect(running).rejects.toThrow("torn");
    expect(seen).toEqual([0, 1]);
  });

  test("tells how far it is, and how many there are where that is known", async () => {
    const told: AttributeAllProgress[] = [];
    const onProgress = (progress: AttributeAllProgress) => void told.push(progress);
    const some = [...lengths, { input: [1], answer: -1 }, ...lengths];
    await all(some, { onProgress, onError: "skip" });
    expect(told.at(-1)).toEqual({ done: 25, total: 25 });
    expect(told.every(({ done }, i) => i === 0 || done >= told[i - 1].done)).toBe(true);
    expect(told.length).toBeGreaterThan(12); // steps of one length each
    told.length = 0;
    await all(new Set(lengths), { onProgress });
    expect(told.at(-1)).toEqual({ done: 12, total: undefined });
  });
});

describe("records that come slowly", () => {
  const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

  test("are attributed as they come: the next one is sent once the answer is there", {
    timeout: 5000,
  }, async () => {
    let answered = 0;
    async function* conversation() {
      for (let sent = 0; sent < 5; sent++) {
        while (answered < sent) await turn();
        yield { input: [1 + sent], answer: 3 };
      }
    }
    for await (const { index } of attributeAll(model, conversation())) expect(index).toBe(answered++);
    expect(answered).toBe(5);
  });

  test("run together where they are there, 64 at a time", async () => {
    const batches: number[] = [];
    const counting = new Proxy(model, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (name !== "runWithCache") return typeof value === "function" ? value.bind(target) : value;
        return (...args: Parameters<typeof target.runWithCache>) => {
          batches.push((args[0] as number[][]).length);
          return target.runWithCache(...args);
        };
      },
    });
    async function* chunks() {
      for (let chunk = 0; chunk < 2; chunk++) {
        await turn();
        for (let i = 0; i < 100; i++) yield { input: [1], answer: 3 };
      }
    }
    let count = 0;
    for await (const _ of attributeAll(counting, chunks())) count++;
    expect(count).toBe(200);
    expect(batches).toEqual([64, 36, 64, 36]);
  });
});

describe("pace", () => {
  test("a step gets as many tokens as the last would have run in 200 ms, from 1 to a batch", () => {
    const pace = evenPace();
    expect(pace.mostTokens()).toBe(128);
    pace.took(128, 400);
    expect(pace.mostTokens()).toBe(64);
    pace.took(64, 3);
    expect(pace.mostTokens()).toBe(1024);
    pace.took(10, 1e6);
    expect(pace.mostTokens()).toBe(1);
    pace.took(1, 0);
    expect(pace.mostTokens()).toBe(1024);
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
    const longer = { ...summary.toJSON(), labels: [...summary.labels, "beta"] };
    const rows = longer.labels.map((): number[] => []);
    expect(() => summary.merge({ ...longer, sums: rows, squares: rows })).toThrow(
      'got other rows ("beta" at 8)',
    );
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

test.each<[object, string]>([
  [{ signal: new AbortController() }, "got signal an AbortController, expected an AbortSignal."],
  [{ signal: null }, "got signal null, expected an AbortSignal."],
  [{ onProgress: "x" }, 'got onProgress "x", expected a function.'],
])("who follows is checked before anything runs: %j", async (options, message) => {
  const reading = attributeAll(model, [{ input: [1], answer: 2 }], options as never).next();
  await expect(reading).rejects.toThrow(`attributeAll: ${message}`);
});
