import {
  advance,
  defineFunction,
  f32x4,
  f64,
  f64x2,
  i32,
  i32s,
  local,
  locals,
  set,
  times,
  v128,
  type WasmFunction,
} from "../assembler/index.ts";
import { pieceOf } from "./elementwise.ts";
import { PANEL_BYTES, touch } from "./panels.ts";
import { eachPair, eachRow } from "./widened.ts";

/** How far weights are touched before their turn, in bytes: the longest way that is worth it, within a memory's slack. */
const AHEAD = 32_768;

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

/**
 * The products of rows of x with panels in float64, part by part: each part's along u goes to `scores`, [panels, rows, parts],
 * which the caller adds up; their sums and the magnitudes' to [rows, width of all panels]. A panel stays in the cache
 * while all rows pass over it, and the ones behind it are touched on the way.
 *
 * `x` is [rows, inner] float32; `u` [rows, width] float64.
 */
export function projectParts(): WasmFunction {
  const parameters = i32s(
    ...(["chunk", "thread", "scores", "products", "magnitudes", "x", "w", "u"] as const),
    ...(["rows", "inner", "parts", "width", "count", "per"] as const),
  );
  return defineFunction("projectParts", parameters, (p) => {
    const [sums, totals, sizes] = [locals("v128", 4), locals("v128", 4), locals("v128", 2)];
    const [value, wide, along] = locals("v128", 3);
    const [x, row, u, product, magnitude, part, left, r] = locals("i32", 8);
    const size = i32.div_u(p.inner, p.parts);
    const panelBytes = i32.mul(p.inner, i32.const(PANEL_BYTES));
    const zero = f32x4.const(0);
    return [
      pieceOf(p, [
        [p.scores, i32.shl(i32.mul(p.rows, p.parts), i32.const(3))],
        [p.products, i32.const(2 * PANEL_BYTES)],
        [p.magnitudes, i32.const(PANEL_BYTES)],
        [p.u, i32.const(2 * PANEL_BYTES)],
        [p.w, panelBytes],
      ]),
      times(
        p.count,
        set(x, p.x),
        set(u, p.u),
        set(product, p.products),
        set(magnitude, p.magnitudes),
        set(r, p.rows),
        times(
          r,
          [...totals, ...sizes].map((sum) => set(sum, zero)),
          set(row, p.w),
          set(part, p.parts),
          times(
            part,
            sums.map((sum) => set(sum, zero)),
            set(left, size),
            times(
              left,
              set(value, v128.load32_splat(x)),
              set(wide, f64x2.promote_low_f32x4(value)),
              eachPair((pair, i) => set(sums[i], f64x2.add(sums[i], f64x2.mul(pair, wide))), row),
              sizes.map((sum, i) =>
                set(sum, f32x4.add(sum, f32x4.abs(f32x4.mul(value, v128.load(row, 16 * i))))),
              ),
              touch(row, AHEAD),
              advance(row, PANEL_BYTES),
              advance(x, 4),
            ),
            totals.map((total, i) => set(total, f64x2.add(total, sums[i]))),
            set(along, zero),
            sums.map((sum, i) => set(along, f64x2.add(along, f64x2.mul(sum, v128.load(u, 16 * i))))),
            f64.store(p.scores, f64.add(f64x2.extract_lane(along, 0), f64x2.extract_lane(along, 1))),
            advance(p.scores, 8),
          ),
          totals.map((total, i) => v128.store(product, total, 16 * i)),
          sizes.map((sum, i) => v128.store(magnitude, sum, 16 * i)),
          advance(product, i32.shl(p.width, i32.const(3))),
          advance(u, i32.shl(p.width, i32.const(3))),
          advance(magnitude, i32.shl(p.width, i32.const(2))),
        ),
        advance(p.products, 2 * PANEL_BYTES),
        advance(p.magnitudes, PANEL_BYTES),
        advance(p.u, 2 * PANEL_BYTES),
        advance(p.w, panelBytes),
      ),
    ];
  });
}
