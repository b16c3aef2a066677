import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Kernels } from "../../../src/tensor/kernels.ts";
import { random } from "../../support/random.ts";
import { expectAllNear, expectSameBits, gamma64, noise, output, seed } from "./support.ts";

const dims = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  pos: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(17)),
  heads: fc.integer({ min: 1, max: 3 }),
  dHead: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(33)),
  seed,
});

type AttentionDims = typeof dims extends fc.Arbitrary<infer T> ? T : never;

/** Calls `each` for every output of shape [batch, heads, pos, pos], in row-major order. */
function eachScore(
  { batch, heads, pos }: AttentionDims,
  each: (b: number, h: number, i: number, j: number) => void,
): void {
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < pos; i++) for (let j = 0; j < pos; j++) each(b, h, i, j);
}

/** Where [b, i, h, d] lies in a tensor [batch, pos, heads, dHead]. */
function offset({ pos, heads, dHead }: AttentionDims, b: number, i: number, h: number, d: number): number {
  return ((b * pos + i) * heads + h) * dHead + d;
}

/** A random causal pattern [batch, heads, pos, pos] whose rows sum to about 1. */
function causalPattern(given: AttentionDims): Float32Array {
  const next = random(given.seed + 7);
  const pattern: number[] = [];
  eachScore(given, (_b, _h, i, j) => pattern.push(j <= i ? (2 * next()) / (i + 1) : 0));
  return Float32Array.from(pattern);
}

export function attentionConformance(kernels: Kernels): void {
  const scores = (q: Float32Array, k: Float32Array, given: AttentionDims, scale: number) => {
    const { batch, pos, heads, dHead } = given;
    return output(batch * heads * pos * pos, [q, k], (out) =>
      kernels.attentionScores(out, q, k, batch, pos, heads, dHead, scale),
    );
  };
  const mix = (pattern: Float32Array, v: Float32Array, { batch, pos, heads, dHead }: AttentionDims) =>
    output(v.length, [pattern, v], (out) => kernels.mixValues(out, pattern, v, batch, pos, heads, dHead));
  const draw = (given: AttentionDims, salt: number) =>
    noise(given.seed + salt, given.batch * given.pos * given.heads * given.dHead);

  describe("attentionScores", () => {
    test("by hand: one batch, two positions, two heads of two", () => {
      const q = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
      const k = Float32Array.of(1, 0, 0, 1, 1, 1, 2, 0);
      const got = scores(q, k, { batch: 1, pos: 2, heads: 2, dHead: 2, seed: 0 }, 0.5);
      expect([...got]).toEqual([0.5, -Infinity, 2.5, 5.5, 2, -Infinity, 4, 7]);
    });

    test("within accumulation(dHead) of the formula up to the diagonal, −∞ after it", () => {
      fc.assert(
        fc.property(dims, fc.constantFrom(1, 0.125, 1 / Math.sqrt(3)), (given, scale) => {
          const q = draw(given, 0);
          const k = draw(given, 1);
          const want: number[] = [];
          const errors: number[] = [];
          const n = given.dHead + 2; // the scale may be rounded before it multiplies
          const gamma = kernels.accuracy.accumulation(n) + gamma64(n);
          eachScore(given, (b, h, i, j) => {
            let sum = 0;
            let magnitude = 0;
            for (let d = 0; d < given.dHead; d++) {
              const product = q[offset(given, b, i, h, d)] * k[offset(given, b, j, h, d)];
              sum += product;
              magnitude += Math.abs(product);
            }
            want.push(j <= i ? scale * sum : -Infinity);
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
        fc.property(dims, fc.nat(), (given, at) => {
          const q = draw(given, 0);
          const k = draw(given, 1);
          const cut = at % given.pos;
          const changed = k.map((value, at) => {
            const pos = Math.floor(at / (given.heads * given.dHead)) % given.pos;
            return pos > cut ? Number.NaN : value;
          });
          const before = scores(q, k, given, 1);
          const after = scores(q, changed, given, 1);
          let index = 0;
          eachScore(given, (_b, _h, i) => {
            if (i <= cut)
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
      const got = mix(pattern, v, { batch: 1, pos: 2, heads: 2, dHead: 2, seed: 0 });
      expect([...got]).toEqual([4, 8, 0.5, 1, 7, 5, -2, -5]);
    });

    test("within accumulation(pos) of the formula, causal pattern or not", () => {
      fc.assert(
        fc.property(dims, fc.boolean(), (given, causal) => {
          const size = given.batch * given.heads * given.pos * given.pos;
          const pattern = causal ? causalPattern(given) : noise(given.seed + 2, size);
          const v = draw(given, 1);
          const want = new Float64Array(v.length);
          const magnitudes = new Float64Array(v.length);
          let index = 0;
          eachScore(given, (b, h, i, j) => {
            for (let d = 0; d < given.dHead; d++) {
              const product = pattern[index] * v[offset(given, b, j, h, d)];
              want[offset(given, b, i, h, d)] += product;
              magnitudes[offset(given, b, i, h, d)] += Math.abs(product);
            }
            index++;
          });
          const gamma = kernels.accuracy.accumulation(given.pos) + gamma64(given.pos);
          expectAllNear(mix(pattern, v, given), want, (i) => gamma * magnitudes[i], "mixed");
        }),
      );
    });

    test("causal: later values, and later positions, change no bit", () => {
      fc.assert(
        fc.property(dims, fc.nat(), (given, at) => {
          const { batch, pos, heads, dHead } = given;
          const pattern = causalPattern(given);
          const v = draw(given, 1);
          const kept = (at % pos) + 1;
          const whole = mix(pattern, v, given);

          const rowsOf = (x: Float32Array, row: number) =>
            x.filter((_, i) => Math.floor(i / row) % pos < kept); // [.., pos, row] to [.., kept, row]
          const keptPattern = rowsOf(pattern, pos).filter((_, i) => i % pos < kept);
          const prefix = mix(keptPattern, rowsOf(v, heads * dHead), { ...given, pos: kept });
          expectSameBits(
            prefix,
            rowsOf(whole, heads * dHead),
            `${kept} of ${pos} positions, ${batch} batches`,
          );

          const changed = v.map((x, i) => (Math.floor(i / (heads * dHead)) % pos < kept ? x : -3 * x + 1));
          expectSameBits(
            rowsOf(mix(pattern, changed, given), heads * dHead),
            rowsOf(whole, heads * dHead),
            "with other values later",
          );
        }),
      );
    });
  });
}
