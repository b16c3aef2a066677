import {
  advance,
  call,
  defineFunction,
  f32,
  type I32,
  type I32s,
  i32,
  i32s,
  locals,
  set,
  smaller,
  times,
  v128,
  type WasmFunction,
} from "../assembler/index.ts";
import { pieceOf } from "./elementwise.ts";
import { PANEL, PANEL_BYTES } from "./panels.ts";

/**
 * Copies rows into whole panels, from a row of each on: `panelBytes` lie between a panel and the next. Columns that fill
 * no panel are not copied.
 */
export function packRows(): WasmFunction<I32s<typeof packRowsParameters>> {
  return defineFunction("packRows", i32s(...packRowsParameters), (p) => {
    const [from, to, row] = locals("i32", 3);
    return [
      times(
        p.panels,
        set(from, p.rows),
        set(to, p.out),
        set(row, p.count),
        times(
          row,
          v128.store(to, v128.load(from)),
          v128.store(to, v128.load(from, 16), 16),
          advance(from, p.rowBytes),
          advance(to, PANEL_BYTES),
        ),
        advance(p.rows, PANEL_BYTES),
        advance(p.out, p.panelBytes),
      ),
    ];
  });
}

const packRowsParameters = ["out", "panelBytes", "panels", "rows", "rowBytes", "count"] as const;

/**
 * Copies columns, each of `inner` elements, into panels: the transposition of packRows. Where the columns fill no
 * panel, the last one is repeated.
 */
export function packColumns(): WasmFunction<I32s<typeof packColumnsParameters>> {
  return defineFunction("packColumns", i32s(...packColumnsParameters), (p) => {
    const from = locals("i32", PANEL);
    const [column, left] = locals("i32", 2);
    const last = i32.sub(p.count, i32.const(1));
    const address = (c: number): I32 =>
      i32.add(p.columns, i32.mul(smaller(i32.add(column, i32.const(c)), last), p.columnBytes));
    const [panels] = locals("i32", 1);
    return [
      set(panels, i32.shr_u(i32.add(p.count, i32.const(PANEL - 1)), i32.const(3))),
      set(column, i32.const(0)),
      times(
        panels,
        from.map((pointer, c) => set(pointer, address(c))),
        set(left, p.inner),
        times(
          left,
          from.map((pointer, c) => f32.store(p.out, f32.load(pointer), 4 * c)),
          from.map((pointer) => advance(pointer, 4)),
          advance(p.out, PANEL_BYTES),
        ),
        advance(column, PANEL),
      ),
    ];
  });
}

const packColumnsParameters = ["out", "columns", "columnBytes", "count", "inner"] as const;

/** packRows, for a piece of the panels. */
export function fillPanels(packRows: WasmFunction<I32s<typeof packRowsParameters>>): WasmFunction {
  return defineFunction(
    "fillPanels",
    i32s("chunk", "thread", "out", "panelBytes", "rows", "rowBytes", "rowCount", "count", "per"),
    (p) => [
      pieceOf(p, [
        [p.out, p.panelBytes],
        [p.rows, i32.const(PANEL_BYTES)],
      ]),
      call(packRows, { ...p, panels: p.count, count: p.rowCount }),
    ],
  );
}
