import {
  advance,
  defineFunction,
  f32x4,
  type I32,
  i32,
  i32s,
  type Local,
  local,
  locals,
  type Statement,
  set,
  smaller,
  times,
  type V128,
  v128,
  type WasmFunction,
} from "../assembler/index.ts";

/** What a thread is given of a kernel that works element by element or row by row: `per` of `count`, and where they begin. */
export function pieceOf(
  p: { readonly chunk: Local<"i32">; readonly per: Local<"i32">; readonly count: Local<"i32"> },
  strides: readonly (readonly [pointer: Local<"i32">, bytes: I32])[],
): Statement[] {
  const first = i32.mul(p.chunk, p.per);
  return [
    ...strides.map(([pointer, bytes]) => advance(pointer, i32.mul(first, bytes))),
    set(p.count, smaller(p.per, i32.sub(p.count, first))),
  ];
}

/**
 * Runs `step` for four elements at a time, then for each that is left over, which it finds in the first lane.
 * Each pointer goes on by what was read or written there. `count` is used up.
 */
export function eachVector(
  count: Local<"i32">,
  pointers: readonly Local<"i32">[],
  step: (
    load: (from: Local<"i32">) => V128,
    store: (to: Local<"i32">, value: V128) => Statement,
  ) => Statement[],
): Statement[] {
  const vectors = local("i32");
  const go = (bytes: number) => pointers.map((pointer) => advance(pointer, bytes));
  return [
    set(vectors, i32.shr_u(count, i32.const(2))),
    set(count, i32.and(count, i32.const(3))),
    times(vectors, step(v128.load, v128.store), go(16)),
    times(count, step(v128.load32_zero, v128.store32_lane), go(4)),
  ];
}

/** out[i] = f(x[i]), where `f` puts its result into a variable. */
export function mapped(name: string, f: (out: Local<"v128">, x: Local<"v128">) => Statement[]): WasmFunction {
  const parameters = i32s("chunk", "thread", "out", "x", "count", "per");
  return defineFunction(name, parameters, (p) => {
    const [x, y] = locals("v128", 2);
    const four = i32.const(4);
    return [
      pieceOf(p, [
        [p.out, four],
        [p.x, four],
      ]),
      eachVector(p.count, [p.out, p.x], (load, store) => [set(x, load(p.x)), ...f(y, x), store(p.out, y)]),
    ];
  });
}

/** out = a + b */
export function add(): WasmFunction {
  const parameters = i32s("chunk", "thread", "out", "a", "b", "count", "per");
  return defineFunction("add", parameters, (p) => {
    const four = i32.const(4);
    return [
      pieceOf(p, [
        [p.out, four],
        [p.a, four],
        [p.b, four],
      ]),
      eachVector(p.count, [p.out, p.a, p.b], (load, store) => [
        store(p.out, f32x4.add(load(p.a), load(p.b))),
      ]),
    ];
  });
}
