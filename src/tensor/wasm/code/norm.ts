import {
  advance,
  defineFunction,
  f32,
  f32x4,
  f64,
  f64x2,
  type I32,
  i32,
  i32s,
  type Local,
  local,
  locals,
  type Statement,
  set,
  tee,
  times,
  type V128,
  type Value,
  v128,
  type WasmFunction,
} from "../assembler/index.ts";
import { eachVector, pieceOf } from "./elementwise.ts";

/** The two float32 of `v` from lane `first` on, at `from`, as float64. */
export const widenPair = (from: I32, offset: number): V128 =>
  f64x2.promote_low_f32x4(v128.load64_zero(from, offset));

/**
 * Σ term(x) of a row in float64: four sums of pairs side by side, added up at the end, then what is left over one by
 * one. The order depends on the row's length alone.
 */
function rowSum(
  out: Local<"f64">,
  x: Local<"i32">,
  cols: Local<"i32">,
  ofPair: (pair: V128) => V128,
  ofOne: (one: Value<"f64">) => Value<"f64">,
): Statement[] {
  const sums = locals("v128", 4);
  const [from, count] = locals("i32", 2);
  const lanes = sums.flatMap((sum) => [f64x2.extract_lane(sum, 0), f64x2.extract_lane(sum, 1)]);
  return [
    ...sums.map((sum) => set(sum, f32x4.const(0))),
    set(from, x),
    set(count, i32.shr_u(cols, i32.const(3))),
    times(
      count,
      sums.map((sum, i) => set(sum, f64x2.add(sum, ofPair(widenPair(from, 8 * i))))),
      advance(from, 32),
    ),
    set(
      out,
      lanes.reduce((total, lane) => f64.add(total, lane)),
    ),
    set(count, i32.and(cols, i32.const(7))),
    times(count, set(out, f64.add(out, ofOne(f64.promote_f32(f32.load(from))))), advance(from, 4)),
  ];
}

function rowMean(out: Local<"f64">, x: Local<"i32">, cols: Local<"i32">): Statement[] {
  return [
    ...rowSum(
      out,
      x,
      cols,
      (pair) => pair,
      (one) => one,
    ),
    set(out, f64.div(out, f64.convert_i32_u(cols))),
  ];
}

const rowBytes = (cols: I32): I32 => i32.shl(cols, i32.const(2));

/** out[r] = sqrt(mean((x[r] − mean(x[r]))²) + eps); mean and variance in float64, one rounding. */
export function layerNormScale(): WasmFunction {
  const parameters = {
    ...i32s("chunk", "thread", "out", "x", "count", "cols", "per"),
    eps: "f64",
  } as const;
  return defineFunction("layerNormScale", parameters, (p) => {
    const [mean, squares, deviation] = locals("f64", 3);
    const [meanPair, pairDeviation] = locals("v128", 2);
    return [
      pieceOf(p, [
        [p.out, i32.const(4)],
        [p.x, rowBytes(p.cols)],
      ]),
      times(
        p.count,
        rowMean(mean, p.x, p.cols),
        set(meanPair, f64x2.splat(mean)),
        rowSum(
          squares,
          p.x,
          p.cols,
          (pair) => f64x2.mul(tee(pairDeviation, f64x2.sub(pair, meanPair)), pairDeviation),
          (one) => f64.mul(tee(deviation, f64.sub(one, mean)), deviation),
        ),
        f32.store(
          p.out,
          f32.demote_f64(f64.sqrt(f64.add(f64.div(squares, f64.convert_i32_u(p.cols)), p.eps))),
        ),
        advance(p.out, 4),
        advance(p.x, rowBytes(p.cols)),
      ),
    ];
  });
}

/**
 * out[r] = (x[r] − mean(x[r])) / scale[r]. The mean, in float64, is taken off as a float32 and what that leaves: three
 * roundings of the result, none of the mean's size.
 */
export function normalizeRows(): WasmFunction {
  const parameters = i32s("chunk", "thread", "out", "x", "scale", "count", "cols", "per");
  return defineFunction("normalizeRows", parameters, (p) => {
    const mean = local("f64");
    const [high, low, scale] = locals("v128", 3);
    const cols = local("i32");
    const highPart = f32.demote_f64(mean);
    return [
      pieceOf(p, [
        [p.out, rowBytes(p.cols)],
        [p.x, rowBytes(p.cols)],
        [p.scale, i32.const(4)],
      ]),
      times(
        p.count,
        rowMean(mean, p.x, p.cols),
        set(high, f32x4.splat(highPart)),
        set(low, f32x4.splat(f32.demote_f64(f64.sub(mean, f64.promote_f32(highPart))))),
        set(scale, v128.load32_splat(p.scale)),
        set(cols, p.cols),
        eachVector(cols, [p.out, p.x], (load, store) => [
          store(p.out, f32x4.div(f32x4.sub(f32x4.sub(load(p.x), high), low), scale)),
        ]),
        advance(p.scale, 4),
      ),
    ];
  });
}

/** out[r] = x[r] ⊙ gamma + beta */
export function affineRows(): WasmFunction {
  const parameters = i32s("chunk", "thread", "out", "x", "gamma", "beta", "count", "cols", "per");
  return defineFunction("affineRows", parameters, (p) => {
    const [gamma, beta, cols] = locals("i32", 3);
    return [
      pieceOf(p, [
        [p.out, rowBytes(p.cols)],
        [p.x, rowBytes(p.cols)],
      ]),
      times(
        p.count,
        set(gamma, p.gamma),
        set(beta, p.beta),
        set(cols, p.cols),
        eachVector(cols, [p.out, p.x, gamma, beta], (load, store) => [
          store(p.out, f32x4.add(f32x4.mul(load(p.x), load(gamma)), load(beta))),
        ]),
      ),
    ];
  });
}
