import {
  advance,
  bulk,
  call,
  defineFunction,
  doWhile,
  f32x4,
  type I32,
  i32,
  i32s,
  type Local,
  locals,
  type Statement,
  select,
  set,
  smaller,
  times,
  type Value,
  v128,
  type WasmFunction,
} from "../assembler/index.ts";
import { QUERIES } from "./attentionScratch.ts";
import type { Gemm } from "./gemm.ts";
import { fillPanels, packColumns, packRows } from "./pack.ts";
import { type MultiplyAdd, PANEL, PANEL_BYTES, ROW_BLOCK } from "./panels.ts";
import { softmaxVectors } from "./softmax.ts";

/** `visible` holds how many keys each query sees, i32; `scale`, what scores are multiplied by, f32: both in memory. */
const parameters = i32s(
  ...(["chunk", "thread", "out", "q", "k", "v", "pattern", "queries", "pos", "heads", "dHead"] as const),
  ...(["visible", "scale", "scratch", "scratchBytes"] as const),
);
type Variables = { readonly [Name in keyof typeof parameters]: Local<"i32"> };

/**
 * Attention, a chunk for each head of each prompt: its keys as the columns of one packed matrix, its values as another, and
 * a few queries at a time. `attend` is the other two with softmax between, without holding the whole pattern: each
 * number comes about in the same way, so the bits are the same.
 */
export function attentionFunctions(gemm: Gemm, multiplyAdd: MultiplyAdd): WasmFunction[] {
  const packs = { keys: packColumns(), values: packRows() };
  const attend = defineFunction("attend", parameters, (p) => {
    const head = headOf(p, packs);
    return [
      head.begin,
      head.packKeys,
      head.packValues,
      head.eachBlock(
        head.longestVisible,
        scoreBlock(p, head, gemm, head.longest),
        head.eachRow(
          finishScores(p, head),
          softmaxVectors(head.row, i32.shr_u(head.columns, i32.const(2)), multiplyAdd),
        ),
        mixBlock(p, head, gemm, head.scores, head.scoreBytes),
      ),
    ];
  });
  const attentionScores = defineFunction("attentionScores", parameters, (p) => {
    const head = headOf(p, packs);
    const bytes = i32.shl(p.pos, i32.const(2));
    return [
      head.begin,
      head.packKeys,
      head.eachBlock(
        scoreBlock(p, head, gemm, p.pos),
        head.eachRow(finishScores(p, head), [
          bulk.copy(p.pattern, head.row, bytes),
          advance(p.pattern, bytes),
        ]),
      ),
    ];
  });
  const mixValues = defineFunction("mixValues", parameters, (p) => {
    const head = headOf(p, packs);
    const bytes = i32.shl(p.pos, i32.const(2));
    return [
      head.begin,
      head.packValues,
      head.eachBlock(longestPattern(p, head), mixBlock(p, head, gemm, p.pattern, bytes), [
        advance(p.pattern, i32.mul(head.rows, bytes)),
      ]),
    ];
  });
  return [packs.keys, packs.values, fillPanels(packs.values), attend, attentionScores, mixValues];
}

type Head = ReturnType<typeof headOf>;
type Packs = { keys: ReturnType<typeof packColumns>; values: ReturnType<typeof packRows> };

/** The variables that the three have in common, and how they are stepped through. */
function headOf(p: Variables, packs: Packs) {
  const [keys, values, scores, scoreBytes, posBytes, patternBytes] = locals("i32", 6);
  const [left, rows, row, at, seen, longest, columns] = locals("i32", 7);
  const panelsOf = (n: I32) => i32.shr_u(i32.add(n, i32.const(PANEL - 1)), i32.const(3));
  const prompt = i32.div_u(p.chunk, p.heads);
  const inPrompt = i32.shl(i32.mul(i32.rem_u(p.chunk, p.heads), p.dHead), i32.const(2));
  const toHead = (pointer: Local<"i32">, positions: I32) =>
    advance(pointer, i32.add(i32.mul(i32.mul(prompt, positions), posBytes), inPrompt));
  return {
    ...{ keys, values, scores, scoreBytes, posBytes, rows, row, at, seen, longest, columns },
    valuePanels: panelsOf(p.dHead),
    begin: [
      set(posBytes, i32.shl(i32.mul(p.heads, p.dHead), i32.const(2))),
      set(patternBytes, i32.shl(i32.mul(p.queries, p.pos), i32.const(2))),
      advance(p.pattern, i32.mul(p.chunk, patternBytes)),
      toHead(p.q, p.queries),
      toHead(p.out, p.queries),
      toHead(p.k, p.pos),
      toHead(p.v, p.pos),
      advance(p.scratch, i32.mul(p.thread, p.scratchBytes)),
      set(keys, i32.add(p.scratch, i32.const(4 * ROW_BLOCK * PANEL))),
      set(values, i32.add(keys, i32.mul(i32.mul(panelsOf(p.pos), p.dHead), i32.const(PANEL_BYTES)))),
      set(scores, i32.add(values, i32.mul(i32.mul(panelsOf(p.dHead), p.pos), i32.const(PANEL_BYTES)))),
      // 64 bytes more than whole panels, lest rows a power of two apart fall on the same lines of the cache
      set(scoreBytes, i32.add(i32.mul(panelsOf(p.pos), i32.const(PANEL_BYTES)), i32.const(64))),
    ],
    packKeys: call(packs.keys, {
      out: keys,
      columns: p.k,
      columnBytes: posBytes,
      count: p.pos,
      inner: p.dHead,
    }),
    packValues: call(packs.values, {
      ...{ out: values, panelBytes: i32.mul(p.pos, i32.const(PANEL_BYTES)), panels: panelsOf(p.dHead) },
      ...{ rows: p.v, rowBytes: posBytes, count: p.pos },
    }),
    /** Runs `body` for a block of queries after the other, `rows` of them from p.q on, into p.out. */
    eachBlock: (...body: (readonly Statement[])[]): Statement[] => [
      set(left, p.queries),
      doWhile(
        left,
        set(rows, smaller(left, i32.const(QUERIES))),
        ...body,
        advance(p.q, i32.mul(rows, posBytes)),
        advance(p.out, i32.mul(rows, posBytes)),
        advance(p.visible, i32.shl(rows, i32.const(2))),
        set(left, i32.sub(left, rows)),
      ),
    ],
    /** Runs `body` for each query of a block: `row` are its scores, `seen` how many keys it sees. */
    eachRow: (...body: (readonly Statement[])[]): Statement[] => [
      set(row, scores),
      ...eachOf(rows, at, p.visible, [set(seen, i32.load(at)), ...body.flat(), advance(row, scoreBytes)]),
    ],
    longestVisible: [
      set(longest, i32.const(0)),
      ...eachOf(rows, at, p.visible, [
        set(longest, select(i32.gt_u(i32.load(at), longest), i32.load(at), longest)),
      ]),
    ],
  };
}

/** Runs `body` with `at` on each of `count` numbers of four bytes from `from` on. */
function eachOf(count: I32, at: Local<"i32">, from: I32, body: readonly Statement[]): Statement[] {
  const [left] = locals("i32", 1);
  return [set(at, from), set(left, count), times(left, body, advance(at, 4))];
}

/** Dot products of a block of queries with the first `keys` keys, up to a whole panel. */
function scoreBlock(p: Variables, head: Head, gemm: Gemm, keys: I32): Statement[] {
  const panels = i32.shr_u(head.columns, i32.const(3));
  return [
    set(head.columns, i32.and(i32.add(keys, i32.const(PANEL - 1)), i32.const(-PANEL))),
    call(gemm, {
      ...{ chunk: i32.const(0), thread: i32.const(0), x: p.q, xStride: head.posBytes, w: head.keys },
      ...{
        out: head.scores,
        outStride: head.scoreBytes,
        rows: head.rows,
        inner: p.dHead,
        cols: head.columns,
      },
      ...{
        bias: i32.const(0),
        panelBytes: i32.mul(p.dHead, i32.const(PANEL_BYTES)),
        panels,
        group: panels,
        scratch: p.scratch,
        aside: i32.const(0),
      },
    }),
  ];
}

/** A row's scores times the scale, −∞ behind the keys that its query sees. */
function finishScores(p: Variables, head: Head): Statement[] {
  const [at, left] = locals("i32", 2);
  const score: Value<"v128"> = f32x4.mul(v128.load(at), v128.load32_splat(p.scale));
  return [
    set(at, head.row),
    set(left, i32.shr_u(head.columns, i32.const(2))),
    times(left, v128.store(at, score), advance(at, 16)),
    set(at, i32.add(head.row, i32.shl(head.seen, i32.const(2)))),
    set(left, i32.sub(head.columns, head.seen)),
    times(left, v128.store32_lane(at, f32x4.const(Number.NEGATIVE_INFINITY)), advance(at, 4)),
  ];
}

/** A block of pattern rows times the values, as far as the longest of them goes. */
function mixBlock(p: Variables, head: Head, gemm: Gemm, pattern: I32, patternBytes: I32): Statement[] {
  return [
    call(gemm, {
      ...{ chunk: i32.const(0), thread: i32.const(0), x: pattern, xStride: patternBytes, w: head.values },
      ...{ out: p.out, outStride: head.posBytes, rows: head.rows, inner: head.longest, cols: p.dHead },
      ...{ bias: i32.const(0), panelBytes: i32.mul(p.pos, i32.const(PANEL_BYTES)) },
      ...{ panels: head.valuePanels, group: head.valuePanels, scratch: p.scratch, aside: i32.const(0) },
    }),
  ];
}

/** The length of the longest of a block's pattern rows without their trailing zeros; at least 1. */
function longestPattern(p: Variables, head: Head): Statement[] {
  const [end, length] = locals("i32", 2);
  const isZero = i32.eqz(i32.shl(i32.load(end), i32.const(1))); // of either sign
  return [
    set(head.longest, i32.const(1)),
    set(head.row, p.pattern),
    ...eachOf(head.rows, head.at, p.visible, [
      set(length, i32.add(p.pos, i32.const(1))),
      set(end, i32.add(head.row, i32.shl(p.pos, i32.const(2)))),
      doWhile(
        i32.and(isZero, i32.gt_u(length, i32.const(1))),
        set(length, i32.sub(length, i32.const(1))),
        advance(end, -4),
      ),
      set(head.longest, select(i32.gt_u(length, head.longest), length, head.longest)),
      advance(head.row, i32.shl(p.pos, i32.const(2))),
    ]),
  ];
}
