import {
  advance,
  defineFunction,
  doWhile,
  f32x4,
  type I32s,
  i32,
  i32s,
  type Local,
  locals,
  type Statement,
  set,
  tee,
  times,
  type V128,
  v128,
  type WasmFunction,
  when,
} from "../assembler/index.ts";
import { LINE } from "../region.ts";
import { type MultiplyAdd, PANEL_BYTES, touch } from "./panels.ts";

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

export type Tile = WasmFunction<I32s<typeof tileParameters>>;
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
export function tile(rows: number, multiplyAdd: MultiplyAdd, walks: boolean): Tile {
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
