import {
  advance,
  bulk,
  call,
  defineFunction,
  doWhile,
  drop,
  f32x4,
  type I32,
  type I32s,
  i32,
  i32s,
  type Local,
  local,
  locals,
  type Statement,
  select,
  set,
  smaller,
  tee,
  times,
  type V128,
  v128,
  type WasmFunction,
  when,
  whileAny,
} from "../assembler/index.ts";
import { LINE, PAGE } from "../region.ts";

/** Columns in a panel of packed weights: two vectors of four. */
export const PANEL = 8;
export const PANEL_BYTES: number = 4 * PANEL;

/** Rows of a panel that are summed in registers before they are added to the output. */
export const K_BLOCK = 256;

/** Rows of x that pass over all panels before the next do: a block of them stays in the second cache. */
export const ROW_BLOCK = 256;

/** Panels that a thread takes at a time: their rows of one K block stay in the second cache. */
export const PANELS_AT_ONCE = 24;

/** Of each thread's scratch: room for a block of rows of so many panels, one after the other. */
export const SCRATCH_BYTES: number = PANELS_AT_ONCE * ROW_BLOCK * PANEL_BYTES;

/** a·b + c: rounded twice, the same on every machine; or once, where the machine has that. */
export type MultiplyAdd = (a: V128, b: V128, c: V128) => V128;

const tileParameters = [
  "tiles",
  "x",
  "xStride",
  "w",
  "out",
  "outStride",
  "inner",
  "bias",
  "isFirst",
  "ahead",
  "pace",
] as const;

type Tile = WasmFunction<I32s<typeof tileParameters>>;
type Variables<Names extends readonly string[]> = Readonly<Record<Names[number], Local<"i32">>>;

/**
 * The products of rows of x and one panel, over at most K_BLOCK of the inner dimension, `rows` rows at a time:
 *
 *   out[r, :] = (isFirst ? bias or 0 : out[r, :]) + Σ_k x[r, k] w[k, :]
 *
 * The sums stay in registers, two vectors a row; each is in the order of k.
 *
 * Meanwhile `ahead` goes through the weights that come next, for WebAssembly has no instruction to prefetch: a tile that
 * `walks` reads on by `pace` bytes for each k, which the machine's own prefetch keeps ahead of; else `pace` lines of the
 * cache are read before each tile.
 */
function tile(rows: number, multiplyAdd: MultiplyAdd, walks: boolean): Tile {
  return defineFunction(`${walks ? "walking" : "tile"}${rows}`, i32s(...tileParameters), (p) => {
    const sums = locals("v128", 2 * rows);
    const [w0, w1, x] = locals("v128", 3);
    const [w, k] = locals("i32", 2);
    const pointers = locals("i32", rows);
    const step = (r: number): Statement[] => [
      set(x, v128.load32_splat(pointers[r])),
      set(sums[2 * r], multiplyAdd(x, w0, sums[2 * r])),
      set(sums[2 * r + 1], multiplyAdd(x, w1, sums[2 * r + 1])),
    ];
    // V8 up to version 12 moves every load to the loop's beginning and runs out of registers. A condition that never
    // holds, and would need every sum, keeps the last rows' loads behind it; it costs later versions nothing.
    const never = i32.eqz(p.tiles);
    const fence = when(
      never,
      sums.map((sum) => v128.store(i32.const(0), sum)),
    );
    return [
      doWhile(
        p.tiles,
        set(pointers[0], p.x),
        pointers.slice(1).map((pointer, r) => set(pointer, i32.add(pointers[r], p.xStride))),
        sums.map((sum) => set(sum, f32x4.const(0))),
        walks ? [] : [set(k, p.pace), times(k, touch(p.ahead), advance(p.ahead, LINE))],
        set(w, p.w),
        set(k, p.inner),
        doWhile(
          tee(k, i32.sub(k, i32.const(1))),
          set(w0, v128.load(w)),
          set(w1, v128.load(w, 16)),
          pointers.flatMap((_, r) => (r === 3 && rows > 4 ? [fence, ...step(r)] : step(r))),
          pointers.map((pointer) => advance(pointer, 4)),
          walks ? [touch(p.ahead), advance(p.ahead, p.pace)] : [],
          advance(w, PANEL_BYTES),
        ),
        addToOutput(p, sums),
        advance(p.x, i32.mul(p.xStride, i32.const(rows))),
        advance(p.out, p.outStride),
        set(p.tiles, i32.sub(p.tiles, i32.const(1))),
      ),
    ];
  });
}

function addToOutput(p: Variables<typeof tileParameters>, sums: readonly V128[]): Statement {
  const store = (before: ((half: number) => V128) | null): Statement[] =>
    sums.flatMap((sum, i) => {
      const half = i % 2;
      const stored = v128.store(p.out, before ? f32x4.add(before(half), sum) : sum, 16 * half);
      return half === 0 && i > 0 ? [advance(p.out, p.outStride), stored] : [stored];
    });
  return when(
    p.isFirst,
    [
      when(
        p.bias,
        store((half) => v128.load(p.bias, 16 * half)),
        store(null),
      ),
    ],
    store((half) => v128.load(p.out, 16 * half)),
  );
}

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

/** Tiles on a panel up to which they walk through the weights to come: more of them have the time to read by lines. */
const FEW_TILES = 8;

/**
 * All rows on one panel: tiles of T rows and of T − 1, as few other ones as can be. Meanwhile the block of weights at `next`
 * is brought near: the beginnings of its pages at once, the rest as the tiles go on.
 */
function panelRows(
  tiles: readonly Tile[],
  walking: readonly Tile[],
): WasmFunction<I32s<typeof panelParameters>> {
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

/** One row on four panels at a time: with two sums the machine would wait for each before the next. */
function rowOfPanels(multiplyAdd: MultiplyAdd): WasmFunction<I32s<typeof rowParameters>> {
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

/** The products of all rows with a piece of the panels. */
function gemm(
  panelRows: WasmFunction<I32s<typeof panelParameters>>,
  oneRow: WasmFunction<I32s<typeof rowParameters>>,
): Gemm {
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
              call(panelRows, { ...block, out, outStride, next }),
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
            call(panelRows, { ...block, out: p.scratch, outStride: i32.const(PANEL_BYTES), next: w }),
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

/** Reads an address for nothing but that it is read. */
export function touch(address: I32, offset = 0): Statement {
  return drop(i32.load(address, offset));
}

/** 0 where `pointer` is 0, for none; `moved` otherwise. */
function select0(pointer: I32, moved: I32): I32 {
  return select(pointer, moved, i32.const(0));
}
