import { describe, expect, test } from "vitest";
import { jsKernels } from "../../src/tensor/js/index.ts";
import { exp, log, normalTail, tanh } from "../../src/tensor/js/math.ts";
import type { Activation } from "../../src/tensor/kernels.ts";
import * as exact from "../support/exact.ts";
import { random } from "../support/random.ts";

/** Points from a range, `spread` making them uniform or logarithmic; the same on every run. */
function sample(count: number, point: (uniform: number) => number): number[] {
  const next = random(count);
  return Array.from({ length: count }, () => point(next()));
}

function worst(points: readonly number[], error: (x: number) => number): number {
  return points.reduce((most, x) => Math.max(most, error(x)), 0);
}

/** Either side of (k + ½) ln 2, where the reduction goes from one k to the next. */
const seams = Array.from({ length: 60 }, (_, k) => (k - 29.5) * Math.LN2).flatMap((x) => [
  x * (1 - 2e-16),
  x,
  x * (1 + 2e-16),
]);

describe("exp", () => {
  const normal = [
    ...sample(2000, (u) => 1416 * u - 707),
    ...sample(2000, (u) => 2 * u - 1),
    ...sample(200, (u) => 2 ** (-60 * u)),
    ...seams,
    708.3,
    709.78,
  ];

  test("relative error < 1.5e-16 and < 0.9 ulp", () => {
    const want = (x: number) => exact.exp(exact.fixed(x));
    expect(worst(normal, (x) => exact.relativeError(exp(x), want(x)))).toBeLessThan(1.5e-16);
    expect(worst(normal, (x) => exact.ulps64(exp(x), want(x)))).toBeLessThan(0.9);
  });

  test("subnormal results: < 1 ulp of theirs", () => {
    const points = sample(500, (u) => -708.4 - 36.7 * u);
    expect(worst(points, (x) => exact.ulps64(exp(x), exact.exp(exact.fixed(x))))).toBeLessThan(1);
  });

  test("ends of the range", () => {
    expect([exp(0), exp(-0)]).toEqual([1, 1]);
    expect([exp(709.79), exp(711), exp(1e308), exp(Infinity)]).toEqual(new Array(4).fill(Infinity));
    expect([exp(-745.2), exp(-747), exp(-1e308), exp(-Infinity)]).toEqual([0, 0, 0, 0]);
    expect(exp(-745.1)).toBe(Number.MIN_VALUE);
    expect(exp(Number.MIN_VALUE)).toBe(1);
    expect(exp(Number.NaN)).toBeNaN();
  });
});

describe("log", () => {
  const points = [
    ...sample(1500, (u) => 1 + 60000 * u),
    ...sample(1500, (u) => 0.5 + u),
    ...sample(500, (u) => 2 ** (1400 * u - 700)),
    ...sample(200, (u) => 1 + 2 ** (-52 * u)),
    ...[Math.SQRT2, Math.SQRT1_2].flatMap((x) => [x * (1 - 2e-16), x, x * (1 + 2e-16)]),
  ];

  test("relative error < 2e-16 and < 1 ulp", () => {
    const want = (x: number) => exact.log(exact.fixed(x));
    expect(worst(points, (x) => exact.relativeError(log(x), want(x)))).toBeLessThan(2e-16);
    expect(worst(points, (x) => exact.ulps64(log(x), want(x)))).toBeLessThan(1);
  });

  test("exact where it can be, and ends of the range", () => {
    expect([log(1), log(2), log(0.5)]).toEqual([0, Math.LN2, -Math.LN2]);
    expect([log(0), log(Infinity), log(-1), log(Number.NaN)]).toEqual([
      -Infinity,
      Infinity,
      Number.NaN,
      Number.NaN,
    ]);
    expect(Math.abs(log(Number.MIN_VALUE) - Math.log(Number.MIN_VALUE))).toBeLessThan(1e-12);
  });
});

describe("tanh", () => {
  const points = [
    ...sample(1500, (u) => 22 * u),
    ...sample(2500, (u) => u),
    ...sample(1000, (u) => 2 ** (-60 * u)),
    ...seams.map((x) => Math.abs(x) / 2),
    2e-9,
    21.999,
    22.001,
  ];

  test("relative error < 4e-16 and < 2.5 ulp", () => {
    const want = (x: number) => exact.tanh(exact.fixed(x));
    expect(worst(points, (x) => exact.relativeError(tanh(x), want(x)))).toBeLessThan(4e-16);
    expect(worst(points, (x) => exact.ulps64(tanh(x), want(x)))).toBeLessThan(2.5);
  });

  test("odd, bit for bit, and at the ends of the range", () => {
    for (const x of points) expect(tanh(-x)).toBe(-tanh(x));
    expect([tanh(0), tanh(-0)]).toEqual([0, -0]);
    expect([tanh(Number.MIN_VALUE), tanh(-1e-300)]).toEqual([Number.MIN_VALUE, -1e-300]);
    expect([tanh(1e308), tanh(Infinity), tanh(-Infinity)]).toEqual([1, 1, -1]);
    expect(tanh(Number.NaN)).toBeNaN();
  });
});

describe("normalTail", () => {
  const points = [...sample(600, (u) => 16 * u), ...sample(600, (u) => 3 * u), 0, 1e-30].map(Math.fround);

  test("relative error < 5e-16 and < 4.5 ulp at float32 arguments below 16", () => {
    const below = points.filter((x) => x < 16);
    const want = (x: number) => exact.normalCdf(exact.fixed(-x));
    expect(worst(below, (x) => exact.relativeError(normalTail(x), want(x)))).toBeLessThan(5e-16);
    expect(worst(below, (x) => exact.ulps64(normalTail(x), want(x)))).toBeLessThan(4.5);
  });

  test("0 where the tail is far below any float32, and NaN", () => {
    expect([normalTail(16), normalTail(1e30), normalTail(Infinity)]).toEqual([0, 0, 0]);
    expect(exact.toNumber(exact.normalCdf(exact.fixed(-16)))).toBeLessThan(2 ** -188);
    expect(normalTail(Number.NaN)).toBeNaN();
  });
});

// A float64 error of 5e-16 is 1e-8 of a float32 ulp: all but about one result in 10⁸ are the nearest float32.
describe.each([
  ["geluTanh", exact.geluTanh],
  ["geluErf", exact.geluErf],
  ["silu", exact.silu],
  ["tanh", exact.tanh],
] as [Activation, (x: exact.Fixed) => exact.Fixed][])("%s", (name, formula) => {
  test("error < 0.500001 ulp of float32, in its tail and where subnormal too", () => {
    const points = [
      ...sample(600, (u) => 30 * u - 15),
      ...sample(300, (u) => 2 ** (-150 * u)),
      ...sample(300, (u) => -(2 ** (4.9 - 30 * u))),
    ].map(Math.fround);
    const got = new Float32Array(points.length);
    jsKernels.activations[name](got, Float32Array.from(points));
    const errors = points.map((x, i) => exact.ulps32(got[i], formula(exact.fixed(x))));
    expect(Math.max(...errors)).toBeLessThan(0.500001);
  });
});
