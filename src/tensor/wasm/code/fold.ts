import {
  advance,
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
} from "../assembler/index.ts";
import { pieceOf } from "./elementwise.ts";
import { PANEL_BYTES } from "./gemm.ts";
import { widenPair } from "./norm.ts";

// Products in float64 with packed weights, and what folding does to these: each element is widened, used, and, where it
// changes, rounded once. Padding columns are zero, and stay so but for centreRows.

/** The eight columns of a panel's row as four pairs. */
const eachPair = <T>(of: (pair: V128, i: number) => T, row: I32): T[] =>
  [0, 1, 2, 3].map((i) => of(widenPair(row, 8 * i), i));

/** Puts four pairs of float64, rounded, in the place of a panel's row. */
function storeRounded(row: Local<"i32">, pairs: readonly V128[]): Statement[] {
  const lowHalves = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
  const [a, b, c, d] = pairs.map((pair) => f32x4.demote_f64x2_zero(pair));
  return [
    v128.store(row, i8x16.shuffle(a, b, lowHalves)),
    v128.store(row, i8x16.shuffle(c, d, lowHalves), 16),
  ];
}

/** Runs `body` for each row of a panel, `row` going through the panel and `factor` through float64 numbers. */
function eachRow(
  panel: I32,
  inner: I32,
  factors: I32,
  body: (row: Local<"i32">, factor: V128) => Statement[],
): Statement[] {
  const [row, factor, left] = locals("i32", 3);
  return [
    set(row, panel),
    set(factor, factors),
    set(left, inner),
    times(left, body(row, v128.load64_splat(factor)), advance(row, PANEL_BYTES), advance(factor, 8)),
  ];
}

/** out = vᵀW in float64, v and out likewise: for each column the sum in the order of the rows. */
export function combineRows(): WasmFunction {
  return defineFunction(
    "combineRows",
    i32s("chunk", "thread", "out", "w", "v", "inner", "count", "per"),
    (p) => {
      const sums = locals("v128", 4);
      const value = local("v128");
      const panelBytes = i32.mul(p.inner, i32.const(PANEL_BYTES));
      return [
        pieceOf(p, [
          [p.out, i32.const(2 * PANEL_BYTES)],
          [p.w, panelBytes],
        ]),
        times(
          p.count,
          sums.map((sum) => set(sum, f32x4.const(0))),
          eachRow(p.w, p.inner, p.v, (row, factor) => [
            set(value, factor),
            ...eachPair((pair, i) => set(sums[i], f64x2.add(sums[i], f64x2.mul(pair, value))), row),
          ]),
          sums.map((sum, i) => v128.store(p.out, sum, 16 * i)),
          advance(p.out, 2 * PANEL_BYTES),
          advance(p.w, panelBytes),
        ),
      ];
    },
  );
}

/** out = |v|ᵀ|W| in float32, v float32: for bounds, which allow for its rounding. */
export function combineMagnitudes(): WasmFunction {
  return defineFunction(
    "combineMagnitudes",
    i32s("chunk", "thread", "out", "w", "v", "inner", "count", "per"),
    (p) => {
      const sums = locals("v128", 2);
      const value = local("v128");
      const [row, factor, left] = locals("i32", 3);
      const panelBytes = i32.mul(p.inner, i32.const(PANEL_BYTES));
      return [
        pieceOf(p, [
          [p.out, i32.const(PANEL_BYTES)],
          [p.w, panelBytes],
        ]),
        set(row, p.w),
        times(
          p.count,
          sums.map((sum) => set(sum, f32x4.const(0))),
          set(factor, p.v),
          set(left, p.inner),
          times(
            left,
            set(value, v128.load32_splat(factor)),
            sums.map((sum, i) =>
              set(sum, f32x4.add(sum, f32x4.abs(f32x4.mul(value, v128.load(row, 16 * i))))),
            ),
            advance(row, PANEL_BYTES),
            advance(factor, 4),
          ),
          sums.map((sum, i) => v128.store(p.out, sum, 16 * i)),
          advance(p.out, PANEL_BYTES),
        ),
      ];
    },
  );
}

/**
 * out = W·u in float64, two sums a row which the caller adds up: of the even and of the odd columns. u is float64, as
 * long as the panels are wide; `out` is added to. A chunk has some of the rows.
 */
export function project(): WasmFunction {
  const parameters = i32s("chunk", "thread", "out", "w", "u", "inner", "panels", "count", "per");
  return defineFunction("project", parameters, (p) => {
    const factors = locals("v128", 4);
    const [row, sum, left] = locals("i32", 3);
    const total = (a: V128, b: V128) => f64x2.add(a, b);
    return [
      pieceOf(p, [
        [p.out, i32.const(16)],
        [p.w, i32.const(PANEL_BYTES)],
      ]),
      times(
        p.panels,
        factors.map((factor, i) => set(factor, v128.load(p.u, 16 * i))),
        set(row, p.w),
        set(sum, p.out),
        set(left, p.count),
        times(
          left,
          v128.store(
            sum,
            total(v128.load(sum), eachPair((pair, i) => f64x2.mul(pair, factors[i]), row).reduce(total)),
          ),
          advance(row, PANEL_BYTES),
          advance(sum, 16),
        ),
        advance(p.u, 2 * PANEL_BYTES),
        advance(p.w, i32.mul(p.inner, i32.const(PANEL_BYTES))),
      ),
    ];
  });
}

/** W ← gamma ⊙ W less each column's mean over the rows; gamma is float64. */
export function scaleAndCentreColumns(): WasmFunction {
  const parameters = i32s("chunk", "thread", "w", "gamma", "inner", "count", "per");
  return defineFunction("scaleAndCentreColumns", parameters, (p) => {
    const means = locals("v128", 4);
    const value = local("v128");
    const rows = local("f64");
    const panelBytes = i32.mul(p.inner, i32.const(PANEL_BYTES));
    const perRow = f64x2.splat(f64.div(f64.convert_i32_u(i32.const(1)), rows));
    return [
      set(rows, f64.convert_i32_u(p.inner)),
      pieceOf(p, [[p.w, panelBytes]]),
      times(
        p.count,
        means.map((mean) => set(mean, f32x4.const(0))),
        eachRow(p.w, p.inner, p.gamma, (row, factor) => [
          set(value, factor),
          ...eachPair((pair, i) => set(means[i], f64x2.add(means[i], f64x2.mul(pair, value))), row),
        ]),
        means.map((mean) => set(mean, f64x2.mul(mean, perRow))),
        eachRow(p.w, p.inner, p.gamma, (row, factor) => [
          set(value, factor),
          ...storeRounded(
            row,
            eachPair((pair, i) => f64x2.sub(f64x2.mul(pair, value), means[i]), row),
          ),
        ]),
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
