import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AttentionDims, Kernels } from "../../../src/tensor/kernels.ts";
import { random } from "../../support/random.ts";
import { expectAllNear, expectSameBits, gamma64, noise, output, seed } from "./support.ts";

interface Given extends AttentionDims {
  readonly seed: number;
}

/** Sizes on and off vectors, panels and blocks of queries; all queries, or some in any order. */
const given: fc.Arbitrary<Given> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    pos: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(17, 41)),
    heads: fc.integer({ min: 1, max: 3 }),
    dHead: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 33)),
    seed,
    some: fc.option(fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), { nil: undefined }),
  })
  .map(({ some, ...dims }) => ({
    ...dims,
    queryPos: some?.map((value) => value % dims.pos) ?? Array.from({ length: dims.pos }, (_, i) => i),
  }));

/** Calls `each` for every score of shape [batch, heads, queries, pos], in row-major order. */
function eachScore(
  { batch, heads, pos, queryPos }: Given,
  each: (b: number, h: number, i: number, j: number) => void,
): void {
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < queryPos.length; i++) for (let j = 0; j < pos; j++) each(b, h, i, j);
}

/** Where [b, i, h, d] lies in a tensor [batch, length, heads, dHead]. */
const offset = ({ heads, dHead }: Given, length: number, b: number, i: number, h: number, d: number) =>
  ((b * length + i) * heads + h) * dHead + d;

const keys = (given: Given, salt: number) =>
  noise(given.seed + salt, given.batch * given.pos * given.heads * given.dHead);
const queries = (given: Given, salt: number) =>
  noise(given.seed + salt, given.batch * given.queryPos.length * given.heads * given.dHead);

/** A random pattern [batch, heads, queries, pos] whose rows sum to about 1, zero behind the query. */
function causalPattern(given: Given): Float32Array {
  const next = random(given.seed + 7);
  const pattern: number[] = [];
  eachScore(given, (_b, _h, i, j) => {
    const at = given.queryPos[i];
    pattern.push(j <= at ? (2 * next()) / (at + 1) : 0);
  });
  return Float32Array.from(pattern);
}

/** The same with other keys or values after position `cut`. */
const changedAfter = (given: Given, x: Float32Array, cut: number, change: (value: number) => number) =>
  x.map((value, i) =>
    Math.floor(i / (given.heads * given.dHead)) % given.pos > cut ? change(value) : value,
  );

export function attentionConformance(kernels: Kernels): void {
  const scores = (q: Float32Array, k: Float32Array, given: Given, scale: number) => {
    const { batch, pos, heads, queryPos } = given;
    return output(batch * heads * queryPos.length * pos, [q, k], (out) =>
      kernels.attentionScores(out, q, k, given, scale),
    );
  };
  const mix = (pattern: Float32Array, v: Float32Array, given: Given) => {
    const { batch, heads, dHead, queryPos } = given;
    return output(batch * queryPos.length * heads * dHead, [pattern, v], (out) =>
      kernels.mixValues(out, pattern, v, given),
    );
  };
  const attend = (q: Float32Array, k: Float32Array, v: Float32Array, given: Given, scale: number) =>
    output(q.length, [q, k, v], (out) => kernels.attend(out, q, k, v, given, scale));

  describe("attentionScores", () => {
    const two = { batch: 1, pos: 2, heads: 2, dHead: 2, seed: 0 };

    test("by hand: one batch, two positions, two heads of two", () => {
      const q = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
      const k = Float32Array.of(1, 0, 0, 1, 1, 1, 2, 0);
      const got = scores(q, k, { ...two, queryPos: [0, 1] }, 0.5);
      expect([...got]).toEqual([0.5, -Infinity, 2.5, 5.5, 2, -Infinity, 4, 7]);
      const last = scores(q.slice(4), k, { ...two, queryPos: [1] }, 0.5);
      expect([...last]).toEqual([2.5, 5.5, 4, 7]);
    });

    test("within accumulation(dHead) of the formula up to the query's position, −∞ after it", () => {
      fc.assert(
        fc.property(given, fc.constantFrom(1, 0.125, 1 / Math.sqrt(3)), (given, scale) => {
          const q = queries(given, 0);
          const k = keys(given, 1);
          const want: number[] = [];
          const errors: number[] = [];
          const n = given.dHead + 2; // the scale may be rounded before it multiplies
          const gamma = kernels.accuracy.accumulation(n) + gamma64(n);
          eachScore(given, (b, h, i, j) => {
            let sum = 0;
            let magnitude = 0;
            for (let d = 0; d < given.dHead; d++) {
              const query = q[offset(given, given.queryPos.length, b, i, h, d)];
              const product = query * k[offset(given, given.pos, b, j, h, d)];
              sum += product;
              magnitude += Math.abs(product);
            }
            want.push(j <= given.queryPos[i] ? scale * sum : -Infinity);
            errors.push(gamma * scale * magnitude);
          });
          const got = scores(q, k, given, scale);
          for (let i = 0; i < want.length; i++) {
            if (want[i] !== -Infinity) continue;
            expect(got[i], `masked element ${i}`).toBe(-Infinity);
            got[i] = want[i] = 0;
          }
          expectAllNear(got, want, (i) => errors[i], "scores");
        }),
      );
    });

    test("causal: later keys, NaN even, change no bit of a query's scores", () => {
      fc.assert(
        fc.property(given, fc.nat(), (given, at) => {
          const q = queries(given, 0);
          const k = keys(given, 1);
          const cut = at % given.pos;
          const before = scores(q, k, given, 1);
          const after = scores(
            q,
            changedAfter(given, k, cut, () => Number.NaN),
            given,
            1,
          );
          let index = 0;
          eachScore(given, (_b, _h, i) => {
            if (given.queryPos[i] <= cut)
              expectSameBits(after.slice(index, index + 1), before.slice(index, index + 1), "score");
            index++;
          });
        }),
      );
    });
  });

  describe("mixValues", () => {
    test("by hand: one batch, two positions, two heads of two", () => {
      const pattern = Float32Array.of(1, 0, 0.25, 0.75, 0.5, 0, 1, -1);
      const v = Float32Array.of(4, 8, 1, 2, 8, 4, 3, 7);
      const got = mix(pattern, v, { batch: 1, pos: 2, heads: 2, dHead: 2, seed: 0, queryPos: [0, 1] });
      expect([...got]).toEqual([4, 8, 0.5, 1, 7, 5, -2, -5]);
    });

    test("within accumulation(pos) of the formula, causal pattern or not", () => {
      fc.assert(
        fc.property(given, fc.boolean(), (given, causal) => {
          const length = given.queryPos.length;
          const size = given.batch * given.heads * length * given.pos;
          const pattern = causal ? causalPattern(given) : noise(given.seed + 2, size);
          const v = keys(given, 1);
          const want = new Float64Array(queries(given, 0).length);
          const magnitudes = new Float64Array(want.length);
          let index = 0;
          eachScore(given, (b, h, i, j) => {
            for (let d = 0; d < given.dHead; d++) {
              const product = pattern[index] * v[offset(given, given.pos, b, j, h, d)];
              want[offset(given, length, b, i, h, d)] += product;
              magnitudes[offset(given, length, b, i, h, d)] += Math.abs(product);
            }
            index++;
          });
          const gamma = kernels.accuracy.accumulation(given.pos) + gamma64(given.pos);
          expectAllNear(mix(pattern, v, given), want, (i) => gamma * magnitudes[i], "mixed");
        }),
      );
    });

    test("a pattern of zeros gives zeros", () => {
      const zeros = mix(new Float32Array(4), noise(1, 10), {
        ...{ batch: 1, pos: 2, heads: 1, dHead: 5, seed: 0, queryPos: [0, 1] },
      });
      expect([...zeros]).toEqual(new Array(10).fill(0));
    });

    test("causal: later values, and later positions, change no bit", () => {
      fc.assert(
        fc.property(given, fc.nat(), (drawn, at) => {
          const given = { ...drawn, queryPos: Array.from({ length: drawn.pos }, (_, i) => i) };
          const { batch, pos, heads, dHead } = given;
          const pattern = causalPattern(given);
          const v = keys(given, 1);
          const kept = (at % pos) + 1;
          const whole = mix(pattern, v, given);

          const rowsOf = (x: Float32Array, row: number) =>
            x.filter((_, i) => Math.floor(i / row) % pos < kept); // [.., pos, row] to [.., kept, row]
          const keptPattern = rowsOf(pattern, pos).filter((_, i) => i % pos < kept);
          const short = { ...given, pos: kept, queryPos: given.queryPos.slice(0, kept) };
          const prefix = mix(keptPattern, rowsOf(v, heads * dHead), short);
          expectSameBits(
            prefix,
            rowsOf(whole, heads * dHead),
            `${kept} of ${pos} positions, ${batch} batches`,
          );

          const changed = changedAfter(given, v, kept - 1, (value) => -3 * value + 1);
          expectSameBits(
            rowsOf(mix(pattern, changed, given), heads * dHead),
            rowsOf(whole, heads * dHead),
            "with other values later",
          );
        }),
      );
    });
  });

  describe("attend", () => {
    test("has the bits of its three steps", () => {
      fc.assert(
        fc.property(given, fc.constantFrom(1, 0.125, 1 / Math.sqrt(3)), (given, scale) => {
          const { batch, heads, pos, queryPos } = given;
          const [q, k, v] = [queries(given, 0), keys(given, 1), keys(given, 2)];
          const pattern = scores(q, k, given, scale);
          kernels.softmaxRows(pattern, pattern, batch * heads * queryPos.length, pos);
          expectSameBits(attend(q, k, v, given, scale), mix(pattern, v, given), "attend");
        }),
      );
    });

    test("a query has the same bits alone as among all, in any order", () => {
      fc.assert(
        fc.property(given, (given) => {
          const { batch, pos, heads, dHead, queryPos } = given;
          const every = { ...given, queryPos: Array.from({ length: pos }, (_, i) => i) };
          const [q, k, v] = [keys(given, 0), keys(given, 1), keys(given, 2)];
          const all = attend(q, k, v, every, 0.5);
          const row = heads * dHead;
          const take = (x: Float32Array) =>
            Float32Array.from(
              Array.from({ length: batch }, (_, b) =>
                queryPos.map((at) => [...x.subarray((b * pos + at) * row, (b * pos + at + 1) * row)]),
              ).flat(2),
            );
          expectSameBits(attend(take(q), k, v, given, 0.5), take(all), "some queries");
        }),
      );
    });
  });
}
