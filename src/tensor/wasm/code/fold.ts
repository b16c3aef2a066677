import {
  advance,
  bulk,
  defineFunction,
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
  when,
} from "../assembler/index.ts";
import { pieceOf } from "./elementwise.ts";
import { PANEL_BYTES } from "./panels.ts";
import { eachPair, eachRow } from "./widened.ts";

// What folding does to packed weights, in float64: what changes is rounded once. Padding columns are zero, and stay so but
// for centreRows.

/** Puts four pairs of float64, rounded, in the place of a panel's row. */
function storeRounded(row: Local<"i32">, pairs: readonly V128[]): Statement[] {
  const lowHalves = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
  const [a, b, c, d] = pairs.map((pair) => f32x4.demote_f64x2_zero(pair));
  return [
    v128.store(row, i8x16.shuffle(a, b, lowHalves)),
    v128.store(row, i8x16.shuffle(c, d, lowHalves), 16),
  ];
}

/** What a row's mean is made of, eight columns at a time: an even and an odd sum. */
const evenAndOdd = (row: I32): V128 => eachPair((pair) => pair, row).reduce((a, b) => f64x2.add(a, b));

/** The sums of W's rows in float64, two of each; `out` is added to. A chunk has some rows. */
export function rowSums(): WasmFunction {
  const parameters = i32s("chunk", "thread", "out", "w", "inner", "panels", "count", "per");
  return defineFunction("rowSums", parameters, (p) => {
    const [row, sum, left] = locals("i32", 3);
    return [
      pieceOf(p, [
        [p.out, i32.const(16)],
        [p.w, i32.const(PANEL_BYTES)],
      ]),
      times(
        p.panels,
        set(row, p.w),
        set(sum, p.out),
        set(left, p.count),
        times(
          left,
          v128.store(sum, f64x2.add(v128.load(sum), evenAndOdd(row))),
          advance(row, PANEL_BYTES),
          advance(sum, 16),
        ),
        advance(p.w, i32.mul(p.inner, i32.const(PANEL_BYTES))),
      ),
    ];
  });
}

/**
 * x[r] ← x[r] less its mean, on row-major rows; the mean as rowSums and the caller make it. What fills no eight columns
 * goes through `scratch`, 32 bytes for each thread, with zeros behind it.
 */
export function centre(): WasmFunction {
  const parameters = i32s("chunk", "thread", "x", "count", "cols", "per", "scratch");
  return defineFunction("centre", parameters, (p) => {
    const [row, eights, rest] = locals("i32", 3);
    const [sums, mean] = locals("v128", 2);
    const total = f64.add(f64x2.extract_lane(sums, 0), f64x2.extract_lane(sums, 1));
    const eachEight = (from: Local<"i32">, ...body: (readonly Statement[])[]): Statement[] => [
      set(eights, i32.shr_u(p.cols, i32.const(3))),
      times(eights, ...body, advance(from, PANEL_BYTES)),
    ];
    const rounded = (at: Local<"i32">) =>
      storeRounded(
        at,
        eachPair((pair) => f64x2.sub(pair, mean), at),
      );
    return [
      set(rest, i32.shl(i32.and(p.cols, i32.const(7)), i32.const(2))),
      advance(p.scratch, i32.shl(p.thread, i32.const(5))),
      pieceOf(p, [[p.x, i32.shl(p.cols, i32.const(2))]]),
      times(
        p.count,
        set(sums, f32x4.const(0)),
        set(row, p.x),
        eachEight(row, [set(sums, f64x2.add(sums, evenAndOdd(row)))]),
        when(rest, [
          v128.store(p.scratch, f32x4.const(0)),
          v128.store(p.scratch, f32x4.const(0), 16),
          bulk.copy(p.scratch, row, rest),
          set(sums, f64x2.add(sums, evenAndOdd(p.scratch))),
        ]),
        set(mean, f64x2.splat(f64.div(total, f64.convert_i32_u(p.cols)))),
        eachEight(p.x, rounded(p.x)),
        when(rest, [
          bulk.copy(p.scratch, p.x, rest),
          ...rounded(p.scratch),
          bulk.copy(p.x, p.scratch, rest),
          advance(p.x, rest),
        ]),
      ),
    ];
  });
}

/**
 * out = betaᵀW, then W ← gamma ⊙ W less each column's mean over the rows: panel by panel, which stays in the first cache.
 * `factors` are gamma and beta, one after the other for each row, float64; `out` likewise.
 */
export function foldNorm(): WasmFunction {
  const parameters = i32s("chunk", "thread", "out", "w", "factors", "inner", "count", "per");
  return defineFunction("foldNorm", parameters, (p) => {
    const [means, sums] = [locals("v128", 4), locals("v128", 4)];
    const [gamma, beta, pair] = locals("v128", 3);
    const rows = local("f64");
    const [row, factor, left] = locals("i32", 3);
    const panelBytes = i32.mul(p.inner, i32.const(PANEL_BYTES));
    const perRow = f64x2.splat(f64.div(f64.convert_i32_u(i32.const(1)), rows));
    const eachRow = (...body: (readonly Statement[])[]): Statement[] => [
      set(row, p.w),
      set(factor, p.factors),
      set(left, p.inner),
      times(
        left,
        set(gamma, v128.load64_splat(factor)),
        ...body,
        advance(row, PANEL_BYTES),
        advance(factor, 16),
      ),
    ];
    const add = (sum: Local<"v128">, by: V128) => set(sum, f64x2.add(sum, f64x2.mul(pair, by)));
    return [
      set(rows, f64.convert_i32_u(p.inner)),
      pieceOf(p, [
        [p.out, i32.const(2 * PANEL_BYTES)],
        [p.w, panelBytes],
      ]),
      times(
        p.count,
        [...means, ...sums].map((sum) => set(sum, f32x4.const(0))),
        eachRow(
          [set(beta, v128.load64_splat(factor, 8))],
          eachPair((read, i) => [set(pair, read), add(means[i], gamma), add(sums[i], beta)], row).flat(),
        ),
        sums.map((sum, i) => v128.store(p.out, sum, 16 * i)),
        means.map((mean) => set(mean, f64x2.mul(mean, perRow))),
        eachRow(
          storeRounded(
            row,
            eachPair((read, i) => f64x2.sub(f64x2.mul(read, gamma), means[i]), row),
          ),
        ),
        advance(p.out, 2 * PANEL_BYTES),
        advance(p.w, panelBytes),
      ),
    ];
  });
}

/** W ← W less a number for each row; `means` is float64. */
export function subtractFromRows(): WasmFunction {
  const parameters = i32s("chunk", "thread", "w", "means", "inner", "count", "per");
  return defineFunction("subtractFromRows", parameters, (p) => {
    const value = local("v128");
    const panelBytes = i32.mul(p.inner, i32.const(PANEL_BYTES));
    return [
      pieceOf(p, [[p.w, panelBytes]]),
      times(
        p.count,
        eachRow(p.w, p.inner, p.means, (row, mean) => [
          set(value, mean),
          ...storeRounded(
            row,
            eachPair((pair) => f64x2.sub(pair, value), row),
          ),
        ]),
        advance(p.w, panelBytes),
      ),
    ];
  });
}
