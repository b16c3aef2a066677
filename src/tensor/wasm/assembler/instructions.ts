import {
  code,
  type I32,
  type Immediate,
  type Statement,
  type V128,
  type Value,
  type ValueType,
} from "./code.ts";
import { pushUnsigned, signed, unsigned } from "./leb128.ts";

// Every instruction that the kernels use, by its name in the text format and with its opcode: WebAssembly core
// specification 3.0, §5.4. Vector instructions have the prefix 0xfd.

const comparisons = { eq: 0x46, lt_u: 0x49, gt_u: 0x4b } as const;
const i32Binary = {
  add: 0x6a,
  sub: 0x6b,
  mul: 0x6c,
  div_u: 0x6e,
  rem_u: 0x70,
  and: 0x71,
  shl: 0x74,
  shr_u: 0x76,
} as const;
const f64Binary = { add: 0xa0, sub: 0xa1, mul: 0xa2, div: 0xa3 } as const;

const v128Load = {
  load: 0x00,
  load16x4_u: 0x04,
  load32_splat: 0x09,
  load64_splat: 0x0a,
  load32_zero: 0x5c,
  load64_zero: 0x5d,
} as const;
const v128Binary = { and: 0x4e, andnot: 0x4f, or: 0x50 } as const;
const i32x4Unary = { trunc_sat_f32x4_s: 0xf8 } as const;
const i32x4Binary = { eq: 0x37, gt_s: 0x3b, add: 0xae } as const;
const f32x4Unary = { demote_f64x2_zero: 0x5e, nearest: 0x6a, abs: 0xe0, neg: 0xe1 } as const;
const f32x4Binary = {
  eq: 0x41,
  lt: 0x43,
  add: 0xe4,
  sub: 0xe5,
  mul: 0xe6,
  div: 0xe7,
  min: 0xe8,
  max: 0xe9,
} as const;
const f64x2Unary = { promote_low_f32x4: 0x5f } as const;
const f64x2Binary = { add: 0xf0, sub: 0xf1, mul: 0xf2 } as const;

type Table = Readonly<Record<string, number>>;
type Unary<Ops extends Table, T extends ValueType> = Readonly<Record<keyof Ops, (a: Value<T>) => Value<T>>>;
type Binary<Ops extends Table, T extends ValueType> = Readonly<
  Record<keyof Ops, (a: Value<T>, b: Value<T>) => Value<T>>
>;
/** Addresses are multiples of 4; `offset` is in bytes. */
type Load<T extends ValueType> = (address: I32, offset?: number) => Value<T>;
type Store<T extends ValueType> = (address: I32, value: Value<T>, offset?: number) => Statement;

const vector = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];

/** One function for each row of a table of opcodes. */
function each<Ops extends Table, F>(
  ops: Ops,
  make: (name: string, opcode: number) => F,
): Record<keyof Ops, F> {
  const entries = Object.entries(ops).map(([name, opcode]) => [name, make(name, opcode)] as const);
  return Object.fromEntries(entries) as Record<keyof Ops, F>;
}

function unary<Ops extends Table, T extends ValueType>(type: T, prefix: string, ops: Ops): Unary<Ops, T> {
  return each(ops, (name, opcode) => {
    const [full, bytes] = [`${prefix}.${name}`, type === "v128" ? vector(opcode) : [opcode]];
    return (a) => code(type, full, bytes, [a]);
  });
}

function binary<Ops extends Table, T extends ValueType>(type: T, prefix: string, ops: Ops): Binary<Ops, T> {
  return each(ops, (name, opcode) => {
    const [full, bytes] = [`${prefix}.${name}`, type === "v128" ? vector(opcode) : [opcode]];
    return (a, b) => code(type, full, bytes, [a, b]);
  });
}

function load<T extends ValueType>(type: T, name: string, opcode: readonly number[]): Load<T> {
  return (address, offset = 0) => code(type, name, opcode, [address], [memory(offset)]);
}

function store<T extends ValueType>(
  name: string,
  opcode: readonly number[],
  lane: readonly number[] = [],
): Store<T> {
  return (address, value, offset = 0) =>
    code("none", name, opcode, [address, value], [memory(offset), ...lane]);
}

function memory(offset: number): Immediate {
  const bytes = [2];
  pushUnsigned(bytes, offset);
  return { bytes, text: () => (offset === 0 ? "align=4" : `offset=${offset} align=4`) };
}

export const i32: Binary<typeof comparisons & typeof i32Binary, "i32"> & {
  const(value: number): I32;
  eqz(a: I32): I32;
  readonly load: Load<"i32">;
} = {
  ...binary("i32", "i32", { ...comparisons, ...i32Binary }),
  const: (value) =>
    code("i32", "i32.const", [0x41], [], [{ bytes: signed(value), text: () => `${value | 0}` }]),
  eqz: (a) => code("i32", "i32.eqz", [0x45], [a]),
  load: load("i32", "i32.load", [0x28]),
};

export const f32: {
  readonly load: Load<"f32">;
  readonly store: Store<"f32">;
  demote_f64(a: Value<"f64">): Value<"f32">;
} = {
  load: load("f32", "f32.load", [0x2a]),
  store: store("f32.store", [0x38]),
  demote_f64: (a) => code("f32", "f32.demote_f64", [0xb6], [a]),
};

export const f64: Binary<typeof f64Binary, "f64"> & {
  readonly load: Load<"f64">;
  readonly store: Store<"f64">;
  sqrt(a: Value<"f64">): Value<"f64">;
  convert_i32_u(a: I32): Value<"f64">;
  promote_f32(a: Value<"f32">): Value<"f64">;
} = {
  ...binary("f64", "f64", f64Binary),
  load: load("f64", "f64.load", [0x2b]),
  store: store("f64.store", [0x39]),
  sqrt: (a) => code("f64", "f64.sqrt", [0x9f], [a]),
  convert_i32_u: (a) => code("f64", "f64.convert_i32_u", [0xb8], [a]),
  promote_f32: (a) => code("f64", "f64.promote_f32", [0xbb], [a]),
};

export const v128: Binary<typeof v128Binary, "v128"> &
  Readonly<Record<keyof typeof v128Load, Load<"v128">>> & {
    readonly store: Store<"v128">;
    /** The lowest 4 bytes. */
    readonly store32_lane: Store<"v128">;
    /** Bits of `ones` where the mask has ones, of `zeros` elsewhere. */
    bitselect(ones: V128, zeros: V128, mask: V128): V128;
  } = {
  ...binary("v128", "v128", v128Binary),
  ...each(v128Load, (name, opcode) => load("v128", `v128.${name}`, vector(opcode))),
  store: store("v128.store", vector(0x0b)),
  store32_lane: store("v128.store32_lane", vector(0x5a), [0]),
  bitselect: (ones, zeros, mask) => code("v128", "v128.bitselect", vector(0x52), [ones, zeros, mask]),
};

export const i8x16: {
  /** The bytes of the result, by their index in a's 16 followed by b's. */
  shuffle(a: V128, b: V128, bytes: readonly number[]): V128;
} = {
  shuffle: (a, b, bytes) => code("v128", "i8x16.shuffle", vector(0x0d), [a, b], bytes),
};

export const i32x4: Unary<typeof i32x4Unary, "v128"> &
  Binary<typeof i32x4Binary, "v128"> & {
    /** The same value in every lane. */
    const(value: number): V128;
    shl(a: V128, count: I32): V128;
  } = {
  ...unary("v128", "i32x4", i32x4Unary),
  ...binary("v128", "i32x4", i32x4Binary),
  const: (value) =>
    constant(
      "i32x4",
      () => `${value | 0}`,
      (view) => view.setInt32(0, value, true),
    ),
  shl: (a, count) => code("v128", "i32x4.shl", vector(0xab), [a, count]),
};

export const f32x4: Unary<typeof f32x4Unary, "v128"> &
  Binary<typeof f32x4Binary, "v128"> & {
    /** The same value in every lane. */
    const(value: number): V128;
    splat(a: Value<"f32">): V128;
    /** a·b + c, rounded once or twice as the machine likes. */
    relaxed_madd(a: V128, b: V128, c: V128): V128;
  } = {
  ...unary("v128", "f32x4", f32x4Unary),
  ...binary("v128", "f32x4", f32x4Binary),
  const: (value) =>
    constant(
      "f32x4",
      () => literal(Math.fround(value)),
      (view) => view.setFloat32(0, value, true),
    ),
  splat: (a) => code("v128", "f32x4.splat", vector(0x13), [a]),
  relaxed_madd: (a, b, c) => code("v128", "f32x4.relaxed_madd", vector(0x105), [a, b, c]),
};

export const f64x2: Unary<typeof f64x2Unary, "v128"> &
  Binary<typeof f64x2Binary, "v128"> & {
    splat(a: Value<"f64">): V128;
    extract_lane(a: V128, lane: 0 | 1): Value<"f64">;
  } = {
  ...unary("v128", "f64x2", f64x2Unary),
  ...binary("v128", "f64x2", f64x2Binary),
  splat: (a) => code("v128", "f64x2.splat", vector(0x14), [a]),
  extract_lane: (a, lane) => code("f64", "f64x2.extract_lane", vector(0x21), [a], [lane]),
};

/** Of `length` bytes. */
export const bulk: {
  copy(to: I32, from: I32, length: I32): Statement;
} = {
  copy: (to, from, length) =>
    code("none", "memory.copy", [0xfc, 10], [to, from, length], [{ bytes: [0, 0], text: () => "" }]),
};

/** v128.const of four equal lanes. */
function constant(shape: string, shown: () => string, write: (view: DataView) => void): V128 {
  const view = new DataView(new ArrayBuffer(4));
  write(view);
  const lane = [...new Uint8Array(view.buffer)];
  const bytes = [...lane, ...lane, ...lane, ...lane];
  const text = () => [shape, ...Array.from({ length: 4 }, shown)].join(" ");
  return code("v128", "v128.const", vector(0x0c), [], [{ bytes, text }]);
}

/** A float as the text format has it. */
function literal(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0" : `${value}`;
}
