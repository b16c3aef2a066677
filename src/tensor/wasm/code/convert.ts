import {
  advance,
  defineFunction,
  f32,
  f32x4,
  f64,
  f64x2,
  i32,
  i32s,
  i32x4,
  type Local,
  local,
  locals,
  set,
  times,
  type V128,
  v128,
  type WasmFunction,
} from "../assembler/index.ts";
import { eachVector, pieceOf } from "./elementwise.ts";
import { widenPair } from "./norm.ts";

/** float16 to float32, exactly; four at a time, so `count` is in fours. @see IEEE 754-2019, table 3.5, binary16 */
export function widenFloat16(): WasmFunction {
  return widening("widenFloat16", (half) => {
    // the exponent's bias goes from 15 to 127 by a product, which also makes normal numbers of subnormal ones
    const magnitude = i32x4.shl(v128.and(half, i32x4.const(0x7fff)), i32.const(13));
    const rebased = f32x4.mul(magnitude, f32x4.const(2 ** 112));
    const sign = i32x4.shl(v128.and(half, i32x4.const(0x8000)), i32.const(16));
    const isSpecial = i32x4.gt_s(magnitude, i32x4.const(0x0f7f_ffff));
    const special = v128.and(isSpecial, i32x4.const(0x7f80_0000));
    return v128.or(v128.or(rebased, special), sign);
  });
}

/** bfloat16 to float32, of which it is the upper half. */
export function widenBfloat16(): WasmFunction {
  return widening("widenBfloat16", (half) => i32x4.shl(half, i32.const(16)));
}

function widening(name: string, widen: (half: Local<"v128">) => V128): WasmFunction {
  return defineFunction(name, i32s("chunk", "thread", "out", "x", "count", "per"), (p) => {
    const half = local("v128");
    return [
      pieceOf(p, [
        [p.out, i32.const(16)],
        [p.x, i32.const(8)],
      ]),
      times(
        p.count,
        set(half, v128.load16x4_u(p.x)),
        v128.store(p.out, widen(half)),
        advance(p.x, 8),
        advance(p.out, 16),
      ),
    ];
  });
}

/** Four lanes at `out`, one of them not 0 where an element of x is NaN or infinite. */
export function findNonFinite(): WasmFunction {
  return defineFunction("findNonFinite", i32s("out", "x", "count"), (p) => {
    const found = local("v128");
    const exponent = i32x4.const(0x7f80_0000);
    return [
      set(found, i32x4.const(0)),
      eachVector(p.count, [p.x], (load) => [
        set(found, v128.or(found, i32x4.eq(v128.and(load(p.x), exponent), exponent))),
      ]),
      v128.store(p.out, found),
    ];
  });
}

/** sums += each of `count` rows, in float64 and in their order. */
export function addRows(): WasmFunction {
  return defineFunction("addRows", i32s("sums", "x", "count", "cols"), (p) => {
    const [sum, pairs, odd] = locals("i32", 3);
    return [
      times(
        p.count,
        set(sum, p.sums),
        set(pairs, i32.shr_u(p.cols, i32.const(1))),
        times(
          pairs,
          v128.store(sum, f64x2.add(v128.load(sum), widenPair(p.x, 0))),
          advance(sum, 16),
          advance(p.x, 8),
        ),
        set(odd, i32.and(p.cols, i32.const(1))),
        times(odd, f64.store(sum, f64.add(f64.load(sum), f64.promote_f32(f32.load(p.x)))), advance(p.x, 4)),
      ),
    ];
  });
}
