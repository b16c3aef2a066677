import {
  code,
  type I32,
  type Immediate,
  type Local,
  type Statement,
  sequence,
  type Value,
  type ValueType,
} from "./code.ts";
import { i32 } from "./instructions.ts";

type Body = readonly (Statement | readonly Statement[])[];

const op = (name: string, opcode: number, ...immediates: Immediate[]): Statement =>
  code("none", name, [opcode], [], immediates);
const end: Statement = op("end", 0x0b);
const noResult: Immediate = { bytes: [0x40], text: () => "" };

/** To the end of the innermost block, or the beginning of the innermost loop. */
const branchIf = (condition: I32): Statement => code("none", "br_if", [0x0d], [condition], [0]);

export function set<T extends ValueType>(variable: Local<T>, value: Value<T>): Statement {
  return code("none", "local.set", [0x21], [value], [variable]);
}

export function tee<T extends ValueType>(variable: Local<T>, value: Value<T>): Value<T> {
  return code(variable.type, "local.tee", [0x22], [value], [variable]);
}

/** Computes a value and forgets it. */
export function drop(value: Value<ValueType>): Statement {
  return code("none", "drop", [0x1a], [value]);
}

/** variable += amount */
export function advance(variable: Local<"i32">, amount: I32 | number): Statement {
  return set(variable, i32.add(variable, typeof amount === "number" ? i32.const(amount) : amount));
}

/** One value or the other. */
export function select<T extends ValueType>(condition: I32, yes: Value<T>, no: Value<T>): Value<T> {
  const type = yes.type;
  if (type === "v128") throw new TypeError("select: v128 has bitselect");
  return code(type, "select", [0x1b], [yes, no, condition]);
}

/** The smaller of two unsigned integers, each of which is computed twice. */
export function smaller(a: I32, b: I32): I32 {
  return select(i32.lt_u(a, b), a, b);
}

/** Runs the body while the condition holds after it: once at the least. */
export function doWhile(condition: I32, ...body: Body): Statement {
  return sequence([op("loop", 0x03, noResult), ...body.flat(), branchIf(condition), end]);
}

/** Runs the body while `left` is not 0 before it. */
export function whileAny(left: I32, ...body: Body): Statement {
  return when(left, [doWhile(left, ...body)]);
}

/** Runs the body `count` times, none for 0; `count` is counted down. */
export function times(count: Local<"i32">, ...body: Body): Statement {
  const loop = doWhile(tee(count, i32.sub(count, i32.const(1))), ...body);
  return sequence([op("block", 0x02, noResult), branchIf(i32.eqz(count)), loop, end]);
}

export function when(condition: I32, yes: Body, no: Body = []): Statement {
  const otherwise = no.length > 0 ? [op("else", 0x05), ...no.flat()] : [];
  return sequence([condition, op("if", 0x04, noResult), ...yes.flat(), ...otherwise, end]);
}
