import {
  advance,
  bulk,
  call,
  defineFunction,
  doWhile,
  type I32,
  type I32s,
  i32,
  i32s,
  locals,
  type Statement,
  select,
  set,
  smaller,
  times,
  v128,
  type WasmFunction,
  when,
  whileAny,
} from "../assembler/index.ts";
import { type PanelRows, panelRows, type RowOfPanels, rowOfPanels } from "./panelRows.ts";
import { K_BLOCK, type MultiplyAdd, PANEL, PANEL_BYTES, ROW_BLOCK, SCRATCH_BYTES } from "./panels.ts";
import { tile } from "./tile.ts";

const gemmParameters = [
  "chunk",
  "thread",
  "x",
  "xStride",
  "w",
  "out",
  "outStride",
  "rows",
  "inner",
  "cols",
  "bias",
  "panelBytes",
  "panels",
  "group",
  "scratch",
  "aside",
] as const;
export type Gemm = WasmFunction<I32s<typeof gemmParameters>>;

/**
 * x·W + bias, W in panels [⌈cols/8⌉][inner][8], for `panels` panels beginning at the `chunk`-th such piece. Blocks of
 * the inner dimension are added up in order, so an output's bits depend on its row and column alone. A block is taken of
 * `group` panels before the next: one where x stays in the cache, so that the panels are read as they lie; more
 * where it doesn't, so that a block of x does.
 *
 * `scratch` has SCRATCH_BYTES for each thread. A last panel that is not full is computed there; and all of them where
 * `aside` is not 0, to be copied once they are whole. That pays where the rows of `out` lie a number of pages apart: these
 * share a few lines of the first cache, which then keeps no sums from one block of the inner dimension to the next.
 */
export function gemmFunctions(
  multiplyAdd: MultiplyAdd,
  tileRows: number,
): { gemm: Gemm; functions: readonly WasmFunction[] } {
  const tiles = Array.from({ length: tileRows }, (_, i) => tile(i + 1, multiplyAdd, false));
  const walking = [tileRows, tileRows - 1].map((rows) => tile(rows, multiplyAdd, true));
  const rowsOfPanel = panelRows(tiles, walking);
  const oneRow = rowOfPanels(multiplyAdd);
  const whole = gemm(rowsOfPanel, oneRow);
  return { gemm: whole, functions: [...tiles, ...walking, rowsOfPanel, oneRow, whole] };
}

/** The products of all rows with a piece of the panels. */
function gemm(rowsOfPanel: PanelRows, oneRow: RowOfPanels): Gemm {
  return defineFunction("gemm", i32s(...gemmParameters), (p) => {
    const [whole, rest, rows, k, left, inner, isFirst, at, w, out, bias, quads, row, from] = locals(
      "i32",
      14,
    );
    const [waiting, group, groupW, groupOut, groupBias, aside] = locals("i32", 6);
    const { panelBytes } = p;
    const first = i32.mul(p.chunk, p.panels);
    const block = { rows, x: at, xStride: p.xStride, w, inner, bias, isFirst };
    // the block that is read after this one: further down the panel or the next one, or the same rows of the next
    const blockBytes = i32.mul(inner, i32.const(PANEL_BYTES));
    const isLast = i32.eq(quads, i32.const(1));
    const outStride = select(aside, i32.const(PANEL_BYTES), p.outStride);
    const outPanel = i32.const(PANEL_BYTES);
    const asidePanel = i32.const(ROW_BLOCK * PANEL_BYTES);
    const next = i32.add(
      w,
      select(i32.eq(p.group, i32.const(1)), blockBytes, select(isLast, i32.const(0), panelBytes)),
    );
    /** Runs `body` for each block of the inner dimension, with `at` and `w` at its beginning. */
    const eachBlock = (start: I32, ...body: Statement[]): Statement[] => [
      set(k, p.inner),
      set(at, p.x),
      set(left, start),
      set(isFirst, i32.const(1)),
      doWhile(
        k,
        set(inner, smaller(k, i32.const(K_BLOCK))),
        set(w, left),
        ...body,
        advance(at, i32.const(4 * K_BLOCK)),
        advance(left, PANEL_BYTES * K_BLOCK),
        set(k, i32.sub(k, inner)),
        set(isFirst, i32.const(0)),
      ),
    ];
    const advanceBias = when(bias, [advance(bias, PANEL_BYTES)]);
    return [
      // of this chunk's columns, how many panels are whole, and how many columns are left
      set(rest, i32.sub(p.cols, i32.mul(first, i32.const(PANEL)))),
      set(rest, smaller(rest, i32.mul(p.panels, i32.const(PANEL)))),
      set(whole, i32.div_u(rest, i32.const(PANEL))),
      set(rest, i32.rem_u(rest, i32.const(PANEL))),
      advance(p.w, i32.mul(first, panelBytes)),
      advance(p.out, i32.mul(first, i32.const(PANEL_BYTES))),
      when(p.bias, [advance(p.bias, i32.mul(first, i32.const(PANEL_BYTES)))]),
      advance(p.scratch, i32.mul(p.thread, i32.const(SCRATCH_BYTES))),
      doWhile(
        p.rows,
        set(rows, smaller(p.rows, i32.const(ROW_BLOCK))),
        set(aside, select(i32.eq(rows, i32.const(1)), i32.const(0), p.aside)), // a row alone goes on four panels at a time
        set(waiting, whole),
        set(groupW, p.w),
        set(groupOut, p.out),
        set(groupBias, p.bias),
        whileAny(
          waiting,
          set(group, smaller(waiting, p.group)),
          ...eachBlock(
            groupW,
            set(out, select(aside, p.scratch, groupOut)),
            set(bias, groupBias),
            set(quads, i32.const(0)),
            when(i32.eq(rows, i32.const(1)), [
              set(quads, i32.shr_u(group, i32.const(2))),
              when(quads, [
                call(oneRow, { quads, x: at, w, panelBytes, out, inner, bias, isFirst }),
                advance(w, i32.mul(i32.shl(quads, i32.const(2)), panelBytes)),
                advance(out, i32.mul(quads, i32.const(4 * PANEL_BYTES))),
                when(bias, [advance(bias, i32.mul(quads, i32.const(4 * PANEL_BYTES)))]),
              ]),
            ]),
            set(quads, i32.sub(group, i32.shl(quads, i32.const(2)))),
            times(
              quads,
              call(rowsOfPanel, { ...block, out, outStride, next }),
              advance(w, panelBytes),
              advance(out, select(aside, asidePanel, outPanel)),
              advanceBias,
            ),
          ),
          when(
            aside,
            copyPanels({ out: groupOut, outStride: p.outStride, scratch: p.scratch, rows, panels: group }),
          ),
          advance(groupW, i32.mul(group, panelBytes)),
          advance(groupOut, i32.mul(group, i32.const(PANEL_BYTES))),
          when(groupBias, [advance(groupBias, i32.mul(group, i32.const(PANEL_BYTES)))]),
          set(waiting, i32.sub(waiting, group)),
        ),
        when(rest, [
          ...eachBlock(
            i32.add(p.w, i32.mul(whole, panelBytes)),
            set(bias, select0(p.bias, i32.add(p.bias, i32.mul(whole, i32.const(PANEL_BYTES))))),
            call(rowsOfPanel, { ...block, out: p.scratch, outStride: i32.const(PANEL_BYTES), next: w }),
          ),
          set(row, rows),
          set(from, p.scratch),
          set(out, i32.add(p.out, i32.mul(whole, i32.const(PANEL_BYTES)))),
          times(
            row,
            bulk.copy(out, from, i32.shl(rest, i32.const(2))),
            advance(from, PANEL_BYTES),
            advance(out, p.outStride),
          ),
        ]),
        advance(p.x, i32.mul(rows, p.xStride)),
        advance(p.out, i32.mul(rows, p.outStride)),
        set(p.rows, i32.sub(p.rows, rows)),
      ),
    ];
  });
}

/** Panels from the scratch to their place in the output, by rows, so that each is written from one end to the other. */
function copyPanels(
  given: Readonly<Record<"out" | "outStride" | "scratch" | "rows" | "panels", I32>>,
): Statement[] {
  const [row, rowOut, left, panel, from, to] = locals("i32", 6);
  return [
    set(row, given.scratch),
    set(rowOut, given.out),
    set(left, given.rows),
    times(
      left,
      set(from, row),
      set(to, rowOut),
      set(panel, given.panels),
      times(
        panel,
        v128.store(to, v128.load(from)),
        v128.store(to, v128.load(from, 16), 16),
        advance(to, PANEL_BYTES),
        advance(from, ROW_BLOCK * PANEL_BYTES),
      ),
      advance(row, PANEL_BYTES),
      advance(rowOut, given.outStride),
    ),
  ];
}

/** 0 where `pointer` is 0, for none; `moved` otherwise. */
function select0(pointer: I32, moved: I32): I32 {
  return select(pointer, moved, i32.const(0));
}
