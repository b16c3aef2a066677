import {
  advance,
  bulk,
  defineFunction,
  f32,
  f32x4,
  f64,
  f64x2,
  type I32,
  i8x16,
  i32,
  i32s,
  type Local,
  local,
  locals,
  type Statement,
  set,
  times,
  type V128,
  v128,
  type WasmFunction,
} from "../assembler/index.ts";
import { pieceOf } from "./elementwise.ts";
import { exp } from "./math.ts";
import { widenPair } from "./norm.ts";
import type { MultiplyAdd } from "./panels.ts";

/**
 * Softmax in place of a row of whole vectors, −∞ behind its end: exponentials in float32, their sum in float64, four
 * sums of pairs side by side. A row of −∞ becomes 0; a NaN makes its row NaN.
 */
export function softmaxVectors(row: Local<"i32">, vectors: I32, multiplyAdd: MultiplyAdd): Statement[] {
  const [max, value, sumLow, sumHigh, inverse] = locals("v128", 5);
  const [at, count] = locals("i32", 2);
  const sum = local("f64");
  const none = f32x4.const(Number.NEGATIVE_INFINITY);
  const over = (...body: Statement[]): Statement[] => [
    set(at, row),
    set(count, vectors),
    times(count, ...body, advance(at, 16)),
  ];
  const swap = (v: V128, lanes: readonly number[]) =>
    i8x16.shuffle(
      v,
      v,
      lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]),
    );
  const reciprocal = f64.div(f64.convert_i32_u(i32.const(1)), sum);
  return [
    set(max, none),
    ...over(set(max, f32x4.max(max, v128.load(at)))),
    set(max, f32x4.max(max, swap(max, [2, 3, 0, 1]))),
    set(max, f32x4.max(max, swap(max, [1, 0, 3, 2]))),
    // −∞ less −∞ would be NaN
    set(max, v128.andnot(max, f32x4.eq(max, none))),
    set(sumLow, f32x4.const(0)),
    set(sumHigh, f32x4.const(0)),
    ...over(
      ...exp(value, f32x4.sub(v128.load(at), max), multiplyAdd),
      v128.store(at, value),
      set(sumLow, f64x2.add(sumLow, widenPair(at, 0))),
      set(sumHigh, f64x2.add(sumHigh, widenPair(at, 8))),
    ),
    set(sumLow, f64x2.add(sumLow, sumHigh)),
    set(sum, f64.add(f64x2.extract_lane(sumLow, 0), f64x2.extract_lane(sumLow, 1))),
    // 0 for a sum of 0
    set(inverse, f32x4.splat(f32.demote_f64(reciprocal))),
    set(inverse, v128.andnot(inverse, f32x4.eq(inverse, f32x4.const(Number.POSITIVE_INFINITY)))),
    ...over(v128.store(at, f32x4.mul(v128.load(at), inverse))),
  ];
}

/** Softmax row by row, each in the scratch of its thread: `cols` in whole vectors, `scratchBytes` apart. */
export function softmaxRows(multiplyAdd: MultiplyAdd): WasmFunction {
  const parameters = i32s(
    ...(["chunk", "thread", "out", "x", "count", "cols", "per", "scratch", "scratchBytes"] as const),
  );
  return defineFunction("softmaxRows", parameters, (p) => {
    const [bytes, vectors] = locals("i32", 2);
    return [
      set(bytes, i32.shl(p.cols, i32.const(2))),
      set(vectors, i32.shr_u(i32.add(p.cols, i32.const(3)), i32.const(2))),
      advance(p.scratch, i32.mul(p.thread, p.scratchBytes)),
      pieceOf(p, [
        [p.out, bytes],
        [p.x, bytes],
      ]),
      times(
        p.count,
        // the last vector first: the row is copied over its beginning
        v128.store(
          i32.add(p.scratch, i32.sub(i32.shl(vectors, i32.const(4)), i32.const(16))),
          f32x4.const(Number.NEGATIVE_INFINITY),
        ),
        bulk.copy(p.scratch, p.x, bytes),
        softmaxVectors(p.scratch, vectors, multiplyAdd),
        bulk.copy(p.out, p.scratch, bytes),
        advance(p.x, bytes),
        advance(p.out, bytes),
      ),
    ];
  });
}
