import {
  advance,
  call,
  defineFunction,
  doWhile,
  f32x4,
  type I32,
  type I32s,
  i32,
  i32s,
  local,
  locals,
  type Statement,
  set,
  tee,
  type V128,
  v128,
  type WasmFunction,
  when,
} from "../assembler/index.ts";
import { LINE, PAGE } from "../region.ts";
import { type MultiplyAdd, PANEL_BYTES, touch } from "./panels.ts";
import type { Tile } from "./tile.ts";

const panelParameters = [
  "rows",
  "x",
  "xStride",
  "w",
  "out",
  "outStride",
  "inner",
  "bias",
  "isFirst",
  "next",
] as const;
export type PanelRows = WasmFunction<I32s<typeof panelParameters>>;

/** Tiles on a panel up to which they walk through the weights to come: more of them have the time to read by lines. */
const FEW_TILES = 8;

/**
 * All rows on one panel: tiles of T rows and of T − 1, as few other ones as can be. Meanwhile the block of weights at `next`
 * is brought near: the beginnings of its pages at once, the rest as the tiles go on.
 */
export function panelRows(tiles: readonly Tile[], walking: readonly Tile[]): PanelRows {
  const T = tiles.length;
  return defineFunction("panelRows", i32s(...panelParameters), (p) => {
    const [small, big, ahead, pace, count] = locals("i32", 5);
    const blockBytes = i32.mul(p.inner, i32.const(PANEL_BYTES));
    const perCount = (amount: I32): I32 => i32.div_u(i32.add(amount, i32.sub(count, i32.const(1))), count);
    const run = (rows: number, kind: Tile, count: I32, aheadBytes: I32): Statement => {
      const { x, xStride, w, out, outStride, inner, bias, isFirst } = p;
      const height = i32.const(rows);
      return when(count, [
        call(kind, { tiles: count, x, xStride, w, out, outStride, inner, bias, isFirst, ahead, pace }),
        advance(ahead, i32.mul(count, aheadBytes)),
        advance(x, i32.mul(i32.mul(count, height), xStride)),
        advance(out, i32.mul(i32.mul(count, height), outStride)),
        set(p.rows, i32.sub(p.rows, i32.mul(count, height))),
      ]);
    };
    const byWalking = i32.mul(p.inner, pace);
    const byLines = i32.mul(pace, i32.const(LINE));
    return [
      // small tiles, as many as rows lack to a multiple of T, where there are so many rows
      set(small, i32.rem_u(i32.sub(i32.const(T), i32.rem_u(p.rows, i32.const(T))), i32.const(T))),
      when(i32.gt_u(i32.mul(small, i32.const(T - 1)), p.rows), [set(small, i32.const(0))]),
      set(big, i32.div_u(i32.sub(p.rows, i32.mul(small, i32.const(T - 1))), i32.const(T))),
      set(count, i32.add(i32.add(big, small), i32.const(1))),
      set(ahead, p.next),
      // at a page's beginning the machine's prefetch starts anew
      [0, LINE, PAGE, PAGE + LINE].map((offset) => touch(ahead, offset)),
      when(
        i32.gt_u(count, i32.const(FEW_TILES)),
        [
          set(pace, perCount(i32.div_u(blockBytes, i32.const(LINE)))),
          run(T, tiles[T - 1], big, byLines),
          run(T - 1, tiles[T - 2], small, byLines),
        ],
        [
          set(pace, perCount(i32.const(PANEL_BYTES))),
          run(T, walking[0], big, byWalking),
          run(T - 1, walking[1], small, byWalking),
        ],
      ),
      set(pace, i32.const(0)),
      Array.from({ length: T - 2 }, (_, i) =>
        when(i32.eq(p.rows, i32.const(i + 1)), [run(i + 1, tiles[i], i32.const(1), i32.const(0))]),
      ),
    ];
  });
}

const rowParameters = ["quads", "x", "w", "panelBytes", "out", "inner", "bias", "isFirst"] as const;
export type RowOfPanels = WasmFunction<I32s<typeof rowParameters>>;

/** One row on four panels at a time: with two sums the machine would wait for each before the next. */
export function rowOfPanels(multiplyAdd: MultiplyAdd): RowOfPanels {
  return defineFunction("rowOfPanels", i32s(...rowParameters), (p) => {
    const sums = locals("v128", 8);
    const panels = locals("i32", 4);
    const value = local("v128");
    const [x, k] = locals("i32", 2);
    const store = (before: ((offset: number) => V128) | null): Statement[] =>
      sums.map((sum, i) => v128.store(p.out, before ? f32x4.add(before(16 * i), sum) : sum, 16 * i));
    return [
      doWhile(
        p.quads,
        set(panels[0], p.w),
        panels.slice(1).map((panel, i) => set(panel, i32.add(panels[i], p.panelBytes))),
        sums.map((sum) => set(sum, f32x4.const(0))),
        set(x, p.x),
        set(k, p.inner),
        doWhile(
          tee(k, i32.sub(k, i32.const(1))),
          set(value, v128.load32_splat(x)),
          sums.map((sum, i) => set(sum, multiplyAdd(value, v128.load(panels[i >> 1], 16 * (i % 2)), sum))),
          panels.map((panel) => advance(panel, PANEL_BYTES)),
          advance(x, 4),
        ),
        when(
          p.isFirst,
          [
            when(
              p.bias,
              [store((offset) => v128.load(p.bias, offset)), advance(p.bias, 4 * PANEL_BYTES)].flat(),
              store(null),
            ),
          ],
          store((offset) => v128.load(p.out, offset)),
        ),
        advance(p.w, i32.mul(p.panelBytes, i32.const(4))),
        advance(p.out, 4 * PANEL_BYTES),
        set(p.quads, i32.sub(p.quads, i32.const(1))),
      ),
    ];
  });
}
